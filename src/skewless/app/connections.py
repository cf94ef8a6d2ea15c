"""One client's connection to the gateway, bounded: in how long it may say nothing, and in how much it may say in vain.

Nobody needs keys for what is bounded here, since a signature can be judged only when a request's head has come.

An invocation that comes whole, with nothing unusual in its head, does not go through ASGI, whose messages would cost
more than all else that is done for it; every other request does, and gets the same answer.
"""

from __future__ import annotations

import asyncio
import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from skewless.aws.alike import DIFFERING
from skewless.aws.http import Answer, Head
from skewless.aws.shortcut import Again, Shortcut
from skewless.serving.forms import Blank, Form
from skewless.serving.protocol import Protocol

MOST_HEAD: Final = 64 << 10
"""Bytes of a head; and of anything else that is no body: trailers, the lines between chunks."""

_FILES: Final = 8192
"""Open files that the process asks for: each connection is one, and so are objects, logs, instances' sockets."""


_END: Final = b"\r\n\r\n"
_INVOCATION: Final = re.compile(rb"/endpoints/[A-Za-z0-9-]+/invocations")
_UNUSUAL: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
_UNHEARD: Final = asyncio.Event()
"""What uvicorn would wake an application with."""
_SHORT: Final = 64 << 10
"""Bytes of a body on the short way; the signature of a longer one takes its time."""


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


def bounded(given: Bounds, way: Shortcut | None = None) -> type[Connection]:
    """The class of connections with these bounds, which is how uvicorn takes a protocol."""

    class Bounded(Connection):
        bounds = given
        shortcut = way

    return Bounded


class Cycle:
    """A request on the short way. It stands where uvicorn has its cycle, and so learns of the connection's end."""

    __slots__ = ("_connection", "disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self, connection: Connection, *, keep_alive: bool) -> None:
        self._connection = connection
        self.disconnected = False
        self.keep_alive = keep_alive
        self.message_event = _UNHEARD
        self.response_complete = False

    def answer(self, answer: Answer) -> None:
        """Send the answer, as soon as the client reads what there is."""
        connection = self._connection
        if connection.flow.write_paused:
            connection.when_read = partial(self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        connection = self._connection
        if self.disconnected or connection.transport.is_closing():
            return
        lines = [f"{name}: {value}\r\n" for name, value in answer.headers.items()]
        if answer.headers.get("connection") == "close":
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append("connection: close\r\n")
        own, head = connection.own_lines(), "".join(lines).encode("latin-1")
        connection.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[answer.status], own, head, answer.body))
        self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.answered()


