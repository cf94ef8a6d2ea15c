"""The gateway's way to an instance: HTTP/1.1 on a Unix socket, connections kept.

A library's client costs a millisecond a request, which is more than the instance does; this one costs a dozen
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

_MOST_KEPT: Final = 256
"""Idle connections kept to one instance."""
_IDLE: Final = 60.0
"""Seconds that one is kept: fewer than its server keeps it, which might else end it just as it gets a request."""
_SHORT: Final = 16 << 10
"""Bytes of a body that is copied behind its head rather than sent as a second piece."""


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

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.open = True
        self.idle_since = 0.0
        self.reply = Reply()
        self.loop = loop
        self._parts: list[bytes] = []
        self._waiting: asyncio.Future[Reply] | None = None
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def ask(self, head: bytes, body: bytes, seconds: float) -> asyncio.Future[Reply]:
        """Send a request; the future gets its answer, or TimeoutError after so many seconds."""
        self.reply, self._parts = Reply(), []
        self._waiting = future = self.loop.create_future()
        self._until = self.loop.time() + seconds
        if self._timer is None:
            self._timer = self.loop.call_at(self._until, self._look)
        if len(body) > _SHORT:
            self.transport.writelines((head, body))
        else:
            self.transport.write(head + body)
        return future

    def _look(self) -> None:
        """End what takes too long. A timer outlives its request: setting one for each would cost more than the look."""
        self._timer = None
        if self._waiting is None:
            return
        if self.loop.time() < self._until:
            self._timer = self.loop.call_at(self._until, self._look)
        else:
            self._fail(TimeoutError("there was no answer in time"))

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
        if self._timer is not None:
            self._timer.cancel()
        self._fail(HopError("it closed the connection before it had answered", sent=True))

    def _fail(self, error: Exception) -> None:
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
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:
        """Send a request and wait for the answer, up to ``seconds``. Cancelling it ends the connection.

        HopError where there is none; TimeoutError where it does not come in time.
        """
        told = "".join([f"{name}: {value}\r\n" for name, value in headers])
        head = f"{method} {path} HTTP/1.1\r\nhost: instance\r\n{told}content-length: {len(body)}\r\n\r\n"
        connection = self._kept() or await self._connect()
        try:
            reply = await connection.ask(head.encode("latin-1"), body, seconds)
        except BaseException:
            connection.transport.abort()
            raise
        if connection.open and len(self._idle) < _MOST_KEPT:
            connection.idle_since = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.transport.close()
        return reply

    def _kept(self) -> _Connection | None:
        while self._idle:
            kept = self._idle.pop()
            if not kept.open or kept.transport.is_closing():
                continue
            if kept.loop.time() - kept.idle_since < _IDLE:
                return kept
            kept.transport.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_unix_connection(lambda: _Connection(loop), str(self.socket))
        except OSError as error:
            raise HopError(f"it does not listen: {error.strerror or error}", sent=False) from None
        return made

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            with suppress(Exception):
                self._idle.pop().transport.close()
