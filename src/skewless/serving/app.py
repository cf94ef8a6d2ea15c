"""The HTTP front of one pipeline: it translates, the pipeline works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from time import perf_counter_ns
from typing import Final, TypeAlias
from uuid import uuid4

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from skewless.containers.base import CUSTOM_ATTRIBUTES, Answer, BuiltIn
from skewless.containers.pipeline import Course, Pipeline
from skewless.errors import AnswerTooLarge, ContainerRefused, PayloadTooLarge, RequestError
from skewless.lazy import resolve
from skewless.serving.bodies import Unread, read_body
from skewless.serving.meters import Meters
from skewless.serving.refusals import refusal_of
from skewless.serving.tracing import Tracing, tracing
from skewless.settings import Settings

_INLINE: Final = 16 << 10
"""Bodies up to so many bytes are processed on the event loop: handing them to a thread costs more than they do."""

_AT_ONCE: Final = 128
"""Requests that may be with containers' programs at a time, each waiting in a thread; others wait their turn."""

_SMALLER: Final = "Send fewer records at once, or start the server with a larger SKEWLESS_MAX_PAYLOAD_MB."

_HEADER: Final = 4000
"""Characters of the list of skipped rows."""

_EXPOSITION: Final = "skewless.telemetry.exposition:exposition"
"""Its library takes a tenth of a second to import, and few instances are ever asked."""

_REQUEST_ID: Final = "x-amzn-requestid"
"""By which a refusal is found in the log: the gateway's, or one of our own."""
_CARRIED: Final = (
    CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id",
    _REQUEST_ID,
    "traceparent",
    "tracestate",
)
"""Headers that programs get too."""
_CONTAINER: Final = "x-skewless-container"
"""The container that refused."""
_TARGET: Final = "x-amzn-sagemaker-target-container-hostname"
"""The one container that a request is for, in Mode Direct."""
_STATUS: Final = "x-skewless-status"
"""``0`` where a container gave no status: its time was over."""
_WHOLE: Final = "x-skewless-whole-message"
"""The body is all that the caller is told, and not a container's part of it."""

log = logging.getLogger("skewless.serving")

Refusals: TypeAlias = Callable[[str | None, str], None]
"""Hears of every refused request: the container that refused it, and why."""


