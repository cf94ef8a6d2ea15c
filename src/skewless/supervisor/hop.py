"""The gateway's way to an instance: HTTP/1.1 on a Unix socket, connections kept.

A library's client costs a millisecond a request, which is more than the instance does; this one costs a dozen
microseconds, because it knows its server: no redirects, no cookies, no compression.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, cast

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


Told: TypeAlias = Callable[[Reply | Exception], None]
"""Hears the answer to a request, or why there is none: HopError, or TimeoutError. It is called once."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, release: Callable[[_Connection], None]) -> None:
        self.open = True
        self.loop = loop
        self.idle_since = 0.0
        self._release = release
        self._reply = Reply()
        self._parts: list[bytes] = []
        self._complete = False
        self._told: Told | None = None
        self._until = self._looks_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def ask(self, head: bytes, body: bytes, seconds: float, told: Told) -> None:
        """Send a request, whose answer may take so many seconds."""
        self._reply, self._parts, self._told = Reply(), [], told
        self._until = self.loop.time() + seconds
        if self._timer is not None and self._until < self._looks_at:  # the one before was given longer
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._look_later()
        if len(body) > _SHORT:
            self.transport.writelines((head, body))
        else:
            self.transport.write(head + body)

    def _look_later(self) -> None:
        self._looks_at = self._until
        self._timer = self.loop.call_at(self._until, self._look)

    def _look(self) -> None:
        """End what takes too long. A timer outlives its request: setting one for each would cost more than the look."""
        self._timer = None
        if self._told is None:
            return
        if self.loop.time() < self._until:
            self._look_later()
        else:
            self._end(TimeoutError("there was no answer in time"))
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(HopError(f"its answer is no HTTP: {error}", sent=True))
            self.transport.close()
            return
        if self._complete:
            self._complete = False
            self._reply.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            told, self._told = self._told, None
            if told is not None:
                self._release(self)
                told(self._reply)

    def eof_received(self) -> None:
        self.open = False

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end(HopError("it closed the connection before it had answered", sent=True))

    def _end(self, error: Exception) -> None:
        self.open = False
        told, self._told = self._told, None
        if told is not None:
            told(error)

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reply.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._complete = True
        self._reply.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.open = False


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
        connection = self._kept() or await self._connect()
        future: asyncio.Future[Reply] = connection.loop.create_future()

        def told(outcome: Reply | Exception) -> None:
            if future.done():
                return
            if isinstance(outcome, Reply):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        connection.ask(_head(method, path, headers, body), body, seconds, told)
        try:
            return await future
        except asyncio.CancelledError:
            connection.transport.abort()
            raise

    def offer(
        self,
        method: str,
        path: str,
        told: Told,
        *,
        seconds: float,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> bool:
        """Send a request without waiting for anything. False, and nothing is sent, where no connection is idle."""
        connection = self._kept()
        if connection is None:
            return False
        connection.ask(_head(method, path, headers, body), body, seconds, told)
        return True

    def _kept(self) -> _Connection | None:
        while self._idle:
            kept = self._idle.pop()
            if not kept.open or kept.transport.is_closing():
                continue
            if kept.loop.time() - kept.idle_since < _IDLE:
                return kept
            kept.transport.close()
        return None

    def _release(self, connection: _Connection) -> None:
        if connection.open and len(self._idle) < _MOST_KEPT:
            connection.idle_since = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.transport.close()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_unix_connection(
                lambda: _Connection(loop, self._release), str(self.socket)
            )
        except OSError as error:
            raise HopError(f"it does not listen: {error.strerror or error}", sent=False) from None
        return made

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            with suppress(Exception):
                self._idle.pop().transport.close()


def _head(method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    told = "".join([f"{name}: {value}\r\n" for name, value in headers])
    head = f"{method} {path} HTTP/1.1\r\nhost: instance\r\n{told}content-length: {len(body)}\r\n\r\n"
    return head.encode("latin-1")
