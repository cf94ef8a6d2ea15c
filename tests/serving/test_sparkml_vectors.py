"""The SparkML container over HTTP against the vectors of its original's tests, as it is by default and strictly.

The original's transformer is mocked there; here real pipelines stand in its place: one without stages, which gives back
a column, and one that makes a vector of two numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from skewless.containers.sparkml import NO_SCHEMA
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import StringIndexer
from skewless.schema import DOUBLE, INT, STRING, Base, Field, Schema, Struct, Type, vector
from skewless.settings import Settings
from tests.builders import SETTINGS, STRICT, basic, graph, schema, sparkml, stage
from tests.serving.running import Answer
from tests.serving.served import Ask, served

CSV, JSON, JSONL = "text/csv", "application/json", "application/jsonlines"
TEXT = "application/jsonlines;data=text"
PAIR = schema(basic(test_name_1=INT, test_name_2=DOUBLE, test_name_3=STRING), Field("out_name", vector()))
ASSEMBLED = graph(stage("join", VectorAssembler((None, None)), ["test_name_1", "test_name_2"], ["out_name"]))
COMPLETE = {
    "input": [
        {"name": "v", "type": "double", "struct": "vector"},
        {"name": "s", "type": "string", "struct": "basic"},
        {"name": "a", "type": "double", "struct": "array"},
    ],
    "output": {"name": "v", "type": "double", "struct": "vector"},
}


@dataclass
class Mode:
    """One way to run it, with servers of both pipelines."""

    settings: Settings
    stack: ExitStack
    identity: Ask
    """Without stages and schema: every request brings its own."""
    pairs: Ask
    """Two numbers as a vector, by the environment's schema."""

    def with_schema(
        self, told: dict[str, Any] | None, *, accept: str | None = None, stages: Any = None
    ) -> Ask:
        """A server of its own."""
        container = sparkml(stages or graph(), told, settings=self.settings, accept=accept)
        return self.stack.enter_context(served([container], self.settings))

    def refused(self, answer: Answer, text: str) -> None:
        """A 400, whose body is the text alone, strictly; by default it has the text, and where it happened."""
        assert answer.status == 400
        if self.settings.strict:
            assert answer.text == text
        else:
            assert text in answer.text
            assert answer.text.startswith("container-1")


@pytest.fixture(scope="module", params=["default", "strict"])
def mode(request: pytest.FixtureRequest) -> Iterator[Mode]:
    settings = STRICT if request.param == "strict" else SETTINGS
    with ExitStack() as stack:
        identity = stack.enter_context(served([sparkml(graph(), None, settings=settings)], settings))
        pairs = stack.enter_context(served([sparkml(ASSEMBLED, PAIR, settings=settings)], settings))
        yield Mode(settings, stack, identity, pairs)


def column(type_: str, struct: str | None = "basic", name: str = "x") -> dict[str, Any]:
    return {"name": name, "type": type_, "struct": struct}


def row(*values: Any, told: Any = None) -> bytes:
    return json.dumps({"data": values} | ({"schema": told} if told is not None else {})).encode()


def lines(*data: Any, told: Any = None) -> bytes:
    objects: list[dict[str, Any]] = [{"data": one} for one in data]
    if told is not None:
        objects[0]["schema"] = told
    return "\n".join(map(json.dumps, objects)).encode()


def one_column(ask: Ask, type_: str, struct: str | None, value: Any) -> Answer:
    """A value through the pipeline without stages."""
    one = column(type_, struct)
    return ask(row(value, told={"input": [one], "output": one}), JSON)


# Conversion


@pytest.mark.parametrize("body", [b"2,C,34.5", b'2,"C",34.5'], ids=["C1", "C2"])
def test_c1_c2_csv(mode: Mode, body: bytes) -> None:
    fields = basic(name_1=INT, name_2=STRING, name_3=DOUBLE)
    for field, text in zip(fields, (b"2", b"C", b"34.5"), strict=True):
        assert mode.with_schema(schema(fields, field))(body).body == text


@pytest.mark.parametrize(
    ("output", "text"),
    [(0, "1.0,2.0,3.0"), (1, "C"), (2, "38.0,24.0")],
)
def test_c3_complete_input(mode: Mode, output: int, text: str) -> None:
    told = COMPLETE | {"output": COMPLETE["input"][output]}  # type: ignore[index]
    assert mode.identity(row([1.0, 2.0, 3.0], "C", [38.0, 24.0], told=told), JSON).text == text


