"""HTTP/1.1 to a program on this machine: blocking, connections kept, answers bounded in time and in size.

For a program that takes one connection at a time, one that idles here is closed as soon as another waits for its first
answer; it would starve otherwise.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, TypeAlias

import httptools

_BLOCK: Final = 256 << 10
_LONGEST_HEAD: Final = 64 << 10
"""Bytes of an answer's status line and headers."""
_MOST_KEPT: Final = 16
_IDLE: Final = 1.5
"""Seconds for which an idle connection is kept: less than servers keep theirs, which would close it under a request."""

Connect: TypeAlias = Callable[[float], socket.socket]
"""Opens a connection within so many seconds; OSError where nobody listens."""
Header: TypeAlias = tuple[bytes, bytes]


class Unanswered(Exception):
    """There was no whole answer; the text says how it ended, as a sentence's end."""


class Late(Unanswered):
    """It did not come in time."""


class Broken(Unanswered):
    """The connection ended before it."""


class TooLong(Unanswered):
    """It has more bytes than are taken."""


@dataclass(slots=True)
class Reply:
    """What a program answered; names of headers are in lower case."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


class _Connection:
    """One connection, one request at a time."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self.since = time.monotonic()
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def _begin(self) -> None:
        self.reply = Reply()
        self.head = self.whole = False
        self.keeps = True
        self._parts: list[bytes] = []
        self._size = self._head_size = 0

    @property
    def usable(self) -> bool:
        """Whether it still is what it was when it was put aside: open, young, and silent."""
        if time.monotonic() - self.since > _IDLE:
            return False
        readable, _, _ = select.select([self.socket], [], [], 0)
        return not readable

    def ask(self, request: bytes, body: bytes, deadline: float, most: int) -> Reply:
        """Send a request and read its answer."""
        self._begin()
        self._most = most
        try:
            # One that is refused early is answered before it was read.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._until(deadline)
                self.socket.sendall(request + body if len(body) < _BLOCK else request)
                if len(body) >= _BLOCK:
                    self.socket.sendall(body)
            while not self.whole:
                self._until(deadline)
                self._take(self.socket.recv(_BLOCK))
        except TimeoutError:
            raise Late("it did not answer in time") from None
        except ConnectionError:
            raise Broken("it closed the connection before it had answered") from None
        self.since = time.monotonic()
        self.reply.body = b"".join(self._parts)
        return self.reply

    def _until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)

    def _take(self, data: bytes) -> None:
        if not data:
            # Without a length, the end of the connection is the end of the answer.
            if not self.head or {b"content-length", b"transfer-encoding"} & self.reply.headers.keys():
                raise ConnectionError
            self.whole, self.keeps = True, False
            return
        if not self.head:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise Unanswered("it answered with a change to another protocol") from None
        except httptools.HttpParserError as error:
            raise Unanswered(f"its answer is no HTTP: {error}") from None
        if not self.head and self._head_size > _LONGEST_HEAD:
            raise Unanswered("its answer is no HTTP: the headers do not end")
        if self._size > self._most:
            raise TooLong(f"its answer has more than {self._most:,} bytes")

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reply.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.reply.status = self._parser.get_status_code()
        self.head = self.reply.status >= 200

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size <= self._most:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self.reply.status < 200:
            self.reply = Reply()  # a word in between
            return
        self.whole = True
        self.keeps = self._parser.should_keep_alive()


class Channel:
    """Requests to one program; any number of threads may ask at once."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = Lock()
        self._idle: list[_Connection] = []
        self._unproven = 0
        """Connections that wait for their first answer."""
        self.answered = 0.0
        """When it last answered, by the monotonic clock."""

    def ask(
        self,
        method: bytes,
        path: bytes,
        headers: Iterable[Header] = (),
        body: bytes = b"",
        *,
        timeout: float,
        most: int,
    ) -> Reply:
        """Send a request; the answer has up to ``most`` bytes.

        OSError where nobody listens; Unanswered where the request was sent and there is no whole answer.
        """
        deadline = time.monotonic() + timeout
        head = [method, b" ", path, b" HTTP/1.1\r\nhost: localhost\r\n"]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        head += (b"content-length: %d\r\n\r\n" % len(body),) if body or method == b"POST" else (b"\r\n",)
        connection, fresh = self._open(timeout)
        try:
            reply = connection.ask(b"".join(head), body, deadline, most)
            self.answered = time.monotonic()
        except BaseException:
            connection.keeps = False
            raise
        finally:
            self._put_aside(connection, fresh)
        return reply

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().socket.close()

    def _open(self, timeout: float) -> tuple[_Connection, bool]:
        with self._lock:
            while self._idle:
                kept = self._idle.pop()
                if kept.usable:
                    return kept, False
                kept.socket.close()
            self._unproven += 1
        try:
            return _Connection(self._connect(timeout)), True
        except BaseException:
            with self._lock:
                self._unproven -= 1
            raise

    def _put_aside(self, connection: _Connection, fresh: bool) -> None:
        with self._lock:
            self._unproven -= fresh
            if connection.keeps and not self._unproven and len(self._idle) < _MOST_KEPT:
                self._idle.append(connection)
            else:
                connection.socket.close()
