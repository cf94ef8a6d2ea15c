"""The short way of ordinary requests, and the way through the application: nobody can tell which one was taken."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from skewless.containers.base import Answer, Container
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.ops.labels import StringIndexer
from skewless.schema import DOUBLE, STRING, Field, Schema
from skewless.serving.app import Application, Front, create_app
from skewless.settings import Settings
from skewless.telemetry.families import Histogram
from tests.builders import Relay, graph, schema, sparkml, stage
from tests.counting import uncollected
from tests.pipelines import CAR, CAR_LABEL, PRICY, PRICY_LABEL, VALUES
from tests.serving.conversing import LOST, STOP, Wire, connect, converse
from tests.serving.running import request

TYPE = "content-type: text/csv"
ASKED = request(CAR, TYPE)


@dataclass(frozen=True)
class Ways:
    """One pipeline behind two applications, one of which knows the short way."""

    short: Application
    long: Application

    @property
    def front(self) -> Front:
        assert self.short.lane is not None
        return self.short.lane

    fronts: tuple[Front, Front]

    def counted(self, way: int) -> NDArray[np.float64]:
        """What one of them has counted, but for times."""
        found: list[float] = []
        for family in self.fronts[way].meters.families():
            for value in family.values.values():
                if isinstance(value, Histogram):
                    sizes = family.name.endswith("bytes")
                    found += [*value.counts, value.total] if sizes else [sum(value.counts)]
        return np.array(found)


def ways(pipeline: Pipeline, chosen: Settings) -> Ways:
    """Both take all bodies up to 1,000 bytes at once."""
    short, long = create_app(pipeline, chosen), create_app(pipeline, chosen)
    assert short.lane is not None
    assert long.lane is not None
    fronts = short.lane, long.lane
    for front in fronts:
        front.promptness.size = 1000
        front.promptness.took = lambda size, nanoseconds: None  # type: ignore[method-assign]
    long.lane = None
    return Ways(short, long, fronts)


@pytest.fixture(scope="module")
def usual(pipeline: Path) -> Iterator[Ways]:
    with load_pipeline(pipeline, verify=False) as loaded:
        yield ways(loaded, Settings(max_payload_mb=1))


@pytest.fixture(scope="module", params=[False, True], ids=["usual", "strict"])
def both(request: pytest.FixtureRequest, pipeline: Path) -> Iterator[Ways]:
    chosen = Settings(strict=request.param, max_payload_mb=1)
    with load_pipeline(pipeline, settings=chosen, verify=False) as loaded:
        yield ways(loaded, chosen)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


lines = st.sampled_from(
    ["POST /invocations HTTP/1.1"] * 12
    + ["POST /invocations?a=b HTTP/1.1", "POST /invocations HTTP/1.0", "PUT /invocations HTTP/1.1"]
    + ["POST http://a/invocations HTTP/1.1", "POST /%69nvocations HTTP/1.1", "GET /ping HTTP/1.1"]
    + ["HEAD /ping HTTP/1.1", "POST /Invocations HTTP/1.1", "POST /invocations HTTP/2.0", "NO"]
)
fields = st.sampled_from(
    """
    content-type: text/csv|Content-Type: text/csv; charset=utf-8|content-type: application/json|content-type: é
    accept: */*|accept: text/csv|Accept: application/json|accept: image/png|x: y|x : y|x:\ty\t
    x-amzn-requestid: mine|traceparent: 00-a|x-amzn-sagemaker-target-container-hostname: b
    connection: close|connection: keep-alive|Connection: Upgrade|upgrade: h2c
    expect: 100-continue|expect: other|transfer-encoding: chunked|content-length: 5
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
rows = st.tuples(*map(st.sampled_from, VALUES)).map(lambda row: ",".join(row).encode())
bodies = st.one_of(
    rows,
    st.lists(rows, max_size=60).map(b"\n".join),
    st.sampled_from([b"", b"\n", b"a,b", CAR + b"\r\n", b"\xff", b"\r\n\r\n", b'{"data": 1}', CAR * 100]),
    st.binary(max_size=30),
)
requests = st.builds(
    lambda line, headers, body, length: request(body, *headers, line=line, length=length),
    lines,
    st.one_of(st.just([TYPE]), st.lists(fields, max_size=5).map(lambda some: [TYPE, *some])),
    bodies,
    st.sampled_from([True, True, True, True, True, False]),
)
plain = st.builds(lambda body: request(body, TYPE), bodies)


Conversation = tuple[list[Any], list[Any]]
"""In pieces; and in finer ones, where no request shares one with another."""


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A few requests, cut anywhere, and perhaps an end before their end."""
    before = draw(st.sampled_from([b""] * 8 + [b"\r\n", b"\r\n\r\n", b"\n"]))
    several = [before, *draw(st.lists(plain, max_size=3)), draw(requests)]
    bounds = list(accumulate(map(len, several)))
    cuts = set(draw(st.lists(st.integers(0, bounds[-1]), max_size=4)))
    end = draw(st.sampled_from([None, None, None, LOST, STOP]))
    at = draw(st.sampled_from(sorted({0, *cuts})))

    def cut(places: set[int]) -> list[Any]:
        whole, made, last = b"".join(several), list[Any](), 0
        for place in sorted({0, *places, bounds[-1]}):
            made += [end] if last == at < place and end is not None else []
            made += [whole[last:place]] if place > last else []
            last = place
        return made

    return cut(cuts), cut(cuts | set(bounds))


CLOSING = request(CAR, TYPE, "connection: close")
BARE = b"POST /invocations HTTP/1.1\ncontent-length: 4\n\n\r\n\r\n" + ASKED
CHUNKED = request(CAR, TYPE, "transfer-encoding: chunked", length=False) + b"0\r\n\r\n"
OWN = request(CAR, TYPE, "x-amzn-requestid: mine")
LONG = request(b"\n".join([CAR] * 20), TYPE)
TWICE = [
    request(CAR, TYPE, "content-type: application/json"),
    request(CAR, TYPE, "accept: image/png", "accept: */*"),
]
NO_HTTP = b"Invalid HTTP request"


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations())
@example(([ASKED[:-3], STOP, ASKED[-3:]],) * 2)
@example(([ASKED[:-3], LOST],) * 2)
@example(([CLOSING, ASKED],) * 2)
@example(([ASKED + CLOSING + ASKED], [ASKED, CLOSING, ASKED]))
@example(([b"\r\n\r\n" + ASKED, b"\r\n\r\nabcd"],) * 2)
@example(([request(CAR, TYPE, "content-length: 3")],) * 2)
@example(([OWN, b"\r\n\r\n" + LONG[:100], LONG[100:], b"\r\n\r\n" + ASKED, OWN],) * 2)
@example((TWICE,) * 2)
@example(([BARE],) * 2)
@example(([CHUNKED],) * 2)
def test_both_ways_say_the_same(
    both: Ways, loop: asyncio.AbstractEventLoop, conversation: Conversation
) -> None:
    """Byte for byte, for the first time and for the second, when the short way knows the heads; and count the same."""
    pieces, finer = conversation
    before = both.counted(0), both.counted(1)
    expected = loop.run_until_complete(converse(both.long, finer))
    made = [loop.run_until_complete(converse(both.short, pieces)) for _ in range(2)]
    if any(NO_HTTP in answer for answer, _ in (expected, *made)):
        # With the application that refusal comes before answers that should precede it, or in place of them.
        short, long = (loop.run_until_complete(converse(app, finer[-1:])) for app in (both.short, both.long))
        assert short == long
    else:
        assert made == [expected] * 2
        assert_array_equal(both.counted(0) - before[0], 2 * (both.counted(1) - before[1]))


