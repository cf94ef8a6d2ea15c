"""What S3 refuses, with its own codes."""

from __future__ import annotations

from typing import Final

from skewless.blobs.errors import (
    BlobError,
    BucketMissing,
    KeyConflict,
    KeyRefused,
    ObjectMissing,
    StorageFull,
)
from skewless.blobs.keys import LONGEST_KEY
from skewless.errors import SkewlessError

STATUSES: Final = {
    "AccessDenied": 403,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "InternalError": 500,
    "InvalidRange": 416,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    "StorageFull": 507,
}
"""HTTP statuses of S3's codes; others are 400."""


class S3Refused(SkewlessError):
    """S3 refuses a request; ``code`` is what clients match on, ``extra`` further elements of the error."""

    def __init__(self, code: str, message: str, **extra: str) -> None:
        super().__init__(message)
        self.code = code
        self.extra = extra

    @property
    def status(self) -> int:
        """HTTP's."""
        return STATUSES.get(self.code, 400)


def refusal_of(error: BlobError, bucket: str, key: str) -> S3Refused:
    """What storage refused, as S3 says it; where S3 has no words, in ours."""
    match error:
        case BucketMissing():
            return S3Refused("NoSuchBucket", "The specified bucket does not exist", BucketName=bucket)
        case ObjectMissing():
            return S3Refused("NoSuchKey", "The specified key does not exist.", Key=key)
        case KeyRefused() if len(key.encode(errors="replace")) > LONGEST_KEY:
            return S3Refused("KeyTooLongError", "Your key is too long", MaxSizeAllowed=str(LONGEST_KEY))
        case KeyRefused():
            return S3Refused("InvalidArgument", str(error), ArgumentName="key")
        case KeyConflict():
            return S3Refused("InvalidRequest", str(error))
        case StorageFull():
            return S3Refused("StorageFull", str(error))
    return S3Refused("InternalError", str(error))


def invalid(argument: str, message: str, value: str = "") -> S3Refused:
    """InvalidArgument."""
    return S3Refused("InvalidArgument", message, ArgumentName=argument, ArgumentValue=value)
