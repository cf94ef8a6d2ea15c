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
from skewless.containers.pipeline import EndToEnd, Pipeline, explain
from skewless.errors import (
    ParityError,
    RequestError,
    SettingError,
    ValueRefused,
)
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, STRING, Base, Field, Schema, Type, vector
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

STRINGS = [
    "a",
    "b",
    "",
    "ü",
    "a,b",
    'say "x"',
    " a",
    "a ",
    "\ufeff",
    "two\nlines",
    "cr\rhere",
    "0.0",
    "1",
    "NaN",
    "\0",
]
NUMBERS = [
    *(
        "0.0",
        "-0.0",
        "1",
        "1.0",
        "2",
        "0.1",
        "1e22",
        "1E-5",
        "5e-324",
        "2.2250738585072014E-308",
        "-1.5",
        "16777217",
    ),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e39",
        "1e400",
        " 1 ",
        "1f",
        "0x1p3",
        "9007199254740993",
        "9999999.999999998",
    ),
]
WRONG = ["", "x", "1,2", "nan", "inf", "1.0.0", '"', "99999999999999999999", "٣"]
WHOLE = ["0", "1", "-1", "2", "2147483647", "16777217"]
LONGS = [*WHOLE, "9007199254740993", "-9223372036854775808", "1152921573326323713"]
CELLS: dict[Type, list[str]] = {
    STRING: STRINGS,
    DOUBLE: NUMBERS,
    FLOAT: NUMBERS,
    INT: WHOLE,
    LONG: LONGS,
    BOOLEAN: ["true", "TRUE", "false", "1", ""],
    Type(Base.SHORT): ["0", "1", "32767", "-5"],
}
INVALID = st.sampled_from(["keep", "keep", "keep", "error", "skip"])
LABELS = st.sampled_from(
    [("a", "b"), ("", "ü", "a,b"), ('say "x"', "two\nlines", "1.0"), ("0.0", "1.0", "2.0"), ("x",)]
)
OBJECTIVES = ("multi:softmax", "multi:softprob", "binary:logistic", "reg:squarederror")
ACCEPTS = [
    "application/jsonlines",
    "application/jsonlines;data=text",
    "text/csv; charset=utf-8",
    "application/json",
    "*/*",
]


def compare(containers: Sequence[Container], body: bytes, kind: str | None, accept: str | None) -> Any:
    """The three ways; gives what came out."""
    fused, hops = Pipeline(containers), Pipeline(containers, fused=False)
    wanted = outcome(lambda: hops.invoke(body, kind, accept))
    assert outcome(lambda: fused.invoke(body, kind, accept)) == wanted
    assert outcome(lambda: fused._columns(body, kind, accept)) == wanted
    return wanted


def _pass(name: str, inputs: list[Field], settings: Settings, env: dict[str, Any], draw: Any) -> Any:
    output = draw(st.sampled_from(inputs))
    return sparkml(graph(), schema(inputs, output), name=name, settings=settings, **env), output.type


def _index(name: str, inputs: list[Field], settings: Settings, env: dict[str, Any], draw: Any) -> Any:
    given_ = draw(st.sampled_from(inputs))
    op = StringIndexer(draw(LABELS), draw(INVALID))
    stages = [stage("index", op, [given_.name], ["index"])]
    output = Field("index", DOUBLE)
    if draw(st.booleans()):
        drop, invalid = draw(st.booleans()), draw(st.sampled_from(["error", "keep"]))
        hot = OneHotEncoder((len(op.labels),), drop, invalid)
        stages.append(stage("hot", hot, ["index"], ["hot"]))
        output = Field("hot", vector(hot.width(len(op.labels))))
    fitted = Schema(tuple(inputs)) if draw(st.booleans()) else None
    told = schema(inputs, output)
    return sparkml(graph(*stages), told, name=name, fitted=fitted, settings=settings, **env), output.type


def _assemble(name: str, inputs: list[Field], settings: Settings, env: dict[str, Any], draw: Any) -> Any:
    numbers = [field for field in inputs if not field.type.is_string]
    if not numbers:
        return _index(name, inputs, settings, env, draw)
    op = VectorAssembler((None,) * len(numbers), draw(INVALID))
    stages = graph(stage("assemble", op, [field.name for field in numbers], ["features"]))
    output = Field("features", vector(len(numbers)))
    # Fitted on doubles, where the schema may say otherwise.
    fitted = Schema(tuple(inputs))
    if draw(st.booleans()):
        fitted = Schema(tuple(Field(f.name, DOUBLE if f.type.is_number else f.type) for f in inputs))
    told = schema(inputs, output)
    return sparkml(stages, told, name=name, fitted=fitted, settings=settings, **env), output.type