def test_requests_with_ids_of_their_own(both: Ways, loop: asyncio.AbstractEventLoop) -> None:
    """As the gateway sends them: known by their heads' form, whole or in pieces, and refused under their own ids."""
    bodies = [CAR, PRICY, b"a,b", CAR, b"\xff", CAR * 2, PRICY]
    ids = [f"x-amzn-requestid: {number}-a.b/+" for number in range(len(bodies))]
    asked = [request(body, TYPE, one) for body, one in zip(bodies, ids, strict=True)]
    both.front.heads.forget()
    expected = loop.run_until_complete(converse(both.long, asked))
    assert loop.run_until_complete(converse(both.short, asked)) == expected
    assert len(both.front.heads) == 1
    for cut in (1, -1, -len(PRICY), -len(PRICY) - 1, -len(PRICY) - 30):
        pieces = [*asked[:-1], asked[-1][:cut], asked[-1][cut:]]
        assert loop.run_until_complete(converse(both.short, pieces)) == expected
    assert b"2-a.b/+" in expected[0]
    assert len(both.front.heads) == 1


@pytest.mark.parametrize("known", [False, True])
def test_a_request_may_come_in_any_two_pieces_or_byte_by_byte(
    usual: Ways, loop: asyncio.AbstractEventLoop, known: bool
) -> None:
    usual.front.heads.forget()
    expected = loop.run_until_complete(converse(usual.long, [ASKED, ASKED]))
    assert expected[0].count(CAR_LABEL) == 2
    for cut in range(1, len(ASKED)):
        if known:
            loop.run_until_complete(converse(usual.short, [ASKED, ASKED]))
        else:
            usual.front.heads.forget()
        for pieces in ([ASKED, ASKED[:cut], ASKED[cut:]], [ASKED + ASKED[:cut], ASKED[cut:]]):
            assert loop.run_until_complete(converse(usual.short, pieces)) == expected
    singly = [ASKED[at : at + 1] for at in range(len(ASKED))]
    assert loop.run_until_complete(converse(usual.short, singly * 2)) == expected


