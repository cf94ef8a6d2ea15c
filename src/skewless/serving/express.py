"""HTTP on one connection, with a short way for ordinary requests: answered here, without ASGI.

The parser is the same for all. What it finds to be ordinary (see `skewless.serving.heads`) and whole is answered at
once, in one write; everything else goes to the ASGI application as ever, with the same answer.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from skewless.serving.heads import Head, Heads, Ordinary, ordinary
from skewless.serving.promptness import Promptness
from skewless.serving.protocol import Protocol as Ordinarily

_END: Final = b"\r\n\r\n"


class Lane(Protocol):
    """The short way of an application, its attribute ``lane``; where there is none, that is None."""

    path: bytes
    """Of the requests that it takes, which are POST."""
    heads: Heads
    promptness: Promptness
    """Knows which bodies may be answered while everyone else waits."""

    def reply(self, head: Head, body: bytes, lines: bytes) -> bytes:
        """The whole answer, ``lines`` among its headers. Raises nothing: what goes wrong is an answer too."""


class Express(Ordinarily):
    """One connection to an application that may have a lane."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self._held = b""
        """A known head and the start of its body, which the parser has not seen: it may never have to."""
        self._found: Ordinary | None = None
        """The head that the parser found last to be ordinary, since bytes were last received."""
        self._coming = False
        """Whether the body of that head is still coming."""
        self._body = b""
        self._quiet_since = 0.0
        self._date: tuple[Any, bytes] = (None, b"")
        super().__init__(*given, **named)
        self._lane: Lane | None = None if self.limit_concurrency else getattr(self.app, "lane", None)

    def data_received(self, data: bytes) -> None:
        lane = self._lane
        if lane is None or not self.between or not self.is_idle():
            super().data_received(data)
            return
        if self._held:
            data, self._held = self._held + data, b""
        end = data.find(_END) + len(_END)
        text = data[:end]
        known = lane.heads.find(text) or lane.heads.alike(text)
        if known is None:
            self._read(data, end, lane.heads)
            return
        missing = end + known.size - len(data)
        if missing < 0 or known.size > lane.promptness.size or self.flow.write_paused:
            super().data_received(data)
        elif missing:
            self._held = data
        else:
            self._answer(lane, known.head, data[end:])

    def _read(self, data: bytes, end: int, heads: Heads) -> None:
        """Have the parser read what it may not know yet, and remember a first head in it that it finds ordinary."""
        as_it_came, self._found = not self.first, None
        super().data_received(data)
        found: Ordinary | None = self._found
        if found is not None and as_it_came and end <= len(data) <= end + found.size:
            heads.learn(data[:end], self.headers, found)

    def _release(self) -> None:
        """Hand a request that is still coming to the application."""
        if self._held:
            data, self._held = self._held, b""
            super().data_received(data)
        if self._coming:
            self._go_the_other_way()

    # What the parser tells.

    def on_message_begin(self) -> None:
        self.between = False
        if self._lane is None:
            super().on_message_begin()
        else:
            self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        lane = self._lane
        if lane is None:
            super().on_headers_complete()
            return
        found = ordinary(self.headers) if self._is_plain(lane) and self.is_idle() else None
        if found is None or found.size > lane.promptness.size:
            self._go_the_other_way()
        else:
            self._found, self._coming, self.first = found, True, False

    def on_body(self, body: bytes) -> None:
        if self._coming:
            self._body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.between = True
        if self._coming and self.flow.write_paused:
            self._go_the_other_way()  # it can wait until the client reads
        if self._coming and self._found is not None and self._lane is not None:
            body, self._body, self._coming = self._body, b"", False
            self._answer(self._lane, self._found.head, body)
        else:
            super().on_message_complete()

    # What the server and the transport tell.

    def shutdown(self) -> None:
        self._release()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._release()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if self._held:
            self.timeout_keep_alive_task = None
        elif left > 0:  # a request was answered meanwhile: the timer is not set anew for each
            self._keep_alive_for(left)
        else:
            super().timeout_keep_alive_handler()

    def _keep_alive_for(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _is_plain(self, lane: Lane) -> bool:
        parser = self.parser
        return (
            self.url == lane.path
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def _go_the_other_way(self) -> None:
        """Hand the request whose head is complete, and what has come of its body, to the application."""
        url, headers, expect, body = self.url, self.headers, self.expect_100_continue, self._body
        self._found, self._coming, self._body = None, False, b""
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)  # the list that the scope holds
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _answer(self, lane: Lane, head: Head, body: bytes) -> None:
        state = self.server_state
        if self._date[0] is not state.default_headers:  # a new list every second
            lines = b"".join(b"%b: %b\r\n" % header for header in state.default_headers)
            self._date = state.default_headers, lines
        self.transport.write(lane.reply(head, body, self._date[1]))
        state.total_requests += 1
        self._quiet_since = self.loop.time()
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._keep_alive_for(self.timeout_keep_alive)
