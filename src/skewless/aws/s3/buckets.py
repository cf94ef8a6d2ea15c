"""Buckets: create, head, locate, list and delete."""

from __future__ import annotations

import hashlib
from typing import Final

from skewless.aws.s3 import xmltext
from skewless.aws.s3.refusal import S3Refused
from skewless.aws.s3.reply import Asked, Reply, Storage
from skewless.blobs.errors import BlobError
from skewless.blobs.keys import is_bucket_name
from skewless.names import ACCOUNT

FIRST_REGION: Final = "us-east-1"
"""The region that has no location constraint, and where creating one's own bucket again is no error."""
OWNER: Final = {"DisplayName": "skewless", "ID": hashlib.sha256(ACCOUNT.encode()).hexdigest()}


def create_bucket(storage: Storage, asked: Asked) -> Reply:
    """CreateBucket."""
    name = asked.bucket
    if not is_bucket_name(name):
        raise S3Refused("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
    _check_region(
        storage.region, asked.members.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    )
    if asked.members.get("ObjectLockEnabledForBucket"):
        raise S3Refused(
            "NotImplemented", "Objects cannot be locked here; leave out ObjectLockEnabledForBucket"
        )
    try:
        made = storage.folders.make_bucket(name)
    except BlobError as error:
        raise S3Refused("InternalError", str(error)) from None
    if not made and storage.region != FIRST_REGION:
        raise S3Refused(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            BucketName=name,
        )
    return Reply({"Location": f"/{name}"})


def _check_region(region: str, constraint: str | None) -> None:
    wanted = {"EU": "eu-west-1"}.get(constraint or "", constraint)
    if wanted == region or (wanted is None and region == FIRST_REGION):
        return
    raise S3Refused(
        "IllegalLocationConstraintException",
        f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
        f"request was sent to: all buckets are in {region}.",
    )


def head_bucket(storage: Storage, asked: Asked) -> Reply:
    """HeadBucket."""
    storage.folders.bucket(asked.bucket)
    return Reply({"BucketRegion": storage.region})


def get_bucket_location(storage: Storage, asked: Asked) -> Reply:
    """GetBucketLocation: an empty text means the first region."""
    storage.folders.bucket(asked.bucket)
    region = "" if storage.region == FIRST_REGION else storage.region
    return Reply(content=xmltext.document("LocationConstraint", region))


def get_bucket_versioning(storage: Storage, asked: Asked) -> Reply:
    """GetBucketVersioning: nothing is said of a bucket that never had versions."""
    storage.folders.bucket(asked.bucket)
    return Reply()


def list_buckets(storage: Storage, asked: Asked) -> Reply:
    """ListBuckets."""
    prefix, after = asked.members.get("Prefix", ""), asked.members.get("ContinuationToken", "")
    most = min(asked.members.get("MaxBuckets", 10_000), 10_000)
    found = [
        {"Name": name, "CreationDate": folder.st_ctime, "BucketRegion": storage.region}
        for name, folder in storage.folders.buckets()
        if name.startswith(prefix) and name > after
    ]
    token = {"ContinuationToken": found[most - 1]["Name"]} if len(found) > most else {}
    return Reply({"Owner": OWNER, "Buckets": found[:most], **token})


def delete_bucket(storage: Storage, asked: Asked) -> Reply:
    """DeleteBucket."""
    if not storage.folders.remove_bucket(asked.bucket):
        raise S3Refused(
            "BucketNotEmpty", "The bucket you tried to delete is not empty", BucketName=asked.bucket
        )
    return Reply(status=204)
