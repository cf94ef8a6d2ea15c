"""``GET /metrics`` of the gateway, beside the wire: a collector of metrics signs nothing."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

from skewless.aws.front import App, Receive, Scope, Send
from skewless.lazy import resolve
from skewless.telemetry.families import Family

_EXPOSITION: Final = "skewless.telemetry.exposition:exposition"
"""Its library takes a tenth of a second to import, and few gateways are ever asked."""
_REFUSED: Final = b"Metrics are told to this machine alone: let a collector here scrape them, and forward.\n"


class Scrapes:
    """An ASGI app that answers scrapes and hands on all else.

    A bucket may be called metrics: a request with a signature, in its head or its query, is S3's.
    """

    def __init__(self, app: App, families: Callable[[], Sequence[Family]]) -> None:
        self._app = app
        self._families = families

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if not _is_scrape(scope):
            await self._app(scope, receive, send)
            return
        status, body, kind = 403, _REFUSED, "text/plain; charset=utf-8"
        if _is_local(scope):
            status = 200
            body, kind = await asyncio.to_thread(resolve(_EXPOSITION), self._families())
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_scrape(scope: Scope) -> bool:
    asked = scope["type"] == "http" and scope["method"] == "GET" and scope["raw_path"] == b"/metrics"
    return (
        asked and not scope["query_string"] and all(name != b"authorization" for name, _ in scope["headers"])
    )


def _is_local(scope: Scope) -> bool:
    host, _ = scope["client"] or ("", 0)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