@pytest.mark.parametrize(
    ("type_", "struct", "value", "text"),
    [
        ("int", "basic", 1, "1"),
        ("double", "basic", 1.0, "1.0"),
        ("byte", "basic", 1, "1"),
        ("long", None, 1, "1"),
        ("short", "basic", 1, "1"),
        ("string", "basic", "1", "1"),
        ("boolean", "basic", "1", "false"),  # C5
        ("boolean", "basic", True, "true"),
        ("double", "vector", [1.0, 2.0], "1.0,2.0"),  # C6
        ("string", "array", ["1"], "1"),  # C7
        ("boolean", "array", [False], "false"),
        ("int", "array", [1, 2], "1,2"),
        ("double", "array", [1.0, 2.0], "1.0,2.0"),
    ],
)
def test_c4_to_c7_c9_c10_values(mode: Mode, type_: str, struct: str | None, value: Any, text: str) -> None:
    """In, and out of the frame again, unchanged."""
    answer = one_column(mode.identity, type_, struct, value)
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, text, CSV)


@pytest.mark.parametrize(
    ("type_", "struct", "value", "text", "original"),
    [
        ("long", "array", [1, 2], "1,2", "java.lang.Integer cannot be cast to java.lang.Long"),  # C7
        ("short", "array", [1], "1", "java.lang.Integer cannot be cast to java.lang.Short"),
        ("double", "array", [1, 2], "1.0,2.0", "java.lang.Integer cannot be cast to java.lang.Double"),
        ("double", "vector", [1, 2], "1.0,2.0", "java.lang.Integer cannot be cast to java.lang.Double"),
        ("float", "basic", 1.0, "1.0", "java.lang.Float cannot be cast to java.lang.Double"),  # C4, C10
    ],
)
def test_values_that_the_original_cannot_have_over_http(
    mode: Mode, type_: str, struct: str, value: Any, text: str, original: str
) -> None:
    """Its tests hand it Java's objects; in a request its JSON library makes an int of 1, and no long or short."""
    answer = one_column(mode.identity, type_, struct, value)
    if mode.settings.strict:
        mode.refused(answer, original)
    else:
        assert (answer.status, answer.text) == (200, text)


WRONG_TYPE = "Data type passed in the request is wrong for one or more columns"


@pytest.mark.parametrize(
    ("type_", "struct", "value", "text"),
    [
        ("int", "vector", [1], "Only Double type is supported for vector"),
        ("double", "vector", 1.0, "Input val is not a list but struct passed is vector/array"),
        ("intvalue", "basic", 1, WRONG_TYPE),
        ("intvalue", "vector", [1.0], WRONG_TYPE),
    ],
)
def test_c8_c9_columns_that_are_none(mode: Mode, type_: str, struct: str, value: Any, text: str) -> None:
    answer = one_column(mode.identity, type_, struct, value)
    mode.refused(answer, text)
    told = {"input": [column("int")], "output": column("intvalue")}
    mode.refused(mode.identity(row(1, told=told), JSON), WRONG_TYPE)


# The table of conversion: texts of Java, for CSV cells and JSON scalars alike.

SCALARS = [
    *[(one, "abc", 'For input string: "abc"') for one in ("int", "long", "short", "byte", "double", "float")],
    ("int", 1.0, 'For input string: "1.0"'),
    ("int", "2147483648", 'For input string: "2147483648"'),
    ("byte", "300", 'Value out of range. Value:"300" Radix:10'),
    ("double", " 1 ", None),
    ("double", "NaN", None),
    ("double", "-Infinity", None),
    ("double", "1e3d", None),
    ("boolean", "TRUE", None),
    ("boolean", "1", None),
    ("boolean", "", None),
    ("string", "", None),
]
ANSWERS = {
    " 1 ": "1.0",
    "NaN": "NaN",
    "-Infinity": "-Infinity",
    "1e3d": "1000.0",
    "TRUE": "true",
    "1": "false",
}


@pytest.mark.parametrize(("type_", "value", "refusal"), SCALARS)
def test_scalars(mode: Mode, type_: str, value: Any, refusal: str | None) -> None:
    one = column(type_)
    told = {"input": [one], "output": one}
    ask = mode.with_schema({"input": [column("string", name="first"), one], "output": one})
    for answer in (
        mode.identity(row(value, told=told), JSON),
        mode.identity(lines([value], told=told), JSONL, CSV),
        ask(f"a,{value}".encode()),
    ):
        if refusal is not None:
            mode.refused(answer, refusal)
        else:
            text = {"boolean": "false"}.get(type_, "") if value == "" else ANSWERS[value]
            # An empty string stands in quotes, by default, in CSV.
            assert answer.text.strip('[]"') == text


