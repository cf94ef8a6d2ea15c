"""Spans of requests and of their containers, exported as OpenTelemetry's environment variables say.

Loaded only where an exporter is configured (see `skewless.serving.tracing`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


class Spans:
    """Tells the configured collector of requests. What cannot be sent is dropped and logged; nobody waits for it."""

    def __init__(self) -> None:
        resource = Resource({SERVICE_NAME: "skewless"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)  # its end at exit sends what is left
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("skewless.serving")
        self._context = TraceContextTextMapPropagator()

    def request(
        self,
        headers: Mapping[str, str],
        status: int,
        times: tuple[int, int],
        containers: Sequence[tuple[str, str, int, int]],
        failed: str | None,
    ) -> None:
        """One request, the child of its ``traceparent``, with a span for each container that it reached.

        ``containers`` are names, runtimes, starts and ends; all times are of `time.perf_counter_ns`. ``failed`` is the
        container that refused it.
        """
        since = time.time_ns() - time.perf_counter_ns()
        whole = self._tracer.start_span(
            "POST /invocations",
            context=self._context.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": "POST", "http.response.status_code": status},
            start_time=since + times[0],
        )
        inside = set_span_in_context(whole)
        for name, runtime, start, end in containers:
            about = {"skewless.container": name, "skewless.runtime": runtime}
            span = self._tracer.start_span(name, inside, attributes=about, start_time=since + start)
            if name == failed:
                span.set_status(Status(StatusCode.ERROR))
            span.end(since + end)
        if status >= 500:
            whole.set_status(Status(StatusCode.ERROR))
        whole.end(since + times[1])
