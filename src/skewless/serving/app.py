"""The HTTP front of one pipeline: it translates, the pipeline works."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
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
from skewless.errors import AnswerTooLarge, PayloadTooLarge, RequestError
from skewless.lazy import resolve
from skewless.serving.bodies import Unread, read_body
from skewless.serving.heads import REQUEST_ID, Head, Heads, head_of
from skewless.serving.meters import Meters, shared_counters
from skewless.serving.promptness import Promptness
from skewless.serving.replies import CONTAINER, Reply, Usual, answered, failed, refused
from skewless.serving.tracing import Tracing, tracing
from skewless.settings import Settings
from skewless.telemetry.counters import Counters

_AT_ONCE: Final = 128
"""Requests that may be with containers' programs at a time, each waiting in a thread; others wait their turn."""

_SMALLER: Final = "Send fewer records at once, or start the server with a larger SKEWLESS_MAX_PAYLOAD_MB."

_EXPOSITION: Final = "skewless.telemetry.exposition:exposition"
"""Its library takes a tenth of a second to import, and few instances are ever asked."""

_CARRIED: Final = (
    CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id",
    REQUEST_ID,
    "traceparent",
    "tracestate",
)
"""Headers that programs get too."""

_GONE: Final = Reply(400, {}, b"")
"""For nobody: the client has gone."""

log = logging.getLogger("skewless.serving")

Refusals: TypeAlias = Callable[[str | None, str], None]
"""Hears of every refused request: the container that refused it, and why."""


class Front:
    """The routes over one pipeline."""

    path = b"/invocations"

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        log: Refusals | None,
        tracing: Tracing | None,
        counters: Counters,
    ) -> None:
        self.pipeline = pipeline
        self.settings = settings
        self.log = log
        self.tracing = tracing
        self.runtimes = {container.name: container.runtime for container in pipeline.containers}
        self.meters = Meters(self.runtimes, counters)
        self.heads = Heads()
        self.waits = not all(isinstance(container, BuiltIn) for container in pipeline.containers)
        self._limiter = CapacityLimiter(_AT_ONCE)
        self.promptness = Promptness()
        self._usual = Usual(pipeline.names)

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
        began, course, head, kind = perf_counter_ns(), Course(), head_of(request.headers), Response
        if self.waits:
            given = request.headers.items()
            course.along().headers = {name: value for name, value in given if name in _CARRIED}
        try:
            body = await read_body(request, self.settings.max_payload, _SMALLER)
            reply = answered(await self._invoke(body, head, course), course)
        except ClientDisconnect:
            reply = _GONE
        except Exception as error:
            reply = self._failed(error, head, course)
            kind = Unread if isinstance(error, PayloadTooLarge) else Response
        ended = perf_counter_ns()
        self.meters.count(reply.status, ended - began, course, len(reply.body))
        if course.marks and not self.waits:
            self.promptness.took(course.given[course.containers[0]], course.marks[-1] - course.marks[0])
        if self.tracing is not None:
            container = reply.headers.get(CONTAINER)
            spent = [(name, self.runtimes[name], start, end) for name, start, end in course.spent]
            self.tracing.request(request.headers, reply.status, (began, ended), spent, container)
        return kind(reply.body or None, status_code=reply.status, headers=reply.headers)

    # The short way: see `skewless.serving.express.Lane`.

    def reply(self, head: Head, body: bytes, lines: bytes) -> bytes:
        """As the lane's."""
        began, course = perf_counter_ns(), Course()
        try:
            answer = self._work(body, head, course)
        except Exception as error:
            reply = self._failed(error, head, course)
            status, size, text = reply.status, len(reply.body), reply.text(lines)
        else:
            status, size = 200, len(answer.body)
            text = self._usual.text(answer, course, lines) or answered(answer, course).text(lines)
        spent = perf_counter_ns() - began
        self.promptness.took(len(body), spent)
        self.meters.count(status, spent, course, size)
        return text

    async def _invoke(self, body: bytes, head: Head, course: Course) -> Answer:
        work = partial(self._work, body, head, course)
        if self.waits:
            return await to_thread.run_sync(work, limiter=self._limiter)
        return work() if len(body) <= self.promptness.size else await run_in_threadpool(work)

    def _work(self, body: bytes, head: Head, course: Course) -> Answer:
        pipeline = self.pipeline if head.target is None else self.pipeline.aimed_at(head.target)
        answer = pipeline.invoke(body, head.content_type, head.accept, course)
        if self.settings.strict and len(answer.body) > self.settings.max_payload:
            name = course.containers[-1]
            raise AnswerTooLarge(
                f"Received response from {name} with status code 200. However, the response payload from the "
                f"container is {len(answer.body)} bytes, which has exceeded the maximum limit of "
                f"{self.settings.max_payload_mb} MB.",
                container=name,
            )
        return answer

    def _failed(self, error: Exception, head: Head, course: Course) -> Reply:
        if not isinstance(error, RequestError):
            log.error("an invocation failed", exc_info=error)
            return failed(error)
        request_id = head.request_id or str(uuid4())
        if self.log is not None:
            self.log(error.container, f"request {request_id}: {error}")
        if course.marks:
            course.marks.append(perf_counter_ns())
        runtime = self.runtimes.get(error.container or "")
        return refused(error, course, request_id, head.accept, runtime, strict=self.settings.strict)


class Application(Starlette):
    """The ASGI application, with a short way past it where there may be one."""

    def __init__(self, front: Front) -> None:
        super().__init__(
            routes=[
                Route("/ping", front.ping, methods=["GET"]),
                Route("/execution-parameters", front.execution_parameters, methods=["GET"]),
                Route("/metrics", front.metrics, methods=["GET"]),
                Route("/invocations", front.invocations, methods=["POST"]),
            ],
            exception_handlers={404: _no_such_route, 405: _no_such_route},
        )
        # A name that is no header's text makes a request fail in the application, and only there.
        plain = all(name.isascii() and name.isprintable() for name in front.runtimes)
        self.lane = front if plain and not front.waits and front.tracing is None else None


def create_app(
    pipeline: Pipeline, settings: Settings, log: Refusals | None = None, counters: Counters | None = None
) -> Application:
    """The ASGI application; ``counters`` are those that it shares with other processes.

    SettingError where OpenTelemetry is configured as it cannot be.
    """
    return Application(Front(pipeline, settings, log, tracing(), counters or shared_counters()))


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(
        f"there is no {request.method} {request.url.path[:80]} here. "
        "Use GET /ping, POST /invocations, GET /execution-parameters or GET /metrics.\n",
        status_code=error.status_code,
        headers=error.headers,
    )