def _name(name: str, inputs: list[Field], settings: Settings, env: dict[str, Any], draw: Any) -> Any:
    numbers = [field for field in inputs if field.type.is_number]
    if not numbers:
        return _pass(name, inputs, settings, env, draw)
    op = IndexToString(draw(LABELS))
    stages = graph(stage("name", op, [numbers[0].name], ["label"]))
    told = schema(inputs, Field("label", STRING))
    return sparkml(stages, told, name=name, settings=settings, **env), STRING


MAKERS = (_pass, _index, _assemble, _name)


@st.composite
def chains(draw: Any) -> tuple[list[Container], list[Type]]:
    """Containers that mostly fit each other, and the types that the first one reads."""
    settings = draw(st.sampled_from([SETTINGS] * 7 + [STRICT]))
    types = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=3))
    first, made = types, types
    chain: list[Container] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"container-{number + 1}"
        env: dict[str, Any] = (
            {"accept": draw(st.sampled_from(ACCEPTS))} if draw(st.integers(0, 24)) == 0 else {}
        )
        width = sum(type_.size if type_.size is not None else 1 for type_ in made)
        kind = draw(st.integers(0, 9))
        if kind == 0 and number:
            chain.append(Relay(name, draw(st.sampled_from([None, "text/csv; charset=utf-8"])), b"2"))
            continue
        if kind <= 3 and number and width and not any(type_.is_string for type_ in made):
            objective = draw(st.sampled_from(OBJECTIVES))
            chain.append(xgboost(objective, width, name=name, settings=settings, **env))
            made = [DOUBLE] * (3 if objective == "multi:softprob" else 1)
            continue
        if number:
            flat = [one for t in made for one in ([DOUBLE] * t.size if t.size is not None else [t])] or [
                DOUBLE
            ]
            odd = draw(st.integers(0, 9))
            if odd == 0:
                flat = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=3))
            elif odd == 1:
                flat = [DOUBLE if type_.is_number else type_ for type_ in flat]
            made = flat
        inputs = [Field(f"c{position}", type_) for position, type_ in enumerate(made)]
        container, output = draw(st.sampled_from(MAKERS))(name, inputs, settings, env, draw)
        chain.append(container)
        made = [output]
    return chain, first


@st.composite
def csv_bodies(draw: Any, cells: Sequence[Sequence[str]]) -> bytes:
    """Records with fields out of these, mostly right, in every layout."""
    wrong, ragged = (draw(st.integers(0, 7)) == 0 for _ in range(2))
    lines = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 3, 7, 50, 0]))):
        fields = [draw(st.sampled_from(choice)) for choice in cells]
        if wrong and draw(st.booleans()):
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(WRONG))
        if ragged and draw(st.booleans()):
            fields = draw(st.sampled_from([fields[:-1], [*fields, "1"]]))
        force = draw(st.integers(0, 5)) == 0
        lines.append(",".join(quoted(field) if force or field else field for field in fields))
        if draw(st.integers(0, 9)) == 0:
            lines.append("")
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    text = end.join(lines) + draw(st.sampled_from(["", end, end, end + end]))
    body: bytes = text.encode()
    return body * (40 if text.endswith(end) and draw(st.integers(0, 9)) == 0 else 1)