@pytest.mark.parametrize("type_", ["int", "double"])
def test_no_text_for_a_number(mode: Mode, type_: str) -> None:
    """The original refuses it; by default CSV has a null there, for a stage to fill in."""
    one = column(type_)
    told = {"input": [column("string", name="first"), one], "output": one}
    answer = mode.with_schema(told)(b"a,")
    original = 'For input string: ""' if type_ == "int" else "empty String"
    mode.refused(answer, original if mode.settings.strict else "the answer is null")
    mode.refused(mode.identity(row("", told={"input": [one], "output": one}), JSON), original)


def test_null(mode: Mode) -> None:
    told = {"input": [column("int")], "output": column("int")}
    answer = mode.identity(row(None, told=told), JSON)
    mode.refused(answer, "" if mode.settings.strict else "the answer is null")


def test_rows_that_are_too_short(mode: Mode) -> None:
    for answer, original in [
        (mode.pairs(b"1,2.0"), "2"),
        (mode.pairs(row(1, 2.0), JSON), "Index: 2, Size: 2"),
        (mode.pairs(lines([1, 2.0]), JSONL), "Index: 2, Size: 2"),
    ]:
        mode.refused(answer, original if mode.settings.strict else "2 fields where 3 are expected")


def test_rows_that_are_too_long(mode: Mode) -> None:
    for answer in (mode.pairs(b"1,2.0,a,more"), mode.pairs(row(1, 2.0, "a", "more"), JSON)):
        if mode.settings.strict:
            assert answer.text == "1.0,2.0"
        else:
            mode.refused(answer, "4 fields where 3 are expected")


def test_lines_after_the_first(mode: Mode) -> None:
    wanted = "1.0,2.0" if mode.settings.strict else "1.0,2.0\n3.0,4.0"
    assert mode.pairs(b"1,2.0,a\n3,4.0,b\n").text == wanted


def test_no_record(mode: Mode) -> None:
    mode.refused(
        mode.pairs(b"\n\n"), "Index: 0, Size: 0" if mode.settings.strict else "the body has no record"
    )


def test_lists_in_csv(mode: Mode) -> None:
    ask = mode.with_schema(COMPLETE)
    mode.refused(ask(b"1.0,C,2.0"), "Input val is not a list but struct passed is vector/array")


def test_one_row_of_lists(mode: Mode) -> None:
    """Many rows to the original, which has no values for a second column then."""
    told = {
        "input": [column("string", "array"), column("string", "array", "y")],
        "output": column("string", "array"),
    }
    answer = mode.identity(lines([["a", "b"], ["c"]], told=told), JSONL)
    if mode.settings.strict:
        mode.refused(answer, "Input val is not a list but struct passed is vector/array")
    else:
        assert answer.text == "a,b"
    both = mode.identity(lines([[["a", "b"], ["c"]], [["d"], []]], told=told), JSONL, CSV)
    assert both.text == "[[a,b], [d]]"


# Answers


@pytest.mark.parametrize(
    ("accept", "kind"), [(CSV, CSV), (JSONL, JSONL), (None, CSV)], ids=["R1", "R2", "R3"]
)
def test_r1_to_r3_s3_single_values(mode: Mode, accept: str | None, kind: str) -> None:
    told = PAIR | {"output": {"name": "test_name_1", "type": "int"}}
    for container_told in (told, None):
        answer = mode.identity(row(1, 2.0, "T", told=container_told or told), JSON, accept)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"1", kind)


FLOATS = {"input": [column("float", "array")], "output": column("float", "array")}


@pytest.mark.parametrize(
    ("accept", "text", "kind"),
    [(CSV, "1.0,0.2", CSV), (JSONL, '{"features":[1.0,0.2]}', JSONL)],
    ids=["R4", "R5"],
)
def test_r4_r5_lists(mode: Mode, accept: str, text: str, kind: str) -> None:
    """A list of a column has one type, where the original's test mixes 1 and 0.2f."""
    answer = mode.identity(row([1.0, 0.2], told=FLOATS), JSON, accept)
    assert (answer.text, answer.headers["content-type"]) == (text, kind)


def test_r6_text(mode: Mode) -> None:
    told = {"input": [column("string", "array")], "output": column("string", "array")}
    answer = mode.identity(row(["this", "is", "spark", "ml", "server"], told=told), JSON, TEXT)
    assert (answer.text, answer.headers["content-type"]) == ('{"source":"this is spark ml server"}', JSONL)