class Front:
    """The routes over one pipeline."""

    def __init__(
        self, pipeline: Pipeline, settings: Settings, log: Refusals | None, tracing: Tracing | None
    ) -> None:
        self.pipeline = pipeline
        self.settings = settings
        self.log = log
        self.tracing = tracing
        self.runtimes = {container.name: container.runtime for container in pipeline.containers}
        self.meters = Meters(self.runtimes)
        self._waits = not all(isinstance(container, BuiltIn) for container in pipeline.containers)
        self._limiter = CapacityLimiter(_AT_ONCE)

    async def ping(self, request: Request) -> Response:
        """Answers as soon as there is something to answer with: all models are loaded before the port opens."""
        return Response()

    async def execution_parameters(self, request: Request) -> Response:
        """How a batch job should call this pipeline: as its first container says."""
        told = await run_in_threadpool(self.pipeline.execution_parameters)
        return JSONResponse(
            {
                "MaxConcurrentTransforms": told.max_concurrent_transforms,
                "BatchStrategy": told.batch_strategy,
                "MaxPayloadInMB": told.max_payload_mb,
            }
        )

    async def metrics(self, request: Request) -> Response:
        """What was counted, for collectors."""
        text, kind = await run_in_threadpool(resolve(_EXPOSITION), self.meters.families())
        return Response(text, headers={"content-type": kind})

    async def invocations(self, request: Request) -> Response:
        """One request through all containers."""
        began, course = perf_counter_ns(), Course()
        if self._waits:
            given = request.headers.items()
            course.carried.headers = {name: value for name, value in given if name in _CARRIED}
        response = await self._invoke(request, course)
        ended, sizes = perf_counter_ns(), (next(iter(course.given.values()), 0), len(response.body))
        self.meters.count(response.status_code, ended - began, course.spent, sizes, course.given)
        if self.tracing is not None:
            refused = response.headers.get(_CONTAINER)
            spent = [(name, self.runtimes[name], start, end) for name, start, end in course.spent]
            self.tracing.request(request.headers, response.status_code, (began, ended), spent, refused)
        return response

    async def _invoke(self, request: Request, course: Course) -> Response:
        kind, accept = request.headers.get("content-type"), request.headers.get("accept")
        try:
            body = await read_body(request, self.settings.max_payload, _SMALLER)
            pipeline = self.pipeline.aimed_at(request.headers.get(_TARGET))
            if self._waits:
                work = partial(pipeline.invoke, body, kind, accept, course)
                answer = await to_thread.run_sync(work, limiter=self._limiter)
            elif len(body) <= _INLINE:
                answer = pipeline.invoke(body, kind, accept, course)
            else:
                answer = await run_in_threadpool(pipeline.invoke, body, kind, accept, course)
            self._check_size(answer, course)
        except RequestError as error:
            request_id = request.headers.get(_REQUEST_ID) or str(uuid4())
            return self._refused(error, course, request_id, accept)
        except ClientDisconnect:
            return Response(status_code=400)  # for nobody: the client has gone
        except Exception as error:
            log.exception("an invocation failed")
            return PlainTextResponse(
                f"internal error: {type(error).__name__}: {error}. This is a defect of the server, not of the "
                "request; its log has the details.\n",
                status_code=500,
            )
        headers = {"content-type": answer.content_type, "server-timing": _spent(course)}
        if course.carried.attributes is not None:
            headers[CUSTOM_ATTRIBUTES] = course.carried.attributes
        if answer.skipped:
            headers["x-skewless-skipped"] = str(len(answer.skipped))
            headers["x-skewless-skipped-rows"] = _listed(answer.skipped)
        return Response(answer.body, headers=headers)

    def _check_size(self, answer: Answer, course: Course) -> None:
        if self.settings.strict and len(answer.body) > self.settings.max_payload:
            name = course.containers[-1]
            raise AnswerTooLarge(
                f"Received response from {name} with status code 200. However, the response payload from the "
                f"container is {len(answer.body)} bytes, which has exceeded the maximum limit of "
                f"{self.settings.max_payload_mb} MB.",
                container=name,
            )

    def _refused(self, error: RequestError, course: Course, request_id: str, accept: str | None) -> Response:
        if self.log is not None:
            self.log(error.container, f"request {request_id}: {error}")
        runtime = self.runtimes.get(error.container or "")
        refusal = refusal_of(error, runtime, strict=self.settings.strict, accept=accept)
        headers = {_REQUEST_ID: request_id}
        if error.container:
            headers[_CONTAINER] = error.container
        if isinstance(error, ContainerRefused) and not error.status:
            headers[_STATUS] = "0"
        if isinstance(error, AnswerTooLarge):
            headers[_WHOLE] = "1"
        if course.marks:
            course.marks.append(perf_counter_ns())
            headers["server-timing"] = _spent(course)
        if refusal.status == HTTPStatus.NO_CONTENT:
            return Response(status_code=refusal.status, headers=headers)
        kind = Unread if isinstance(error, PayloadTooLarge) else Response
        headers["content-type"] = refusal.content_type
        return kind(refusal.body, status_code=refusal.status, headers=headers)


def _spent(course: Course) -> str:
    """The milliseconds of each container, as browsers and proxies know them (W3C Server Timing)."""
    return ", ".join(f"{name};dur={(end - start) / 1e6:.3f}" for name, start, end in course.spent)


def _listed(rows: Sequence[int]) -> str:
    """Row numbers as `2,5-9`, cut off where a client could refuse so long a header."""
    parts: list[str] = []
    first = last = rows[0]
    for row in (*rows[1:], None):
        if row == last + 1:
            last = row
            continue
        parts.append(str(first) if first == last else f"{first}-{last}")
        if row is not None:
            first = last = row
    text = ",".join(parts)
    return text if len(text) <= _HEADER else f"{text[: text.rindex(',', 0, _HEADER)]},..."


def create_app(pipeline: Pipeline, settings: Settings, log: Refusals | None = None) -> Starlette:
    """The ASGI application. SettingError where OpenTelemetry is configured as it cannot be."""
    front = Front(pipeline, settings, log, tracing())
    return Starlette(
        routes=[
            Route("/ping", front.ping, methods=["GET"]),
            Route("/execution-parameters", front.execution_parameters, methods=["GET"]),
            Route("/metrics", front.metrics, methods=["GET"]),
            Route("/invocations", front.invocations, methods=["POST"]),
        ],
        exception_handlers={404: _no_such_route, 405: _no_such_route},
    )


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(
        f"there is no {request.method} {request.url.path[:80]} here. "
        "Use GET /ping, POST /invocations, GET /execution-parameters or GET /metrics.\n",
        status_code=error.status_code,
        headers=error.headers,
    )
