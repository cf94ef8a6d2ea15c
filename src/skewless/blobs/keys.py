"""Which names buckets and objects may have where a bucket is a folder and an object a file."""

from __future__ import annotations

import re
from typing import Final

from skewless.blobs.errors import BlobError, KeyRefused

LONGEST_KEY: Final = 1024
"""Bytes of UTF-8, as in S3."""

_LONGEST_NAME: Final = 255
"""Bytes of one name between slashes, a limit of the usual file systems."""

# The rules for general purpose buckets in the S3 user guide.
_BUCKET: Final = re.compile(r"(?=.{3,63}\Z)[a-z0-9](?:[a-z0-9-]|\.(?!\.))*[a-z0-9]\Z")
_NO_BUCKET: Final = re.compile(
    r"(?:\d+\.){3}\d+\Z|xn--|sthree-|amzn-s3-demo-|.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z"
)


def is_bucket_name(name: str) -> bool:
    """Whether S3 would let a bucket have this name."""
    return bool(_BUCKET.match(name)) and not _NO_BUCKET.match(name)


def check_bucket_name(name: str) -> None:
    """BlobError where S3 would not let a bucket have this name."""
    if not is_bucket_name(name):
        raise BlobError(
            "this is no name for a bucket",
            uri=f"s3://{name}",
            hint="Use 3 to 63 small letters, digits, dots and hyphens that begin and end with a letter or digit.",
        )


def check_key(bucket: str, key: str) -> None:
    """KeyRefused for a key that cannot be a file's path below the bucket's folder; one slash may end it."""

    def refuse(what: str, hint: str = "Use another key.") -> KeyRefused:
        return KeyRefused(what, uri=f"s3://{bucket}/{key}", hint=hint)

    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise refuse("the key is not UTF-8 text") from None
    if not key:
        raise refuse("the key is empty")
    if size > LONGEST_KEY:
        raise refuse(f"the key has {size} bytes, {LONGEST_KEY} are the most")
    if "\0" in key:
        raise refuse("the key holds a NUL character")
    for part in key.removesuffix("/").split("/"):
        if part in ("", ".", ".."):
            raise refuse(
                f"the key has the part {part!r} between slashes, and objects are kept as plain files",
                "Leave out '//', '/./', '/../' and a slash at the start.",
            )
        if len(part.encode()) > _LONGEST_NAME:
            raise refuse(f"the key has a part of more than {_LONGEST_NAME} bytes between slashes")
