"""Bodies and answers of S3's requests, over ASGI: in pieces, and not waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from skewless.aws.http import Head
from skewless.aws.s3 import xmltext
from skewless.aws.s3.refusal import S3Refused

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

CHUNK: Final = 1 << 20
"""Bytes that are worked on at a time."""
PATIENCE: Final = 60.0
"""Seconds between two pieces of a body, or of an answer that is taken."""


class Gone(Exception):
    """The client went away."""


async def piece(receive: Receive, patience: float) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether more follow. RequestTimeout; Gone."""
    try:
        message = await asyncio.wait_for(receive(), patience)
    except TimeoutError:
        raise S3Refused(
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the timeout period.",
        ) from None
    if message["type"] != "http.request":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def has_body(head: Head) -> bool:
    """Whether a request says that bytes follow."""
    return head.headers.get("content-length", "0") != "0" or "transfer-encoding" in head.headers


class Out:
    """Where one answer goes."""

    def __init__(self, send: Send, head: Head, request_id: str, patience: float) -> None:
        self._send = send
        self._head = head
        self._patience = patience
        self._begun = False
        self.request_id = request_id

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Status and headers."""
        self._begun = True
        pairs = {"x-amz-request-id": self.request_id, **headers}
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in pairs.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def piece(self, data: bytes, *, more: bool) -> None:
        """Bytes of the body. A client that does not take them is not waited for without end."""
        await asyncio.wait_for(
            self._send({"type": "http.response.body", "body": data, "more_body": more}), self._patience
        )

    async def whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """An answer that is at hand."""
        if body:
            headers = {"content-type": "application/xml", **headers}
        if status not in (204, 304):
            headers = {"content-length": str(len(body)), **headers}
        await self.start(status, headers)
        await self.piece(b"" if self._head.method == "HEAD" else body, more=False)

    async def refuse(self, refused: S3Refused) -> None:
        """An error. The connection ends with it where a body may be left unread."""
        if self._begun:
            raise ConnectionAbortedError(f"request {self.request_id} failed while it was answered: {refused}")
        headers = {"connection": "close"} if has_body(self._head) else {}
        if refused.status == 304 or self._head.method == "HEAD":
            await self.whole(refused.status, headers, b"")
        else:
            await self.whole(refused.status, headers, xmltext.error(refused, self.request_id))