BIG = request(b"\n".join([PRICY] * 60), TYPE)


def test_what_is_not_for_the_event_loop_is_waited_for(usual: Ways, loop: asyncio.AbstractEventLoop) -> None:
    """A long body is processed in a thread; requests that come meanwhile are answered after it, known or not."""

    async def both_at_once(second: bytes) -> tuple[int, bytes]:
        wire = Wire()
        connection = connect(usual.short, wire)
        connection.data_received(ASKED)
        del wire.written[:]
        connection.data_received(BIG)
        connection.data_received(second)
        before = len(wire.written)
        while b"".join(wire.written).count(b"HTTP/1.1 200") < 2:
            await asyncio.sleep(0)
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)
        return before, b"".join(wire.written)

    for second in (ASKED, request(CAR, TYPE, "x: unknown")):
        before, said = loop.run_until_complete(both_at_once(second))
        assert before == 0
        assert re.findall(rb"vgood|HTTP/1.1 200", said) == [b"HTTP/1.1 200", b"HTTP/1.1 200", CAR_LABEL]
        assert said.rindex(PRICY_LABEL) < said.index(CAR_LABEL)


@pytest.mark.parametrize("together", [False, True])
def test_a_client_that_does_not_read_is_not_written_to(
    usual: Ways, loop: asyncio.AbstractEventLoop, together: bool
) -> None:
    """After the transport said that enough is waiting, the application takes over: it waits. The order stays."""

    async def pipelined() -> list[bytes]:
        asked = [ASKED, request(PRICY, TYPE)] * 3
        await converse(usual.short, asked)  # so that their heads are known
        wire = Wire(lambda wire: connection.pause_writing() if len(wire.written) == 3 else None)
        connection = connect(usual.short, wire)
        for piece in [b"".join(asked)] if together else asked:
            connection.data_received(piece)
            await asyncio.sleep(0)
        assert len(wire.written) == 3
        connection.resume_writing()
        while b"".join(wire.written).count(b"HTTP/1.1 200") < len(asked):
            await asyncio.sleep(0)
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)
        return re.findall(rb"vgood|unacc", b"".join(wire.written))

    assert loop.run_until_complete(pipelined()) == [CAR_LABEL, PRICY_LABEL] * 3


@dataclass(frozen=True)
class Timer:
    clock: Clock
    entry: tuple[float, Any]

    def cancel(self) -> None:
        if self.entry in self.clock.set:
            self.clock.set.remove(self.entry)


