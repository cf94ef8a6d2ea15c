"""Chooses the kind of storage."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from skewless.blobs.base import Blobs
from skewless.blobs.folder import FolderBlobs
from skewless.errors import SettingError
from skewless.lazy import resolve

_REMOTE: Final = "skewless.blobs.remote:RemoteBlobs"
"""Loads pyarrow, which who has a folder need not."""


def open_blobs(
    *,
    s3_folder: str | Path | None = None,
    s3_endpoint_url: str | None = None,
    region: str = "us-east-1",
    access_key: str = "",
    secret_key: str = "",
) -> Blobs:
    """The embedded storage's folder of buckets, or else another S3 by its address and keys. SettingError."""
    if s3_folder is not None:
        return FolderBlobs(Path(s3_folder))
    if s3_endpoint_url is None:
        raise SettingError(
            "it is not said where objects are", hint="Give the folder of buckets, or the URL of an S3."
        )
    blobs: Blobs = resolve(_REMOTE)(s3_endpoint_url, region, access_key, secret_key)
    return blobs