def _json_cell(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@st.composite
def json_bodies(draw: Any, cells: Sequence[Sequence[str]], lines: bool) -> bytes:
    """The same fields as JSON values, some of them null or lists."""
    odd = draw(st.integers(0, 4)) == 0

    def row() -> list[Any]:
        made = [_json_cell(draw(st.sampled_from(choice))) for choice in cells]
        return [
            draw(st.sampled_from([None, [1.0], {}, True])) if odd and draw(st.booleans()) else v for v in made
        ]

    if not lines:
        return json.dumps({"data": row()}).encode()
    data = [row() if draw(st.booleans()) else [row(), row()] for _ in range(draw(st.integers(1, 3)))]
    return "\n".join(json.dumps({"data": one}) for one in data).encode()


KINDS = ["text/csv"] * 12 + [
    "application/json",
    "application/jsonlines",
    "application/jsonlines",
    "text/plain",
    None,
]


@st.composite
def bodies(draw: Any, cells: Sequence[Sequence[str]]) -> tuple[bytes, str | None]:
    """A body with its content type."""
    kind = draw(st.sampled_from(KINDS))
    if kind in ("application/json", "application/jsonlines"):
        return draw(json_bodies(cells, kind.endswith("lines"))), kind
    if draw(st.integers(0, 29)) == 0:
        return draw(st.binary(max_size=30)), kind
    return draw(csv_bodies(cells)), kind


Request = tuple[list[Container], bytes, str | None]


@st.composite
def any_chain(draw: Any) -> Request:
    """Any containers in any order."""
    chain, types = draw(chains())
    return (chain, *draw(bodies([CELLS[type_] for type_ in types])))


@st.composite
def usual_chain(draw: Any) -> Request:
    """Indexers, encoders and an assembler, a model, a label: what people build."""
    columns: list[Field] = []
    cells: list[list[str]] = []
    stages: list[Any] = []
    slots: list[tuple[str, int | None]] = []
    for position in range(draw(st.integers(1, 4))):
        name, labels = f"c{position}", draw(LABELS)
        if draw(st.booleans()):
            type_ = draw(st.sampled_from([DOUBLE, DOUBLE, FLOAT, INT, LONG]))
            columns.append(Field(name, type_))
            cells.append([text for text in CELLS[type_] if draw(st.integers(0, 4))] or ["1"])
            slots.append((name, None))
            continue
        columns.append(Field(name, STRING))
        cells.append([*labels, *draw(st.sampled_from([(), (), ("unseen",)]))])
        stages.append(stage(f"index {name}", StringIndexer(labels, draw(INVALID)), [name], [f"{name} index"]))
        slots.append((f"{name} index", None))
        if draw(st.booleans()):
            hot = OneHotEncoder((len(labels),), draw(st.booleans()), "keep")
            stages.append(stage(f"hot {name}", hot, [f"{name} index"], [f"{name} hot"]))
            slots[-1] = (f"{name} hot", hot.width(len(labels)))
    op = VectorAssembler(tuple(size for _, size in slots), draw(INVALID))
    stages.append(stage("assemble", op, [name for name, _ in slots], ["features"]))
    told = schema(columns, Field("features", vector()))
    width = sum(1 if size is None else size for _, size in slots)
    objective = draw(st.sampled_from(OBJECTIVES))
    chain: list[Container] = [sparkml(graph(*stages), told, name="pre"), xgboost(objective, max(width, 1))]
    made = [Field(f"p{number}", DOUBLE) for number in range(3 if objective == "multi:softprob" else 1)]
    for number in range(draw(st.sampled_from([0, 1, 1, 2, 13]))):
        output = draw(st.sampled_from(made))
        chain.append(sparkml(graph(), schema(made, output), name=f"pass {number}"))
        made = [output]
    if draw(st.booleans()) and len(chain) < 15:
        names = graph(stage("name", IndexToString(("ü,\n", "", 'say "x"')), ["p"], ["label"]))
        if len(made) == 1:
            chain.append(sparkml(names, schema([Field("p", DOUBLE)], Field("label", STRING)), name="post"))
    return (chain, *draw(bodies(cells)))


ACCEPT_OR_NONE = st.sampled_from([None, None, None, "text/csv", *ACCEPTS])
MANY = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


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
    answer, _ = compare(chain, b"0.5,1\n-0.0,2\nNaN,0\n", "text/csv", "application/jsonlines")
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
            assert compare([empty, after], body, "text/csv", None)[0] == "EmptyBody"


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
    answer, _ = compare(chain, body, "application/jsonlines", None)
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
        assert compare(chain, body, "text/csv", None) == (body, "text/csv")
    body = "\n".join(map(quoted, STRINGS)).encode()
    assert compare(chain, body, "text/csv", None) == (body, "text/csv")
    for wrong in ([*chain, passing(STRING, "16")], []):
        with pytest.raises(SettingError, match=f"1 to 15 containers, not {len(wrong)}"):
            Pipeline(wrong)
    with pytest.raises(SettingError, match="two containers have one name"):
        Pipeline([passing(STRING), passing(STRING)])


@pytest.mark.parametrize("fused", [True, False])
def test_who_hears_of_the_accept(fused: bool) -> None:
    relays = [Relay("first"), Relay("middle"), Relay("last", "text/odd")]
    pipeline = Pipeline([relays[0], relays[1], passing(DOUBLE), relays[2]], fused=fused)
    assert pipeline.invoke(b"1", "text/csv", "text/wanted") == (b"1.0", "text/odd")
    assert [relay.accepts for relay in relays] == [[None], [None], ["text/wanted"]]
    assert Pipeline([Relay("one")], fused=fused).invoke(b"x", None, None) == (
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
