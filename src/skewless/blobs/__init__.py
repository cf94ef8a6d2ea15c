"""How our own code reaches objects by ``s3://`` address, wherever they are kept; no HTTP server is here."""

from skewless.blobs.base import Blob, Blobs
from skewless.blobs.errors import BlobError, BucketMissing, KeyConflict, KeyRefused, ObjectMissing
from skewless.blobs.opening import open_blobs

__all__ = [
    "Blob",
    "BlobError",
    "Blobs",
    "BucketMissing",
    "KeyConflict",
    "KeyRefused",
    "ObjectMissing",
    "open_blobs",
]
