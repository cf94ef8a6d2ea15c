"""The table of contents: every operation of S3 that there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from skewless.aws.s3 import buckets, listing, multipart, objects
from skewless.aws.s3.reply import Asked, Reply, Storage, Uploaded

Handler: TypeAlias = Callable[[Storage, Asked], Reply]


@dataclass(frozen=True, slots=True)
class Receiver:
    """An operation with bytes: what is checked before they come, and what is done with them."""

    check: Callable[[Storage, Asked], None]
    store: Callable[[Storage, Asked, Uploaded], Reply]


HANDLERS: Final[Mapping[str, Handler]] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "CopyObject": objects.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteObject": objects.delete_object,
    "DeleteObjects": objects.delete_objects,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketVersioning": buckets.get_bucket_versioning,
    "GetObject": objects.get_object,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": multipart.list_multipart_uploads,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "UploadPartCopy": multipart.upload_part_copy,
}
RECEIVERS: Final[Mapping[str, Receiver]] = {
    "PutObject": Receiver(objects.check_put, objects.put_object),
    "UploadPart": Receiver(multipart.check_part, multipart.upload_part),
}
