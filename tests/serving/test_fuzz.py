"""Whatever is sent, the answer is ours: never a 500, and always one line of text that says what was wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import Message

from skewless.containers.base import Container
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.ops.assemble import VectorAssembler
from skewless.schema import DOUBLE, INT, Field, Schema, vector
from skewless.serving.app import create_app
from skewless.settings import Settings
from tests.builders import graph, schema, sparkml, stage, xgboost
from tests.pipelines import CAR, VALUES
from tests.serving.running import CSV, Headers

JSON: Headers = {"content-type": "application/json"}
LINES: Headers = {"content-type": "application/jsonlines"}

cell = st.one_of(st.sampled_from([value for column in VALUES for value in column]), st.text(max_size=5))
csv_rows = st.lists(st.lists(cell, max_size=8), max_size=4)
csv_bodies = st.builds(
    lambda rows, end: end.join(",".join(row) for row in rows).encode("utf-8", "surrogatepass"),
    csv_rows,
    st.sampled_from(["\n", "\r\n", "\r", '"\n']),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), cell),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=6), inner)),
    max_leaves=12,
)
schemas = st.fixed_dictionaries(
    {
        "input": st.lists(st.fixed_dictionaries({"name": cell, "type": cell}), max_size=3) | json_values,
        "output": st.fixed_dictionaries({"name": cell, "type": cell}) | json_values,
    }
)
json_bodies = st.fixed_dictionaries(
    {"data": st.lists(cell, min_size=6, max_size=6) | json_values},
    optional={"schema": schemas | json_values, "x": json_values},
)
json_texts = json_bodies.map(lambda body: json.dumps(body).encode())
bodies = st.one_of(st.binary(max_size=60), csv_bodies, json_texts, st.lists(json_texts).map(b"\n".join))
headers: st.SearchStrategy[Headers] = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["text/csv", "application/json", "application/jsonlines", "", "x", ";"]
        )
        | st.text(st.characters(max_codepoint=255), max_size=8),
        "accept": st.sampled_from(
            ["*/*", "text/csv", "application/jsonlines", "application/jsonlines;data=text"]
        )
        | st.text(st.characters(max_codepoint=255), max_size=8),
    },
)


@pytest.fixture(scope="module")
def app(pipeline: Path) -> Iterator[Starlette]:
    """The application in this process."""
    with load_pipeline(pipeline) as loaded:
        yield create_app(loaded, Settings())


def ask(app: Starlette, body: bytes, sent: Mapping[str, str]) -> tuple[int, bytes]:
    """One request by the ASGI interface alone, which takes any bytes as headers."""
    made: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        made.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/invocations",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }
    asyncio.run(app(scope, receive, send))
    return made[0]["status"], b"".join(message.get("body", b"") for message in made[1:])


def _app(settings: Settings, *containers: Container) -> Starlette:
    return create_app(Pipeline(containers, strict=settings.strict), settings)


PAIR = Schema.of(a=DOUBLE, b=INT)
JOINED = graph(stage("join", VectorAssembler((None, None)), ["a", "b"], ["v"]))


def _pair(settings: Settings, *, accept: str | None = None, listed: bool = False) -> Container:
    told = schema(PAIR.fields, Field("v", vector()))
    if listed:
        told["output"] = [told["output"], told["input"][0]]
    return sparkml(JOINED, told, name="pair", fitted=PAIR, settings=settings, accept=accept)


def _last(settings: Settings) -> Container:
    return sparkml(graph(), schema([Field("x", DOUBLE)], Field("x", DOUBLE)), name="last", settings=settings)


CHAINS: dict[str, Callable[[Settings], Starlette]] = {
    "any schema": lambda settings: _app(settings, sparkml(graph(), None, settings=settings)),
    "two numbers": lambda settings: _app(settings, _pair(settings, listed=not settings.strict)),
    "model first": lambda settings: _app(
        settings, xgboost("reg:squarederror", 2, settings=settings), _last(settings)
    ),
    "model last": lambda settings: _app(
        settings, _pair(settings), xgboost("binary:logistic", 2, settings=settings)
    ),
    "mismatched": lambda settings: _app(
        settings,
        _pair(settings, accept="application/jsonlines"),
        xgboost("binary:logistic", 2, settings=settings),
    ),
}
ours: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.sampled_from(["1", "0x1p3", "NaN", "1e400", "", " 1", "2147483648", "٣"]),
    st.lists(st.lists(st.floats() | st.integers(), max_size=3), max_size=3),
)
types = st.sampled_from(["int", "double", "string", "boolean", "float", "byte", "intvalue"]) | cell
structs = st.sampled_from(["basic", "vector", "array", "vectors", "tensor", None])
columns = st.fixed_dictionaries({"name": st.sampled_from("xyz"), "type": types}, optional={"struct": structs})
told_schemas = st.fixed_dictionaries(
    {"input": st.lists(columns, max_size=3), "output": columns | st.lists(columns, max_size=3)}
)
pair_texts = st.fixed_dictionaries(
    {"data": st.lists(ours, max_size=3) | st.tuples(st.floats() | cell, st.integers() | cell)},
    optional={"schema": told_schemas},
).map(lambda body: json.dumps(body).encode())
pair_bodies = st.one_of(
    bodies,
    pair_texts,
    st.lists(pair_texts, max_size=3).map(b"\n".join),
    st.lists(st.tuples(st.floats().map(repr) | cell, st.integers().map(str) | cell), max_size=4).map(
        lambda rows: "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")
    ),
)


@pytest.fixture(
    scope="module", params=[(name, strict) for name in CHAINS for strict in (False, True)], ids=str
)
def chain(request: pytest.FixtureRequest) -> tuple[Starlette, bool]:
    name, strict = request.param
    return CHAINS[name](Settings(strict=strict)), strict


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair_bodies, headers)
@example(b'{"data": [[[1.0]], [[1.0, 2.0]]], "schema": {"input": [], "output": []}}', LINES)
@example(b'{"data": [null]}', JSON)
@example(b"\n", CSV)
def test_chains_of_built_in_containers(chain: tuple[Starlette, bool], body: bytes, sent: Headers) -> None:
    """By default and strictly: whatever is wrong is the caller's fault, and said to be."""
    app, strict = chain
    status, answer = ask(app, body, sent)
    assert status in (200, 204, 400, 406, 415), answer
    assert answer or strict or status in (200, 204)
    assert b"internal" not in answer
    if status != 200:
        answer.decode()
        assert len(answer) < 4_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies, headers)
