"""The gateway's way to an instance: HTTP/1.1 on a Unix socket, connections kept.

A library's client costs a millisecond a request, which is more than the instance does; this one costs a few dozen
microseconds, because it knows its server: no redirects, no cookies, no compression.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import httptools

_MOST_KEPT: Final = 64
"""Idle connections kept to one instance."""


class HopError(Exception):
    """The instance could not be reached, or went away before it had answered; ``sent``: after it had the request."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(slots=True)
class Reply:
    """What an instance answered; names of headers are in lower case."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.open = True
        self.reply = Reply()
        self._parts: list[bytes] = []
        self._waiting: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def ask(self, request: Iterable[bytes], future: asyncio.Future[Reply]) -> None:
        """Send a request; the future gets its answer."""
        self.reply, self._parts, self._waiting = Reply(), [], future
        self.transport.writelines(request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(HopError(f"its answer is no HTTP: {error}", sent=True))
            self.transport.close()

    def eof_received(self) -> None:
        self.open = False

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._fail(HopError("it closed the connection before it had answered", sent=True))

    def _fail(self, error: HopError) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reply.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self.reply.status = self._parser.get_status_code()
        self.reply.body = b"".join(self._parts)
        if not self._parser.should_keep_alive():
            self.open = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(self.reply)


class Hop:
    """Requests to the server on one Unix socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._idle: list[_Connection] = []

    async def ask(
        self, method: bytes, path: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> Reply:
        """Send a request and wait for the answer. HopError where there is none; cancelling it ends the connection."""
        head = [method, b" ", path, b" HTTP/1.1\r\nhost: instance\r\n"]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        head += (b"content-length: %d\r\n\r\n" % len(body), body)
        connection = await self._connection()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        connection.ask(head, future)
        try:
            reply = await future
        except BaseException:
            connection.transport.abort()
            raise
        if connection.open and len(self._idle) < _MOST_KEPT:
            self._idle.append(connection)
        else:
            connection.transport.close()
        return reply

    async def _connection(self) -> _Connection:
        while self._idle:
            kept = self._idle.pop()
            if kept.open and not kept.transport.is_closing():
                return kept
        try:
            _, made = await asyncio.get_running_loop().create_unix_connection(_Connection, str(self.socket))
        except OSError as error:
            raise HopError(f"it does not listen: {error.strerror or error}", sent=False) from None
        return made

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            with suppress(Exception):
                self._idle.pop().transport.close()