class Clock:
    """A loop whose time is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.set: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, what: Any) -> Timer:
        self.set.append((self.now + delay, what))
        return Timer(self, self.set[-1])

    def run_until(self, end: float) -> None:
        while due := [entry for entry in self.set if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self.set.remove(entry)
            self.now = entry[0]
            entry[1]()
        self.now = end


def test_a_connection_is_kept_for_its_time_after_the_last_request(usual: Ways) -> None:
    """One timer serves all requests, and what is there of another request keeps the connection open."""
    clock, wire = Clock(), Wire()
    connection = connect(usual.short, wire, loop=clock)
    idle = connection.timeout_keep_alive
    for now in (0.0, 1.0, 0.9 * idle):
        clock.run_until(now)
        connection.data_received(ASKED)
    assert len(wire.written) == 3
    clock.run_until(1.8 * idle)
    assert not wire.closed
    connection.data_received(ASKED[:-1])
    clock.run_until(10 * idle)
    assert not wire.closed
    connection.data_received(ASKED[-1:])
    assert len(wire.written) == 4
    clock.run_until(10.9 * idle)
    assert not wire.closed
    clock.run_until(11.1 * idle)
    assert wire.closed


def test_what_a_request_costs(usual: Ways, loop: asyncio.AbstractEventLoop) -> None:
    """Calls of Python functions and memory, beside those of the pipeline: they do not depend on the machine."""

    async def cost() -> tuple[int, int]:
        connection = connect(usual.short, wire := Wire(lambda wire: wire.written.clear()))
        for _ in range(3):
            connection.data_received(ASKED)
        calls = 0

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal calls
            calls += event == "call" and "/skewless/serving/" in frame.f_code.co_filename

        with uncollected():
            sys.setprofile(count)
            connection.data_received(ASKED)
            sys.setprofile(None)
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(10_000):
            connection.data_received(ASKED)
        gc.collect()
        grown = sys.getallocatedblocks() - before
        assert not wire.closed
        connection.connection_lost(None)
        return calls, grown

    calls, grown = loop.run_until_complete(cost())
    assert calls <= 10
    assert grown < 200


def test_only_so_many_heads_are_remembered(usual: Ways, loop: asyncio.AbstractEventLoop) -> None:
    """A client must not fill the memory: neither with heads that come again, nor with forms of them."""

    async def known() -> tuple[int, int, int]:
        connection, found = connect(usual.short, Wire()), []
        for times, lines in (
            (10, ("x-amzn-requestid: {0}", f"x-long: {'y' * 3000}")),
            (100, ("x-amzn-requestid: {0}", "x: {1}")),
            (2000, ("x: {0}",)),
        ):
            for number in range(times):
                told = [line.format(number, number // 3) for line in lines]
                connection.data_received(request(CAR, TYPE, *told))
            found.append(len(usual.front.heads))
        connection.connection_lost(None)
        first, second, third = found
        return first, second, third

    usual.front.heads.forget()
    assert loop.run_until_complete(known()) == (0, 16, 16 + 512)


class Broken(Pipeline):
    """A defect of ours."""

    def invoke(self, *given: Any, **named: Any) -> Answer:
        raise ZeroDivisionError("é", len(given) + len(named) > 0)


def indexer(name: str = "one") -> Container:
    """It skips all rows but ``a``."""
    stages = graph(stage("index", StringIndexer(("a",), "skip"), ["x"], ["out"]))
    told = schema([Field("x", STRING)], Field("out", DOUBLE))
    return sparkml(stages, told, name=name, fitted=Schema.of(x=STRING))


OTHERS: dict[str, tuple[Callable[[], Pipeline], bytes]] = {
    "skipping": (lambda: Pipeline([indexer()]), b"x-skewless-skipped-rows: 2,4"),
    "direct": (lambda: Pipeline([indexer()], direct=True), b"no target container is named"),
    "broken": (lambda: Broken([indexer()]), b"500 Internal Server Error"),
    "percent": (lambda: Pipeline([indexer("one%20of%d")]), b"one%20of%d;dur="),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_pipelines(kind: str, loop: asyncio.AbstractEventLoop) -> None:
    """Rows that are skipped, a target that is missing, what is our own fault: the same answers both ways."""
    make, said = OTHERS[kind]
    two = ways(make(), Settings())
    targeted = request(b"a", TYPE, "x-amzn-sagemaker-target-container-hostname: one")
    pieces = [*(request(body, TYPE) for body in (b"a", b"a", b"a\nx\na\ny\n", b"x", b"")), targeted]
    expected = loop.run_until_complete(converse(two.long, pieces))
    assert loop.run_until_complete(converse(two.short, pieces)) == expected
    assert expected[0].count(b"HTTP/1.1 ") == len(pieces)
    assert said in expected[0]


def test_what_the_application_alone_can_answer_has_no_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert create_app(Pipeline([indexer()]), Settings()).lane is not None
    assert create_app(Pipeline([indexer("größer")]), Settings()).lane is None
    assert create_app(Pipeline([Relay("program")]), Settings()).lane is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert create_app(Pipeline([indexer()]), Settings()).lane is None
