"""The chain: a fused pipeline answers byte for byte what the same containers answer hop by hop, and refuses alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.codecs.csvtext import quoted
from skewless.containers.base import Answer, BuiltIn, Cells, Container, ExecutionParameters, NeedsText
from skewless.containers.pipeline import Course, EndToEnd, Pipeline, explain
from skewless.errors import (
    ParityError,
    RequestError,
    SettingError,
    ValueRefused,
)
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.schema import DOUBLE, INT, STRING, Field, Schema, Type, vector
from skewless.settings import Settings
from skewless.table import Table, from_cells
from tests.builders import (
    SETTINGS,
    STRICT,
    Relay,
    graph,
    outcome,
    schema,
    sparkml,
    stage,
    xgboost,
)
from tests.containers.chains import ACCEPTS, CELLS, OBJECTIVES, STRINGS, Request, any_chain, usual_chain


def compare(containers: Sequence[Container], body: bytes, kind: str | None, accept: str | None) -> Any:
    """The three ways; gives what came out."""
    fused, hops = Pipeline(containers), Pipeline(containers, fused=False)
    wanted = outcome(lambda: hops.invoke(body, kind, accept))
    assert outcome(lambda: fused.invoke(body, kind, accept)) == wanted
    assert outcome(lambda: fused._by_steps(body, kind, accept, Course())) == wanted
    assert outcome(lambda: fused._columns(body, kind, accept, Course())) == wanted
    return wanted


ACCEPT_OR_NONE = st.sampled_from([None, None, None, "text/csv", *ACCEPTS])
MANY = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))


def skipping(name: str, *labels: str, text: str = "x") -> Container:
    """Answers the label that came in, and drops what is no label of its."""
    stages = [
        stage("index", StringIndexer(labels, "skip"), [text], ["i"]),
        stage("name", IndexToString(labels), ["i"], ["out"]),
    ]
    return sparkml(graph(*stages), schema([Field(text, STRING)], Field("out", STRING)), name=name)


@pytest.mark.parametrize("relays", [(), ("between",)])
def test_skipped_rows_count_from_the_request(relays: Sequence[str]) -> None:
    """Whatever was skipped before, in columns and through text; and so do refusals that come later."""
    first, second = skipping("first", "a", "b", "c"), skipping("second", "a", "c")
    chain = [first, *map(Relay, relays), second]
    assert compare(chain, b"x\na\nb\ny\nc\nb", "text/csv", None) == Answer(b"a\nc", "text/csv", (1, 3, 4, 6))
    strict = sparkml(
        graph(stage("index", StringIndexer(("a",), "error"), ["x"], ["i"])),
        schema([Field("x", STRING)], Field("i", DOUBLE)),
        name="third",
    )
    found = compare([*chain, strict], b"x\na\nb\ny\nc\nb", "text/csv", None)
    assert found[:2] == ("ValueRefused", ("third", "index", "x", 5))
    nothing = compare(chain, b"x\nb\n", "text/csv", None)
    assert nothing[:2] == ("AllSkipped", ("second", "index", None, 2))


@MANY
@given(any_chain(), ACCEPT_OR_NONE)
def test_any_containers_every_way(request_: Request, accept: str | None) -> None:
    compare(*request_, accept)


@MANY
@given(usual_chain(), ACCEPT_OR_NONE)
def test_the_usual_containers_every_way(request_: Request, accept: str | None) -> None:
    compare(*request_, accept)


def assembler(
    *types: Type, name: str = "join", settings: Settings = SETTINGS, accept: str | None = None
) -> Any:
    """Its numbers as one vector."""
    fields = [Field(f"c{position}", type_) for position, type_ in enumerate(types)]
    stages = graph(
        stage("join", VectorAssembler((None,) * len(types), "keep"), [f.name for f in fields], ["v"])
    )
    told = schema(fields, Field("v", vector()))
    return sparkml(stages, told, name=name, settings=settings, accept=accept)


def passing(type_: Type, name: str = "pass") -> Any:
    """Its one column."""
    return sparkml(graph(), schema([Field("x", type_)], Field("x", type_)), name=name)


NUMBER_BODY = "\n".join(
    ["NaN", "Infinity", "-Infinity", "-0.0", "5e-324", "1e22", "0.1", "1e-5", "16777217"]
).encode()


@pytest.mark.parametrize("type_", list(CELLS))
@pytest.mark.parametrize("other", list(CELLS))
def test_one_type_into_another(type_: Type, other: Type) -> None:
    """A container that answers one type before one that reads another: fused only where text would not change it."""
    chain = [passing(type_, "one"), passing(other, "two"), passing(STRING, "three")]
    for cell in CELLS[type_]:
        compare(chain, quoted(cell).encode(), "text/csv", None)
    compare(chain, "\n".join(map(quoted, CELLS[type_])).encode(), "text/csv", None)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_numbers_at_the_edge_through_a_model(objective: str) -> None:
    for line in [NUMBER_BODY, *NUMBER_BODY.split(b"\n")]:
        compare([passing(DOUBLE), xgboost(objective, 1)], line, "text/csv", None)
        compare([assembler(DOUBLE), xgboost(objective, 1)], line, "text/csv", None)
        compare([xgboost(objective, 1), passing(DOUBLE)], line, "text/csv", None)


def test_a_vector_into_columns() -> None:
    chain = [assembler(DOUBLE, INT), assembler(DOUBLE, DOUBLE, name="again"), xgboost("multi:softprob", 2)]
    chain += [assembler(DOUBLE, DOUBLE, DOUBLE, name="third")]
    assert Pipeline(chain)._chain is not None
    answer = compare(chain, b"0.5,1\n-0.0,2\nNaN,0\n", "text/csv", "application/jsonlines").body
    assert answer.count(b"\n") == 2
    short = [assembler(DOUBLE, INT), assembler(DOUBLE, name="again")]
    found = compare(short, b"0.5,1", "text/csv", None)
    assert found[1] == ("again", None, None, 1)


def test_a_vector_without_slots_is_no_record() -> None:
    stages = graph(
        stage("index", StringIndexer(("a",)), ["x"], ["i"]), stage("hot", OneHotEncoder((1,)), ["i"], ["v"])
    )
    empty = sparkml(stages, schema([Field("x", STRING)], Field("v", vector())), name="empty")
    for body in (b"a", b"a\na\n"):
        for after in (xgboost("multi:softmax", 1), passing(STRING), assembler(DOUBLE)):
            found = compare([empty, after], body, "text/csv", None)
            assert found[1] == (after.name, None, None, None)
            nothing = "empty answered with an empty body, so there is nothing to process"
            assert (found[0], found[2]) in [
                ("ValueRefused", nothing),
                ("BodyError", "the body has no record"),
            ]


class Nulls(BuiltIn):
    """Answers null for every row."""

    runtime = "sparkml"
    default_accept = "text/csv"
    inputs = outputs = Schema.of(x=DOUBLE)

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.name = "nulls"
        self.inner = passing(DOUBLE, "nulls")

    def decode(self, body: bytes, content_type: str | None) -> Table:
        made: Table = self.inner.decode(body, content_type)
        return made

    def run(self, table: Table) -> Table:
        return Table({"x": from_cells(DOUBLE, [None] * len(table))}, len(table))

    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        made: Answer = self.inner.encode(table, content_type, accept)
        return made

    def adopts(self, upstream: Schema) -> bool:
        return False

    def adopt(self, upstream: Table) -> Table:
        raise NeedsText

    def decode_row(self, record: Sequence[str]) -> Cells:
        return [1.0]

    def run_row(self, cells: Cells) -> Cells:
        return [None]

    def adopt_row(self, cells: Cells) -> Cells:
        raise NeedsText

    def encode_row(self, cells: Cells, accept: str | None) -> Answer:
        made: Answer = self.inner.encode_row(cells, accept)
        return made

    def execution_parameters(self) -> ExecutionParameters:
        raise NotImplementedError

    def verify(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""


def test_null_is_refused_where_it_arises() -> None:
    """And is not missing to a model that comes next."""
    for body in (b"1", b"1\n2\n"):
        for chain in ([Nulls()], [Nulls(), xgboost("multi:softmax", 1)], [Nulls(), passing(DOUBLE)]):
            found = compare(chain, body, "text/csv", None)
            assert found[:3] == ("ValueRefused", ("nulls", None, "x", 1), "the answer is null")


@pytest.mark.parametrize("accept", ["application/json", "text/csv; charset=utf-8", "TEXT/CSV"])
def test_a_wrong_default_is_the_fault_of_the_container_that_has_it(accept: str) -> None:
    for body in (b"1", b"1\n2\n"):
        found = compare(
            [assembler(DOUBLE, accept=accept), xgboost("multi:softmax", 1)], body, "text/csv", None
        )
        assert found[0] == "AcceptError"
        assert found[1][0] == "join"


def test_a_middle_container_that_answers_json_lines() -> None:
    lines = [
        passing(DOUBLE, "one"),
        assembler(DOUBLE, accept="application/jsonlines"),
        passing(DOUBLE, "last"),
    ]
    found = compare(lines, b"1\n2", "text/csv", None)
    assert found[1][0] == "last"
    found = compare([lines[1], xgboost("multi:softmax", 1)], b"1\n2", "text/csv", None)
    assert (found[0], found[1][0]) == ("ContentTypeError", "model")


def test_json_lines_from_end_to_end() -> None:
    body = b'{"data": [1.5]}\n{"data": [[2.5], [0.5]]}\n'
    chain = [assembler(DOUBLE), xgboost("multi:softmax", 1), passing(DOUBLE)]
    answer = compare(chain, body, "application/jsonlines", None).body
    assert answer.count(b"\n") == 2
    strict = [assembler(DOUBLE, settings=STRICT), xgboost("multi:softmax", 1)]
    found = compare(strict, body, "application/jsonlines", None)
    assert (found[0], found[1][0]) == ("ValueRefused", "model")
    assert compare(strict[:1], body, "application/jsonlines", None)[0] == b"[[1.5], [2.5], [0.5]]"
    assert compare(strict, b"1.5\n2.5\n", "text/csv", None)[0].count(b"\n") == 1


def test_a_schema_in_the_request_is_for_the_first_container() -> None:
    told = {"schema": schema([Field("y", DOUBLE)], Field("y", DOUBLE)), "data": [0.5]}
    chain = [sparkml(graph(), None), xgboost("multi:softmax", 1)]
    assert compare(chain, json.dumps(told).encode(), "application/json", None)[0] in (
        b"0.0\n",
        b"1.0\n",
        b"2.0\n",
    )
    assert compare(chain, b"0.5", "text/csv", None)[1][0] == "container-1"
    backwards = [xgboost("multi:softmax", 1), sparkml(graph(), None, name="last")]
    assert compare(backwards, b"0.5", "text/csv", None)[1][0] == "last"


def test_fifteen_containers() -> None:
    chain = [passing(STRING, f"container-{number}") for number in range(15)]
    for cell in STRINGS:
        body = quoted(cell).encode()
        assert compare(chain, body, "text/csv", None) == Answer(body, "text/csv")
    body = "\n".join(map(quoted, STRINGS)).encode()
    assert compare(chain, body, "text/csv", None) == Answer(body, "text/csv")
    for wrong in ([*chain, passing(STRING, "16")], []):
        with pytest.raises(SettingError, match=f"1 to 15 containers, not {len(wrong)}"):
            Pipeline(wrong)
    with pytest.raises(SettingError, match="two containers have one name"):
        Pipeline([passing(STRING), passing(STRING)])


@pytest.mark.parametrize("fused", [True, False])
def test_who_hears_of_the_accept(fused: bool) -> None:
    relays = [Relay("first"), Relay("middle"), Relay("last", "text/odd")]
    pipeline = Pipeline([relays[0], relays[1], passing(DOUBLE), relays[2]], fused=fused)
    assert pipeline.invoke(b"1", "text/csv", "text/wanted") == Answer(b"1.0", "text/odd")
    assert [relay.accepts for relay in relays] == [[None], [None], ["text/wanted"]]
    assert Pipeline([Relay("one")], fused=fused).invoke(b"x", None, None) == Answer(
        b"x",
        "application/octet-stream",
    )
    with pytest.raises(RequestError) as refused:
        Pipeline([passing(DOUBLE), Relay("second", refused=b"2")], fused=fused).invoke(b"1\n2\n")
    assert (refused.value.container, refused.value.row) == ("second", 2)


def test_one_row_takes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the row path would only be compared with itself."""
    chain = [assembler(DOUBLE, INT), xgboost("multi:softmax", 2), passing(DOUBLE)]
    wanted = Pipeline(chain, fused=False).invoke(b"0.5,1\r\n")
    monkeypatch.setattr(Pipeline, "_columns", None)
    assert Pipeline(chain).invoke(b"0.5,1\r\n") == wanted
    assert Pipeline(chain).invoke(b'"0.5",1', "text/csv; charset=utf-8", "*/*") == wanted


