"""The bytes of an upload on their way into a file, and whether they are what the client says they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from skewless.aws.s3.refusal import S3Refused

PREFIX: Final = "x-amz-checksum-"
LARGEST: Final = 5 << 30
"""Bytes of one upload, as in S3."""


class Sum(Protocol):
    """A running sum."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """The sum so far."""


class Crc32:
    """The sum that boto3 sends unless told otherwise."""

    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        self._sum = zlib.crc32(data, self._sum)

    def digest(self) -> bytes:
        """The sum so far."""
        return self._sum.to_bytes(4, "big")


def new_sum(algorithm: str) -> Sum | None:
    """A sum by its name in a header; None for the two that Python cannot make, whose values are passed over."""
    match algorithm:
        case "crc32":
            return Crc32()
        case "sha1":
            return hashlib.sha1(usedforsecurity=False)
        case "sha256":
            return hashlib.sha256()
    return None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came: its size in bytes, its MD5, and those sums that the client sent with it, by their headers."""

    size: int
    md5: bytes
    sums: Mapping[str, str]


class Intake:
    """Takes one upload. Its methods work on files and are to be called in a thread."""

    def __init__(self, file: BinaryIO, headers: Mapping[str, str]) -> None:
        """``headers``: of the request. EntityTooLarge, MissingContentLength, InvalidDigest."""
        self._file = file
        self._length = declared_length(headers)
        self._headers = headers
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._said_md5 = headers.get("content-md5")
        named = {name.removeprefix(PREFIX) for name in headers if name.startswith(PREFIX)}
        named |= {
            name.strip().lower().removeprefix(PREFIX) for name in headers.get("x-amz-trailer", "").split(",")
        }
        self._sums = {name: made for name in named if (made := new_sum(name)) is not None}
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take more bytes. IncompleteBody where there are more than the head says; OSError."""
        self._size += len(data)
        if self._size > self._length:
            raise S3Refused("IncompleteBody", f"The body is longer than {self._length} bytes")
        self._file.write(data)
        self._md5.update(data)
        for made in self._sums.values():
            made.update(data)

    def finish(self, trailers: Mapping[str, str]) -> Taken:
        """All has come. IncompleteBody, BadDigest."""
        if self._size != self._length:
            raise S3Refused(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            )
        if self._said_md5 is not None and _bytes(self._said_md5) != self._md5.digest():
            raise S3Refused("BadDigest", "The Content-MD5 you specified did not match what we received.")
        kept = {}
        for name, made in self._sums.items():
            said = self._headers.get(PREFIX + name) or trailers.get(PREFIX + name)
            if said is None:
                raise S3Refused(
                    "MalformedTrailerError", f"The trailer {PREFIX}{name} was announced and did not come"
                )
            if _bytes(said) != made.digest():
                raise S3Refused(
                    "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum."
                )
            kept[PREFIX + name] = said
        return Taken(self._size, self._md5.digest(), kept)


def declared_length(headers: Mapping[str, str]) -> int:
    """How many bytes the object is to have. EntityTooLarge, MissingContentLength."""
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length", "")
    if not (text.isascii() and text.isdecimal()):
        raise S3Refused("MissingContentLength", "You must provide the Content-Length HTTP header.")
    if int(text) > LARGEST:
        raise S3Refused(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=text,
            MaxSizeAllowed=str(LARGEST),
        )
    return int(text)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise S3Refused("InvalidDigest", f"The digest you specified is not valid: {text}") from None