@example(b'{"data": ' + b"[" * 100_000, JSON)
@example(b'{"data": [], "schema": ' + b'{"input":' * 20_000, LINES)
@example(b'{"data": [' + b"9" * 10_000 + b"]}", JSON)
@example(b'{"data": [1e999, -1e999, 1E-999, NaN, 0, 0]}', JSON)
@example(b'{"data": ["\\ud800", "low", "2", "2", "big", "low"]}', JSON)
@example(b'{"data": [], "schema": {"input": [], "output": {"name": "features", "type": "string"}}}', JSON)
@example(b"\n".join([CAR] * 200) + b"\xed\xa0\x80", CSV)
@example(b'"' + b"a" * 200_000 + b'",' + CAR, CSV)
@example(b"\x00" * 500 + CAR, CSV)
@example(b"\xef\xbb\xbf" + CAR, CSV)
@example(CAR.replace(b",", b"\t"), CSV)
def test_no_body_and_no_header_is_a_defect(app: Starlette, body: bytes, sent: Headers) -> None:
    status, answer = ask(app, body, sent)
    assert status in (200, 400, 415) or (status == 204 and not body), answer
    assert answer or status == 204
    if status != 200:
        answer.decode()
        assert len(answer) < 2_000
        assert b"internal" not in answer


@pytest.mark.parametrize("sent", [CSV, JSON, LINES])
def test_a_defect_is_said_to_be_one(
    app: Starlette, sent: Headers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError(f"we did it with {len(given)}")

    monkeypatch.setattr("skewless.containers.pipeline.Pipeline.invoke", broken)
    status, answer = ask(app, CAR, sent)
    assert (status, b"ZeroDivisionError: we did it with 5. This is a defect of the server" in answer) == (
        500,
        True,
    )
    # Of the records, not their text: a logger of pyspark's lays out what pytest collects in its own form.
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
