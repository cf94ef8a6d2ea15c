"""HTTP on one connection, as uvicorn speaks it, with one thing mended, and what short ways have to know of it."""

from __future__ import annotations

import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """Passes over an offer to change to another protocol, as RFC 9110 (7.8) has it for a server that does not.

    Java's HttpClient makes that offer (h2c) with the first request of every connection. The parser stops at it, and the
    request would arrive without its body.
    """

    between = True
    """Whether the parser is between two requests."""
    first = True
    """Whether no head has been complete yet, so that the parser may see another text than came."""

    def is_idle(self) -> bool:
        """Whether all requests have been answered."""
        current: Any = self.cycle
        return current is None or current.response_complete

    def on_headers_complete(self) -> None:
        self.first = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self.first:
            head, end, body = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-passed-over:", head) + end + body
        super().data_received(data)