def test_many_rows_take_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [assembler(DOUBLE, INT), xgboost("multi:softmax", 2), passing(DOUBLE)]
    wanted = Pipeline(chain, fused=False).invoke(b"0.5,1\n1.5,2\n")
    for container in chain[:-1]:
        monkeypatch.setattr(container, "encode", None)
    assert Pipeline(chain).invoke(b"0.5,1\n1.5,2\n") == wanted


def test_recorded_bodies_are_replayed_both_ways() -> None:
    chain = [assembler(DOUBLE), passing(DOUBLE)]
    good = Pipeline(chain, recorded=EndToEnd(b"1\n2\n", "text/csv", b"1.0\n2.0\n"))
    assert good.verify() == {"join": 0, "pass": 0, "pipeline": 2} == good.replayed
    with pytest.raises(
        ParityError, match=r"run fused, the pipeline gives '2.0' where '2.5' was recorded"
    ) as found:
        Pipeline(chain, recorded=EndToEnd(b"1\n2\n", "text/csv", b"1.0\n2.5\n")).verify()
    assert (found.value.row, found.value.expected, found.value.actual) == (2, "2.5", "2.0")
    with pytest.raises(ParityError, match="gives 2 answers for 3 rows"):
        Pipeline(chain, recorded=EndToEnd(b"1\n2\n", "text/csv", b"1.0\n2.0\n3.0\n")).verify()


def test_explained() -> None:
    stages = graph(stage("name", IndexToString(("a", "b", "c")), ["x"], ["label"]))
    names = sparkml(stages, schema([Field("x", DOUBLE)], Field("label", STRING)), name="names")
    pipeline = Pipeline([assembler(DOUBLE), xgboost("multi:softmax", 1), names])
    told = list(explain(pipeline, b"0.5", "text/csv"))
    assert [entry[:3] for entry in told] == [
        ("join", "join", "v"),
        ("join", "answer", "text/csv"),
        ("model", "xgboost", "prediction"),
        ("model", "answer", "text/csv; charset=utf-8"),
        ("names", "name", "label"),
        ("names", "answer", "text/csv"),
    ]
    assert told[-1][3] == pipeline.invoke(b"0.5")[0]
    with pytest.raises(ValueRefused) as refused:
        list(explain(pipeline, b"x", "text/csv"))
    assert refused.value.container == "join"


def test_closing_closes_all() -> None:
    relays = [Relay("one"), Relay("two")]
    with Pipeline(relays) as pipeline:
        assert pipeline.execution_parameters().max_payload_mb == 6
    pipeline.close()
    assert [relay.closed for relay in relays] == [2, 2]
