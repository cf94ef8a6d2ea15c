"""What a server tells collectors of metrics and spans, over the real wire of each."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.pipelines import CAR, CAR_LABEL, PRICY, PRICY_LABEL
from tests.serving.running import CSV, Answer, Server, eventually, serving

BAD = b"low,low,nine,more,big,high"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def samples(answer: Answer) -> dict[tuple[str, str], float]:
    """The values of an exposition, by name and the labels that tell them apart."""
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {
        (one.name, " ".join(value for key, value in sorted(one.labels.items()) if key != "le")): one.value
        for family in families
        for one in family.samples
        if one.labels.get("le", "+Inf") == "+Inf"
    }


def test_metrics_count_requests_containers_and_bytes(pipeline: Path, tmp_path: Path) -> None:
    with serving(pipeline, tmp_path) as server:
        assert server.ask(CAR).status == 200
        assert server.ask(CAR + b"\n" + PRICY).status == 200
        bad = server.ask(BAD)
        assert bad.status == 400
        found = samples(server.get("/metrics"))
    assert found["skewless_invocations_total", "200"] == 2
    assert found["skewless_invocations_total", "400"] == 1
    assert found["skewless_invocation_seconds_count", ""] == 3
    assert found["skewless_container_seconds_count", "container-1 sparkml"] == 3
    assert found["skewless_container_seconds_count", "container-2 xgboost"] == 2
    assert found["skewless_container_seconds_sum", "container-1 sparkml"] > 0
    assert found["skewless_payload_bytes_count", "request"] == 3
    assert found["skewless_payload_bytes_sum", "request"] == 2 * len(CAR) + 1 + len(PRICY) + len(BAD)
    answers = len(CAR_LABEL) + len(CAR_LABEL + b"\n" + PRICY_LABEL) + len(bad.body)
    assert found["skewless_payload_bytes_sum", "answer"] == answers
    assert found["skewless_container_payload_bytes_count", "container-1 sparkml"] == 3
    # The second is handed columns.
    assert found["skewless_container_payload_bytes_count", "container-2 xgboost"] == 0
    assert found["process_resident_memory_bytes", ""] > 1 << 20


def test_workers_count_together_and_what_a_dead_one_counted_stays(pipeline: Path, tmp_path: Path) -> None:
    with serving(pipeline, tmp_path, "--workers", "2") as server:

        def counted() -> set[tuple[float, ...]]:
            """Whichever worker is asked."""
            names = [
                ("skewless_invocations_total", "200"),
                ("skewless_invocations_total", "400"),
                ("skewless_payload_bytes_sum", "request"),
                ("skewless_payload_bytes_count", "answer"),
                ("skewless_container_seconds_count", "container-3 sparkml"),
            ]
            told = [samples(server.get("/metrics")) for _ in range(8)]
            return {tuple(one.get(name, 0) for name in names) for one in told}

        def ask(times: int) -> None:
            for _ in range(times):
                assert server.ask(CAR).status == 200
                assert server.ask(BAD).status == 400

        ask(20)
        size = len(CAR) + len(BAD)
        assert counted() == {(20, 20, 20 * size, 40, 20)}
        dead = server.children()[0]
        os.kill(dead, signal.SIGKILL)
        eventually(lambda: len(set(server.children()) - {dead}) == 2, "the killed worker is not replaced")
        ask(20)
        assert counted() == {(40, 40, 40 * size, 80, 40)}


def test_a_refusal_has_an_id(server: Server) -> None:
    named = server.ask(BAD, {**CSV, "x-amzn-requestid": "7-of-mine"})
    assert (named.status, named.headers["x-amzn-requestid"]) == (400, "7-of-mine")
    assert len(server.ask(BAD).headers["x-amzn-requestid"]) == 36


class Collector(HTTPServer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.spans: list[Any] = []


class _Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the spans that it got."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", server.spans
        server.shutdown()
        thread.join()


def test_spans_of_each_container(pipeline: Path, tmp_path: Path, collector: tuple[str, list[Any]]) -> None:
    address, spans = collector
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with serving(pipeline, tmp_path, environment=environment) as server:
        assert server.ask(CAR, {**CSV, "traceparent": f"00-{TRACE}-{PARENT}-01"}).status == 200
        eventually(lambda: len(spans) == 4, "the spans did not come")
        assert server.ask(BAD).status == 400
    by_name = {span.name: span for span in spans[:4]}
    whole = by_name["POST /invocations"]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
    steps = [by_name[f"container-{number}"] for number in (1, 2, 3)]
    assert {span.parent_span_id for span in steps} == {whole.span_id}
    assert [span.attributes[1].value.string_value for span in steps] == ["sparkml", "xgboost", "sparkml"]
    times = [
        whole.start_time_unix_nano,
        *(t for s in steps for t in (s.start_time_unix_nano, s.end_time_unix_nano)),
    ]
    assert times == sorted(times)
    assert times[-1] <= whole.end_time_unix_nano
    refused = {span.name: span.status.code for span in spans[4:]}
    assert refused == {"POST /invocations": 0, "container-1": 2}  # sent at the end: none is lost


@pytest.mark.parametrize("protocol", ["grpc", "http/json"])
def test_another_protocol_is_refused_by_name(pipeline: Path, tmp_path: Path, protocol: str) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }
    refused = pytest.raises(AssertionError, match=f"protocol {protocol} is not spoken here")
    with refused, serving(pipeline, tmp_path, environment=environment):
        pass


def test_a_collector_that_is_away_harms_nobody(pipeline: Path, tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with serving(pipeline, tmp_path, environment=environment) as server:
        answers = [server.ask(CAR) for _ in range(20)]
        assert {answer.body for answer in answers} == {b"vgood"}
        assert json.loads(server.get("/execution-parameters").body)
