"""A request's body within a limit, and the answer to one that is over it. Light: other servers of ours use it too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from skewless.errors import PayloadTooLarge

_LINGER: Final = 30
"""Seconds for which the rest of a refused body is read."""


async def read_body(request: Request, limit: int, hint: str) -> bytes:
    """The whole body. PayloadTooLarge, with what to do about it, as soon as it is known to be over so many bytes."""
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(f"{int(told):,} bytes", limit, hint)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(f"{size:,} bytes or more", limit, hint)
        parts.append(part)
    return b"".join(parts)


def _too_large(size: str, limit: int, hint: str) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has {size}, over the limit of {limit:,}", hint=hint)


class Unread(PlainTextResponse):
    """An answer to a request whose body was not read to its end.

    What still comes is thrown away after the answer: closing a connection that holds unread bytes resets it, and the
    client would see that in place of the answer.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers["connection"] = "close"

        async def not_the_end(message: Message) -> None:
            await send({**message, "more_body": True})

        await super().__call__(scope, receive, not_the_end)
        # Who asked before sending the body has been answered, and sends none.
        if not any(name == b"expect" for name, _ in scope["headers"]):
            with suppress(TimeoutError):
                async with asyncio.timeout(_LINGER):
                    while (await receive()).get("more_body"):
                        pass
        await send({"type": "http.response.body", "body": b""})