class Connection(Protocol):
    """HTTP on one connection, with an end to every wait for the client."""

    bounds = Bounds()
    shortcut: Shortcut | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # it asks for what it is always given
        self._in_vain = 0
        self._parts: list[bytes] | None = None
        """The body of a request that may go the short way."""
        self._taken: Head | None = None
        """That of a request which has just been taken on the short way, and may be like the next ones."""
        self._last: Blank | None = None
        self._again: tuple[Form, Again] | None = None
        """The form of the last heads, and who takes requests that have it."""
        self.when_read: Callable[[], None] | None = None
        """Sends an answer that waits until the client reads."""
        self._own: tuple[object, bytes] = (None, b"")
        self._quiet_since = 0.0
        self._quiet: asyncio.TimerHandle | None = None
        """Looks whether the client has said nothing since an answer on the short way, for as long as it is kept."""
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        if len(self.connections) > self.bounds.connections:
            self._refuse("503 Service Unavailable", "There are too many connections. Close some.")
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        for timer in (self._unread, self._quiet):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        alone = self.between and not self._in_vain and not self.first and self.is_idle()
        if alone and self._is_taken_again(data):
            return
        self._in_vain, self._taken = self._in_vain + len(data), None
        super().data_received(data)
        taken: Head | None = self._taken
        if alone and taken is not None:
            self._learn(data, taken)
        if self._parts is not None and not self.transport.is_closing():
            self._take_the_long_way()  # more of the body is to come, and the application knows how to wait
        if self.transport.is_closing():
            return
        if self._in_vain > MOST_HEAD:
            self._refuse(
                "431 Request Header Fields Too Large", f"A request's head has up to {MOST_HEAD} bytes."
            )
        elif self._in_vain and self._timer is None and self.is_idle():
            self._wait()  # bytes came, which ended the wait for a next request, but no head is complete

    def _is_taken_again(self, data: bytes) -> bool:
        """Take a whole request that has the form of those before it, which the parser need not read."""
        if self._again is None:
            return False
        form, take = self._again
        found = form.match(data)
        if found is None or len(data) - found.end() != int(found[form.size]) or len(data) > _SHORT:
            return False
        invocation, before = Cycle(self, keep_alive=True), self.cycle
        self.cycle = invocation  # type: ignore[assignment]  # it has all that is asked of one
        if take(found, data[found.end() :], invocation.answer):
            self._unset_keepalive_if_required()
            return True
        self.cycle = before
        return False

    def _learn(self, data: bytes, head: Head) -> None:
        """Know the form of a head, which has come alone with its body, when it comes for the second time."""
        text = data[: data.find(_END) + len(_END)]
        if len(data) - len(text) != int(head.headers["content-length"]):
            return  # what follows it has changed what the parser tells
        blank = DIFFERING.blank(text, self.headers)
        if blank is not None and blank == self._last and self.shortcut is not None:
            form = DIFFERING.form(blank)
            again = self.shortcut.again(form, head)
            self._again = None if again is None else (form, again)
        self._last = blank

    # What the parser tells.

    def on_message_begin(self) -> None:
        self.between = False
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        self._in_vain = 0
        self._stop_waiting()
        if self.shortcut is not None and self.is_idle() and self._is_invocation():
            self.first, self._parts = False, []
        else:
            self._take_the_long_way()

    def on_body(self, body: bytes) -> None:
        self._in_vain = 0
        if self._parts is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        self._in_vain = 0
        self.between = True
        if self._parts is not None and self.shortcut is not None:
            keeps = self.parser.should_keep_alive()
            invocation, before = Cycle(self, keep_alive=keeps), self.cycle
            self.cycle = invocation  # type: ignore[assignment]  # it has all that is asked of one
            head = Head.of("POST", self.url, b"", self.headers)
            if self.shortcut.take(head, b"".join(self._parts), invocation.answer):
                self._parts = None
                self._taken = head if keeps else None
                return
            self.cycle = before
            self._take_the_long_way()
        super().on_message_complete()

    def _is_invocation(self) -> bool:
        """Whether it may go the short way, by its head."""
        if not _INVOCATION.fullmatch(self.url) or self.parser.get_method() != b"POST":
            return False
        headers = dict(self.headers)
        size = headers.get(b"content-length", b"")
        return (
            size.isdigit()
            and int(size) <= _SHORT
            and _UNUSUAL.isdisjoint(headers)
            and self.parser.get_http_version() == "1.1"
        )

    def _take_the_long_way(self) -> None:
        """Give the application the request, whose head is complete, and what has come of its body."""
        url, headers, expects, parts = self.url, self.headers, self.expect_100_continue, self._parts
        self._parts = None
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)  # the list is the scope's
        super().on_headers_complete()
        for part in parts or ():
            super().on_body(part)

    def answered(self) -> None:
        """Wait for the next request, after an answer on the short way."""
        if self.transport.is_closing() or self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self._quiet_since = self.loop.time()
        if self._quiet is None:
            self._quiet = self.loop.call_later(self.timeout_keep_alive, self._look)

    def own_lines(self) -> bytes:
        """The headers that the server puts before every answer's: its date, made anew every second."""
        given, lines = self._own
        if given is not self.server_state.default_headers:
            given = self.server_state.default_headers
            lines = b"".join([b"%b: %b\r\n" % header for header in given])
            self._own = given, lines
        return lines

    def _look(self) -> None:
        """Close a connection that was not used. The timer is not set anew for each answer, which would cost more."""
        self._quiet = None
        if self._timer is not None or self.timeout_keep_alive_task is not None or not self.is_idle():
            return  # others see to it, or the answer that is to come
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._quiet = self.loop.call_later(left, self._look)
        else:
            self.timeout_keep_alive_handler()

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
        if self.when_read is not None:
            self.when_read()
            self.when_read = None

    def _abort_later(self) -> None:
        """Have an end to it even where what was written is never read: closing waits for that."""
        if self._unread is None:
            self._unread = self.loop.call_later(self.bounds.read_seconds, self.transport.abort)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self.bounds.head_seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self.is_idle():
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
        if self.is_idle():
            lines = ("content-type: text/plain", f"content-length: {len(why)}", "connection: close", "", why)
            self.transport.write("\r\n".join((f"HTTP/1.1 {status}", *lines)).encode())
            self.transport.close()
            self._abort_later()
        else:
            self.transport.abort()
