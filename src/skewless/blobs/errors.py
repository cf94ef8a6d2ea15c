"""What can be wrong with an object or its address."""

from __future__ import annotations

import errno
from typing import Final

from skewless.errors import SkewlessError

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
"""What the file system says where there is none."""


class BlobError(SkewlessError):
    """An object cannot be read, written or named so; ``uri`` is its address."""

    def __init__(self, message: str, *, uri: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.uri = uri

    @property
    def place(self) -> str:
        return self.uri


class BucketMissing(BlobError):
    """There is no such bucket."""


class ObjectMissing(BlobError):
    """There is no such object."""


class KeyRefused(BlobError):
    """No object may have this name here."""


class KeyConflict(BlobError):
    """A folder of plain files cannot hold both ``a`` and ``a/b``."""


class StorageFull(BlobError):
    """There is no room on the disk."""


def storage_full(uri: str) -> StorageFull:
    """The refusal where an object has no room, in the storage or where it shall be copied to."""
    return StorageFull("the disk is full", uri=uri, hint="Delete what is not needed, then try again.")


def no_bucket(bucket: str) -> BucketMissing:
    """The refusal where a bucket is not there."""
    return BucketMissing(
        "there is no such bucket",
        uri=f"s3://{bucket}",
        hint=f"Check the name, or create it: aws s3 mb s3://{bucket}",
    )


def no_object(bucket: str, key: str) -> ObjectMissing:
    """The refusal where an object is not there."""
    parent = key.rpartition("/")[0]
    return ObjectMissing(
        "there is no such object",
        uri=f"s3://{bucket}/{key}",
        hint=f"See what is there: aws s3 ls s3://{bucket}/{parent + '/' if parent else ''}",
    )
