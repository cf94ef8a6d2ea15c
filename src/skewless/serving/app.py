"""The HTTP front of one pipeline: it translates, the pipeline works."""

from __future__ import annotations

import logging
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from skewless.containers.pipeline import Pipeline
from skewless.errors import PayloadTooLarge, RequestError
from skewless.serving.statuses import status_of
from skewless.settings import Settings

_INLINE: Final = 16 << 10
"""Bodies up to so many bytes are processed on the event loop: handing them to a thread costs more than they do."""

log = logging.getLogger("skewless.serving")


class Front:
    """The routes over one pipeline."""

    def __init__(self, pipeline: Pipeline, settings: Settings) -> None:
        self.pipeline = pipeline
        self.settings = settings
        self.runtimes = {container.name: container.runtime for container in pipeline.containers}

    async def ping(self, request: Request) -> Response:
        """Answers as soon as there is something to answer with: all models are loaded before the port opens."""
        return Response()

    async def execution_parameters(self, request: Request) -> Response:
        """How a batch job should call this pipeline: as its first container says."""
        told = self.pipeline.execution_parameters()
        return JSONResponse(
            {
                "MaxConcurrentTransforms": told.max_concurrent_transforms,
                "BatchStrategy": told.batch_strategy,
                "MaxPayloadInMB": told.max_payload_mb,
            }
        )

    async def invocations(self, request: Request) -> Response:
        """One request through all containers."""
        kind, accept = request.headers.get("content-type"), request.headers.get("accept")
        try:
            body = await self._body(request)
            if len(body) <= _INLINE:
                answer, made = self.pipeline.invoke(body, kind, accept)
            else:
                answer, made = await run_in_threadpool(self.pipeline.invoke, body, kind, accept)
        except RequestError as error:
            return self._refused(error)
        except Exception as error:
            log.exception("an invocation failed")
            return PlainTextResponse(
                f"internal error: {type(error).__name__}: {error}. This is a defect of the server, not of the "
                "request; its log has the details.\n",
                status_code=500,
            )
        return Response(answer, headers={"content-type": made})

    async def _body(self, request: Request) -> bytes:
        limit = self.settings.max_payload
        told = request.headers.get("content-length", "0")
        if told.isdecimal() and int(told) > limit:
            raise self._too_large(int(told))
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise self._too_large(size)
            parts.append(part)
        return b"".join(parts)

    def _too_large(self, size: int) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"the body of {size:,} bytes or more is over the limit of {self.settings.max_payload:,}",
            hint="Send fewer records at once, or raise SKEWLESS_MAX_PAYLOAD_MB.",
        )

    def _refused(self, error: RequestError) -> Response:
        status = status_of(error, self.runtimes.get(error.container or ""))
        headers = {"x-skewless-container": error.container} if error.container else {}
        if status == 204:
            return Response(status_code=204, headers=headers)
        # Not reading the rest of a refused body would leave it in the connection.
        if isinstance(error, PayloadTooLarge):
            headers["connection"] = "close"
        return PlainTextResponse(f"{error}\n", status_code=status, headers=headers)


def create_app(pipeline: Pipeline, settings: Settings) -> Starlette:
    """The ASGI application."""
    front = Front(pipeline, settings)
    return Starlette(
        routes=[
            Route("/ping", front.ping, methods=["GET"]),
            Route("/execution-parameters", front.execution_parameters, methods=["GET"]),
            Route("/invocations", front.invocations, methods=["POST"]),
        ]
    )
