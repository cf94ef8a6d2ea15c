"""The HTTP front of a script: the routes that nginx let through to the original container."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from skewless.errors import PayloadTooLarge, SkewlessError
from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.hosting.wire import Ask, Asked, AskParameters
from skewless.scripts.hosting.workers import Busy, Died, Hung, Workers
from skewless.scripts.toolkit.content_types import JSON
from skewless.serving.bodies import Unread, read_body

_STATUSES: Final = {
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    Hung: HTTPStatus.GATEWAY_TIMEOUT,
    Died: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_BODILESS: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT, HTTPStatus.NOT_MODIFIED)
_SMALLER: Final = "Send less at once, or set SAGEMAKER_MAX_REQUEST_SIZE to more bytes."


def create_front(hosting: Hosting, workers: Workers) -> Starlette:
    """The ASGI application."""

    async def ping(_: Request) -> Response:
        return Response()

    async def invocations(request: Request) -> Response:
        headers = request.headers
        try:
            body = await read_body(request, hosting.most_body, _SMALLER)
        except PayloadTooLarge as error:
            return Unread(_said(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, media_type=JSON)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # for nobody: the client has gone
        kind = headers.get("contenttype") or headers.get("content-type") or ""
        return await _answer(workers, Ask(body, kind, headers.get("accept") or ""))

    async def parameters(_: Request) -> Response:
        return await _answer(workers, AskParameters())

    routes = [Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])]
    if workers.has_parameters:
        routes.append(Route("/execution-parameters", parameters, methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={404: _no_such_route})


async def _answer(workers: Workers, asked: Asked) -> Response:
    try:
        told = await workers.ask(asked)
    except (Busy, Hung, Died) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return Response(_said(error), _STATUSES[type(error)], media_type=JSON)
    body = b"" if told.status in _BODILESS else told.body
    return Response(body, told.status, {"content-type": told.content_type})


def _said(error: SkewlessError) -> str:
    return json.dumps({"error": type(error).__name__, "error-message": str(error)})


async def _no_such_route(_: Request, __: Exception) -> Response:
    return Response("{}", HTTPStatus.NOT_FOUND, media_type=JSON)
