"""HTTP on one connection, as uvicorn speaks it, with one thing mended."""

from __future__ import annotations

import re
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """Passes over an offer to change to another protocol, as RFC 9110 (7.8) has it for a server that does not.

    Java's HttpClient makes that offer (h2c) with the first request of every connection. The parser stops at it, and the
    request would arrive without its body.
    """

    _first = True

    def on_headers_complete(self) -> None:
        self._first = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._first:
            head, end, body = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-passed-over:", head) + end + body
        super().data_received(data)
