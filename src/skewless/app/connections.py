"""One client's connection to the gateway, bounded: in how long it may say nothing, and in how much it may say in vain.

Nobody needs keys for what is bounded here, since a signature can be judged only when a request's head has come.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from typing import Any, Final

from skewless.serving.protocol import Protocol

MOST_HEAD: Final = 64 << 10
"""Bytes of a head; and of anything else that is no body: trailers, the lines between chunks."""

_FILES: Final = 8192
"""Open files that the process asks for: each connection is one, and so are objects, logs, instances' sockets."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long clients are waited for, and how many of them there may be."""

    head_seconds: float = 20.0
    """From a connection's start, or a request's first byte, until its head is complete."""
    read_seconds: float = 60.0
    """That a client may leave an answer unread."""
    connections: int = 2000
    """Open at once."""


def make_room() -> Bounds:
    """Ask for enough open files. The bounds let connections have half of what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if resource.RLIM_INFINITY != soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    usual = Bounds()
    return usual if soft == resource.RLIM_INFINITY else Bounds(connections=min(usual.connections, soft // 2))


def bounded(given: Bounds) -> type[Connection]:
    """The class of connections with these bounds, which is how uvicorn takes a protocol."""

    class Bounded(Connection):
        bounds = given

    return Bounded


class Connection(Protocol):
    """HTTP on one connection, with an end to every wait for the client."""

    bounds = Bounds()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # it asks for what it is always given
        self._in_head = True
        self._in_vain = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        if len(self.connections) > self.bounds.connections:
            self._refuse("503 Service Unavailable", "There are too many connections. Close some.")
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._in_vain += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_vain > MOST_HEAD:
            self._refuse(
                "431 Request Header Fields Too Large", f"A request's head has up to {MOST_HEAD} bytes."
            )
        elif self._timer is None and self._idle() and self.timeout_keep_alive_task is None:
            self._wait()  # bytes came, which ended the wait for a next request, but no head is complete

    # What the parser tells.

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_vain = False, 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._in_vain = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_vain = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.transport.is_closing():
            self._abort_later()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_later()

    # What the transport tells.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._abort_later()

    def resume_writing(self) -> None:
        if self._unread is not None and not self.transport.is_closing():
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _abort_later(self) -> None:
        """Have an end to it even where what was written is never read: closing waits for that."""
        if self._unread is None:
            self._unread = self.loop.call_later(self.bounds.read_seconds, self.transport.abort)

    def _idle(self) -> bool:
        """Whether nothing is being answered."""
        current: Any = self.cycle
        return current is None or current.response_complete

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.bounds.head_seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self._idle():
            return  # the next head may wait for this answer; what comes after it is looked at anew
        if self._in_vain:
            self._refuse(
                "408 Request Timeout",
                f"The request's head did not come within {self.bounds.head_seconds:g} seconds.",
            )
        else:
            self.transport.close()
            self._abort_later()

    def _refuse(self, status: str, why: str) -> None:
        """Close the connection, with an answer unless one is under way."""
        if self._idle():
            lines = ("content-type: text/plain", f"content-length: {len(why)}", "connection: close", "", why)
            self.transport.write("\r\n".join((f"HTTP/1.1 {status}", *lines)).encode())
            self.transport.close()
            self._abort_later()
        else:
            self.transport.abort()