@pytest.mark.parametrize("accept", [JSON, "text/csv; charset=utf-8", "text/csv, */*", "TEXT/CSV"])
def test_r7_s18_accepts_that_are_none(mode: Mode, accept: str) -> None:
    """The helper of the original writes CSV for these; its controller lets none of them come so far."""
    text = "Accept value passed via request or environment variable is not valid"
    mode.refused(mode.pairs(b"1,2.0,a", accept=accept), text)
    mode.refused(mode.pairs(row(1, 2.0, "a"), JSON, accept), text)
    mode.refused(mode.with_schema(PAIR, stages=ASSEMBLED, accept=accept)(b"1,2.0,a"), text)


# The controller


def test_s1_ping(mode: Mode) -> None:
    answer = mode.pairs(None, None, method="GET", path="/ping")
    assert (answer.status, answer.body) == (200, b"")


def test_s2_execution_parameters(mode: Mode) -> None:
    answer = mode.pairs(None, None, method="GET", path="/execution-parameters")
    assert json.loads(answer.body) == {
        "MaxConcurrentTransforms": os.cpu_count(),
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 5,
    }


def test_s4_s5_lists(mode: Mode) -> None:
    told = {"input": [column("int", "array")], "output": column("int", "array")}
    for accept in (CSV, None):
        assert mode.identity(row([1, 2], told=told), JSON, accept).text == "1,2"
    assert mode.identity(row([1, 2], told=told), JSON, JSONL).text == '{"features":[1,2]}'
    assert mode.pairs(row(1, 2.0, "a"), JSON, JSONL).text == '{"features":[1.0,2.0]}'


def test_s6_a_stage_that_refuses(mode: Mode) -> None:
    stages = graph(stage("index", StringIndexer(("a", "b")), ["x"], ["out"]))
    ask = mode.with_schema(schema(basic(x=STRING), Field("out", DOUBLE)), stages=stages)
    for answer in (ask(b"c"), ask(row("c"), JSON), ask(lines(["c"]), JSONL)):
        assert answer.status == 400
        assert "unseen label 'c'" in answer.text
        assert mode.settings.strict is not answer.text.startswith(
            "container-1, stage index, column 'x', row 1"
        )


@pytest.mark.parametrize("kind", [CSV, JSON, JSONL])
def test_s7_s8_no_body(mode: Mode, kind: str) -> None:
    """204, as the original's handlers have it; in the original the web framework refuses it before they see it."""
    answer = mode.pairs(b"", kind)
    if mode.settings.strict:
        assert (answer.status, json.loads(answer.body)["error"]) == (400, "Bad Request")
    else:
        assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-skewless-container"] == "container-1"


def test_s9_csv(mode: Mode) -> None:
    two = schema(basic(test_name_1=INT, test_name_2=DOUBLE), Field("out_name", vector()))
    assert mode.with_schema(two, stages=ASSEMBLED)(b"1,2.0").text == "1.0,2.0"


SENT: dict[str, tuple[list[Any], list[tuple[int, int]]]] = {
    "S10": ([[[1, 2.0, "TEST1"], [3, 4.0, "TEST"]]], [(1, 2), (3, 4)]),
    "S11": ([[5, 6.0, "a"], [7, 8.0, "b"]], [(5, 6), (7, 8)]),
    "S12": (
        [[[9, 10.0, ""], [11, 12.0, ""]], [13, 14.0, ""], [15, 16.0, ""]],
        [(9, 10), (11, 12), (13, 14), (15, 16)],
    ),
    "one row": ([[1, 2.0, ""]], [(1, 2)]),
}
SHAPES = {CSV: "{}.0,{}.0", JSONL: '{{"features":[{}.0,{}.0]}}', TEXT: '{{"source":"{}.0 {}.0"}}'}


@pytest.mark.parametrize("accept", [CSV, JSONL, TEXT])
@pytest.mark.parametrize("name", SENT)
def test_s10_to_s14_json_lines(mode: Mode, name: str, accept: str) -> None:
    """One Java list of lists; by default only where a type is asked for, and a line for each row otherwise."""
    sent, found = SENT[name]
    each = [SHAPES[accept].format(*pair) for pair in found]
    wrapped = "[" + ", ".join(f"[{one}]" for one in each) + "]"
    answer = mode.pairs(lines(*sent), JSONL, accept)
    assert (answer.text, answer.headers["content-type"]) == (wrapped, CSV if accept == CSV else JSONL)
    if accept == CSV:
        assert mode.pairs(lines(*sent), JSONL).text == (wrapped if mode.settings.strict else "\n".join(each))


