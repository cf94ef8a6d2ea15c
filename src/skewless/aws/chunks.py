"""A body as it comes in: its sum or its chunks' signatures are checked while it streams through.

What is fed out before the end is provisional: only `close` says that all of it was what the client signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final, Protocol

from skewless.aws.http import Head
from skewless.aws.signature import EMPTY, STREAMING, UNSIGNED, Fault, SignatureRefused, Signed

LONGEST_LINE: Final = 8192
"""Bytes of a chunk's head or of a trailer's line."""
MOST_TRAILERS: Final = 16
CHUNK_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
SIGNATURE_TRAILER: Final = "x-amz-trailer-signature"


class Body(Protocol):
    """Takes the bytes of the wire and gives the bytes of the object."""

    trailers: dict[str, str]
    """What came after a body in chunks; whole after `close`."""

    def feed(self, data: bytes) -> bytes:
        """The object's bytes in the next bytes of the wire. SignatureRefused."""

    def close(self) -> None:
        """The wire has ended. SignatureRefused where the body was not all, or not what was signed."""


def body_of(head: Head, signed: Signed) -> Body:
    """The reader for a request's body."""
    if signed.body_sum in STREAMING:
        return ChunkedBody(head, signed)
    return PlainBody(None if signed.body_sum == UNSIGNED else signed.body_sum)


class PlainBody:
    """A body that is the object's bytes, with their sum or without."""

    def __init__(self, body_sum: str | None) -> None:
        self.trailers: dict[str, str] = {}
        self._expected = body_sum
        self._sum = hashlib.sha256()

    def feed(self, data: bytes) -> bytes:
        """The bytes themselves."""
        if self._expected is not None:
            self._sum.update(data)
        return data

    def close(self) -> None:
        """Compare the sums."""
        if self._expected is not None and self._sum.hexdigest() != self._expected:
            raise SignatureRefused(
                Fault.BODY_CHANGED,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )


class ChunkedBody:
    """``aws-chunked``: each chunk has its length and, when signed, a signature that follows from the one before."""

    def __init__(self, head: Head, signed: Signed) -> None:
        self.trailers: dict[str, str] = {}
        self._signed = "UNSIGNED" not in signed.body_sum
        self._trailing = signed.body_sum.endswith("TRAILER")
        self._claim, self._key = signed.claim, signed.key
        self._signature = signed.claim.signature
        self._length = _length(head)
        self._seen = 0
        self._pending = bytearray()
        self._left = 0
        self._sum = hashlib.sha256()
        self._chunk_signature: str | None = None
        self._signed_trailers: list[str] = []
        self._step = self._chunk_head

    def feed(self, data: bytes) -> bytes:
        """The object's bytes that are now known."""
        self._pending += data
        out = bytearray()
        while self._step(out):
            pass
        return bytes(out)

    def close(self) -> None:
        """All chunks came, and as many bytes as the head said."""
        if self._step != self._ended:
            raise SignatureRefused(Fault.BODY_INCOMPLETE, "the body ended before its last chunk")
        if self._seen != self._length:
            raise SignatureRefused(
                Fault.BODY_INCOMPLETE,
                f"x-amz-decoded-content-length is {self._length}, but {self._seen} bytes came",
            )

    # Steps take what they need of the pending bytes; False where that has not all come yet.

    def _chunk_head(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        found = CHUNK_HEAD.fullmatch(line)
        if found is None or (found[2] is None) == self._signed:
            raise SignatureRefused(
                Fault.CHUNKS, "a chunk does not begin with its length" + self._and_signature()
            )
        self._left = int(found[1], 16)
        self._chunk_signature = found[2].decode() if found[2] else None
        self._sum = hashlib.sha256()
        if self._seen + self._left > self._length:
            raise SignatureRefused(Fault.BODY_INCOMPLETE, f"the body is longer than {self._length} bytes")
        if self._left:
            self._step = self._chunk_data
        else:
            self._check_chunk()
            self._step = self._trailer if self._trailing else self._last_line
        return True

    def _and_signature(self) -> str:
        return " and signature" if self._signed else ""

    def _chunk_data(self, out: bytearray) -> bool:
        data = bytes(self._pending[: self._left])
        del self._pending[: self._left]
        self._sum.update(data)
        self._left -= len(data)
        self._seen += len(data)
        out += data
        if self._left == 0:
            self._step = self._chunk_end
            return True
        return False

    def _chunk_end(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise SignatureRefused(Fault.CHUNKS, "a chunk is longer than its head says")
        self._check_chunk()
        self._step = self._chunk_head
        return True

    def _check_chunk(self) -> None:
        if self._signed:
            assert self._chunk_signature is not None
            self._follow(
                "AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY}\n{self._sum.hexdigest()}", self._chunk_signature
            )

    def _follow(self, kind: str, rest: str, given: str) -> None:
        text = f"{kind}\n{self._claim.when}\n{self._claim.scope}\n{self._signature}\n{rest}"
        if not hmac.compare_digest(hmac.digest(self._key, text.encode(), "sha256").hex(), given):
            raise SignatureRefused(Fault.MISMATCH, "the signature of a chunk does not match its bytes")
        self._signature = given

    def _trailer(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
            if len(self.trailers) > MOST_TRAILERS:
                raise SignatureRefused(Fault.CHUNKS, f"a body has no more than {MOST_TRAILERS} trailers")
            return True
        self._check_trailers()
        self._step = self._ended
        return True

    def _check_trailers(self) -> None:
        given = self.trailers.pop(SIGNATURE_TRAILER, "")
        if self._signed:
            text = "".join(f"{name}:{value}\n" for name, value in sorted(self.trailers.items()))
            self._follow(
                "AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(text.encode("latin-1")).hexdigest(), given
            )

    def _last_line(self, out: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise SignatureRefused(Fault.CHUNKS, "something follows the last chunk")
        self._step = self._ended
        return True

    def _ended(self, out: bytearray) -> bool:
        if self._pending:
            raise SignatureRefused(Fault.CHUNKS, "something follows the end of the body")
        return False

    def _line(self) -> bytes | None:
        end = self._pending.find(b"\r\n")
        if end > LONGEST_LINE or (end < 0 and len(self._pending) > LONGEST_LINE):
            raise SignatureRefused(
                Fault.CHUNKS, f"a chunk's head or a trailer has more than {LONGEST_LINE} bytes"
            )
        if end < 0:
            return None
        line = bytes(self._pending[:end])
        del self._pending[: end + 2]
        return line


def _length(head: Head) -> int:
    text = head.headers.get("x-amz-decoded-content-length", "")
    if not (text.isascii() and text.isdecimal()):
        raise SignatureRefused(
            Fault.BODY_SUM_MISSING, "a body in chunks needs the header x-amz-decoded-content-length"
        )
    return int(text)