def test_s15_the_first_lines_schema(mode: Mode) -> None:
    told = schema(basic(test_name_1=INT, test_name_2=DOUBLE), Field("test_name_1", INT))
    body = lines([[1, 2.0], [3, 4.0]], [5, 6.0], [7, 8.0], told=told)
    assert mode.identity(body, JSONL, CSV).text == "[[1], [3], [5], [7]]"
    later = lines([1, 2.0, "a"]) + b"\n" + lines([2, 3.0, "b"], told=told)
    assert mode.pairs(later, JSONL, CSV).text == "[[1.0,2.0], [2.0,3.0]]"


@pytest.mark.parametrize("accept", [None, "*/*", ""])
def test_s16_s17_the_environments_accept(mode: Mode, accept: str | None) -> None:
    ask = mode.with_schema(PAIR, stages=ASSEMBLED, accept=TEXT)
    assert ask(row(1, 2.0, "a"), JSON, accept).text == '{"source":"1.0 2.0"}'
    assert mode.pairs(row(1, 2.0, "a"), JSON, accept).headers["content-type"] == CSV


def test_s19_where_the_schema_comes_from(mode: Mode) -> None:
    ask = mode.with_schema({"input": [column("int")], "output": column("int")})
    other = {"input": [column("double", name="b")], "output": column("double", name="b")}
    assert ask(row(1, told=other), JSON).text == "1.0"
    assert ask(lines([1], told=other), JSONL, CSV).text == "[[1.0]]"
    assert ask(row(1), JSON).text == ask(b"1").text == "1"
    for answer in (mode.identity(row(1), JSON), mode.identity(lines([1]), JSONL), mode.identity(b"1")):
        mode.refused(answer, NO_SCHEMA)


# What is shared: the objects of a request


@pytest.mark.parametrize(
    "told",
    [
        {"input": [{"name": None, "type": "int"}], "output": column("int")},
        {"input": [{"name": "x", "type": None}], "output": column("int")},
        {"input": None, "output": column("int")},
        {"input": [column("int")], "output": None},
        {"input": [column("int")]},
        {"input": [column("int") | {"more": 1}], "output": column("int")},
        {"input": [column("int")], "output": column("int"), "version": 1},
    ],
)
def test_schemas_that_are_none(mode: Mode, told: Any) -> None:
    for answer in (mode.identity(row(1, told=told), JSON), mode.identity(lines([1], told=told), JSONL)):
        assert answer.status == 400
    assert mode.settings.strict or "the schema in the request is wrong" in answer.text


@pytest.mark.parametrize(
    "body", [b"{", b"null", b'{"data": null}', b"{}", b'{"data": [1], "other": 1}', b'{"data": [1]} x']
)
def test_objects_that_are_none(mode: Mode, body: bytes) -> None:
    answer = mode.pairs(body, JSON)
    assert answer.status == 400
    if mode.settings.strict:
        told = json.loads(answer.body)
        assert (told["status"], told["error"], told["path"]) == (400, "Bad Request", "/invocations")
        assert list(told) == ["timestamp", "status", "error", "path"]
        assert mode.pairs(body, JSON, CSV).body == b""
    assert mode.pairs(body, JSONL).status == 400


def test_no_struct_is_basic_and_many_rows_are_read(mode: Mode) -> None:
    told = {
        "input": [column("int", None, "a"), {"name": "b", "type": "string"}, column("double", name="c")],
        "output": column("double", None, "c"),
    }
    body = json.dumps({"schema": told, "data": [[1, "C", 38.0], [2, "D", 39.0]]}).encode()
    assert mode.identity(body, JSONL, CSV).text == "[[38.0], [39.0]]"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-npy", "csv"])
def test_content_types_that_are_not_read(mode: Mode, kind: str | None) -> None:
    answer = mode.pairs(b"1,2.0,a", kind)
    assert answer.status == 415
    if mode.settings.strict:
        assert json.loads(answer.body)["error"] == "Unsupported Media Type"
    else:
        assert (
            "Send one of: text/csv, application/json, application/jsonlines, application/vnd." in answer.text
        )
    assert mode.pairs(b"1,2.0,a", "Text/CSV; charset=utf-8").status == 200


def test_the_columns_of_a_vector_are_all_there(mode: Mode) -> None:
    """One type of column for each struct: scalar, vector, list."""
    fields = Schema.of(a=INT, v=vector(), w=Type(Base.STRING, Struct.ARRAY))
    for field, value, text in [(0, 5, "5"), (1, [0.5, 1e7], "0.5,1.0E7"), (2, ["x", "y"], "x,y")]:
        values: list[Any] = [1, [1.0], ["w"]]
        values[field] = value
        told = schema(fields.fields, fields.fields[field])
        assert mode.identity(row(*values, told=told), JSON).text == text
