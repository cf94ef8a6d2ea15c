"""The SparkML container against its original's contract: vectors C1–C10, R1–R7 and S2–S19, and where it differs."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from skewless.bundles.bundle import open_bundle, save
from skewless.containers.artifact import Artifact
from skewless.containers.base import Answer, ExecutionParameters
from skewless.containers.sparkml import NO_SCHEMA, SparkMLContainer, load
from skewless.errors import (
    AcceptError,
    AllSkipped,
    BodyError,
    ContentTypeError,
    EmptyBody,
    ParityError,
    RequestError,
    SettingError,
    ValueRefused,
)
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.schema import DOUBLE, FLOAT, INT, LONG, STRING, Base, Field, Schema, Struct, Type, vector
from skewless.settings import Settings
from skewless.transforms.transform import Transform
from tests.builders import SETTINGS, STRICT, basic, graph, schema, sparkml, stage

CSV, JSON, JSONL = "text/csv", "application/json", "application/jsonlines"
TEXT = "application/jsonlines;data=text"
BOTH = pytest.mark.parametrize("settings", [SETTINGS, STRICT], ids=["default", "strict"])

PAIR = schema(basic(test_name_1=INT, test_name_2=DOUBLE, test_name_3=STRING), Field("out", vector()))
ASSEMBLED = graph(stage("join", VectorAssembler((None, None)), ["test_name_1", "test_name_2"], ["out"]))
PAIR_FITTED = Schema.of(test_name_1=INT, test_name_2=DOUBLE)


def pairs(settings: Settings = SETTINGS, accept: str | None = None) -> SparkMLContainer:
    """Gives its two numbers as a vector, as the mocked transformer of the original's tests does."""
    return sparkml(ASSEMBLED, PAIR, settings=settings, accept=accept)


def identity(type_: Type, settings: Settings = SETTINGS) -> SparkMLContainer:
    field = Field("x", type_)
    return sparkml(graph(), schema([field], field), settings=settings)


def lines(*data: Any, told: Any = None) -> bytes:
    """JSON Lines, with a schema in the first where one is given."""
    objects: list[dict[str, Any]] = [{"data": one} for one in data]
    if told is not None:
        objects[0]["schema"] = told
    return "\n".join(map(json.dumps, objects)).encode()


def data(*row: Any, told: Any = None) -> bytes:
    return lines(list(row), told=told)


# Conversion. C1 and C2 are among the tests of csvtext, C5 to C7 of jsontext.


@BOTH
@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("int", 1, "1"),
        ("double", 1.0, "1.0"),
        ("byte", 1, "1"),
        ("long", 1, "1"),
        ("short", 1, "1"),
        ("string", "1", "1"),
        ("boolean", "1", "false"),
        ("boolean", True, "true"),
    ],
)
def test_single_values(settings: Settings, type_: str, value: Any, text: str) -> None:
    """C4, C5, C9, C10: in as JSON and as CSV, out unchanged."""
    container = identity(Type(Base(type_)), settings)
    assert container.invoke(data(value), JSON, None) == Answer(text.encode(), CSV)
    assert container.invoke(str(value).lower().encode(), CSV, None) == Answer(text.encode(), CSV)


def test_a_single_float() -> None:
    """C4: it is read; the original reads single floats of its frame as doubles, which fails."""
    assert identity(FLOAT).invoke(data(1.0), JSON, None) == Answer(b"1.0", CSV)
    for body, kind in [(data(1.0), JSON), (b"1.0", CSV), (lines([1.0]), JSONL)]:
        with pytest.raises(ValueRefused) as refused:
            identity(FLOAT, STRICT).invoke(body, kind, None)
        assert refused.value.original == "java.lang.Float cannot be cast to java.lang.Double"


@BOTH
def test_complete_input(settings: Settings) -> None:
    """C3, C6: a vector, a string and an array."""
    told = {
        "input": [
            {"name": "v", "type": "double", "struct": "vector"},
            {"name": "s", "type": "string", "struct": "basic"},
            {"name": "a", "type": "double", "struct": "array"},
        ],
        "output": {"name": "v", "type": "double", "struct": "vector"},
    }
    row = [[1.0, 2.0, 3.0], "C", [38.0, 24.0]]
    assert sparkml(graph(), told, settings=settings).invoke(data(*row), JSON, None)[0] == b"1.0,2.0,3.0"
    told["output"] = {"name": "a", "type": "double", "struct": "array"}
    assert sparkml(graph(), told, settings=settings).invoke(data(*row), JSON, None)[0] == b"38.0,24.0"


def test_column_kinds_that_are_none() -> None:
    """C8."""
    wrong = [
        {"name": "x", "type": "int", "struct": "vector"},
        {"name": "x", "type": "intvalue"},
        {"name": "x", "type": "intvalue", "struct": "vector"},
        {"name": None, "type": "int"},
        {"name": "x", "type": None},
        {"type": "int"},
        {"name": "x", "type": "int", "more": 1},
    ]
    right = {"name": "x", "type": "int", "struct": None}
    for column in wrong:
        for told in ({"input": [column], "output": right}, {"input": [right], "output": column}):
            with pytest.raises(SettingError, match="SAGEMAKER_SPARKML_SCHEMA"):
                sparkml(graph(), told)
            with pytest.raises(BodyError, match="the schema in the request is wrong"):
                identity(INT).invoke(data(1, told=told), JSON, None)
    assert sparkml(graph(), {"input": [right], "output": right}).invoke(b"1", CSV, None)[0] == b"1"
    with pytest.raises(SettingError, match="named twice"):
        sparkml(graph(), {"input": [right, right], "output": right})
    with pytest.raises(SettingError, match="unknown field"):
        sparkml(graph(), {"input": [right], "output": right, "version": 1})
    with pytest.raises(ValueRefused, match="Input val is not a list"):
        identity(vector()).invoke(data(1.0), JSON, None)


# Answers. R4 to R7 in every form are among the tests of answers.


@BOTH
def test_answers(settings: Settings) -> None:
    """R1 to R3, S3 to S5, S9."""
    one = identity(INT, settings)
    assert [one.invoke(data(1), JSON, accept) for accept in (CSV, JSONL, None)] == [
        Answer(b"1", CSV),
        Answer(b"1", JSONL),
        Answer(b"1", CSV),
    ]
    two = pairs(settings)
    assert two.invoke(data(1, 2.0, "T"), JSON, None) == Answer(b"1.0,2.0", CSV)
    assert two.invoke(data(1, 2.0, "T"), JSON, JSONL) == Answer(b'{"features":[1.0,2.0]}', JSONL)
    assert two.invoke(data(1, 2.0, "T"), JSON, TEXT) == Answer(b'{"source":"1.0 2.0"}', JSONL)
    assert two.invoke(b"1,2.0,T", CSV, None) == Answer(b"1.0,2.0", CSV)


def test_execution_parameters() -> None:
    """S2."""
    told = pairs().execution_parameters()
    assert isinstance(told, ExecutionParameters)
    assert (told.batch_strategy, told.max_payload_mb) == ("SINGLE_RECORD", 5)


@BOTH
def test_refusals_name_the_container(settings: Settings) -> None:
    """S6."""
    for body, kind in [(b"x,2.0,T", CSV), (data("x", 2.0, "T"), JSON), (lines(["x", 2.0, "T"]), JSONL)]:
        with pytest.raises(ValueRefused, match='For input string: "x"') as refused:
            pairs(settings).invoke(body, kind, None)
        assert (refused.value.container, refused.value.column, refused.value.row) == (
            "container-1",
            "test_name_1",
            1,
        )


@BOTH
@pytest.mark.parametrize("kind", [CSV, JSON, JSONL])
def test_no_body(settings: Settings, kind: str) -> None:
    """S7, S8."""
    with pytest.raises(EmptyBody):
        pairs(settings).invoke(b"", kind, None)


SEVERAL = [
    ([[[1, 2.0, "TEST1"], [3, 4.0, "TEST"]]], [(1, 2), (3, 4)]),
    ([[5, 6.0, "a"], [7, 8.0, "b"]], [(5, 6), (7, 8)]),
    (
        [[[9, 10.0, ""], [11, 12.0, ""]], [13, 14.0, ""], [15, 16.0, ""]],
        [(9, 10), (11, 12), (13, 14), (15, 16)],
    ),
]
SHAPES = {CSV: "{}.0,{}.0", JSONL: '{{"features":[{}.0,{}.0]}}', TEXT: '{{"source":"{}.0 {}.0"}}'}


@BOTH
@pytest.mark.parametrize("accept", [CSV, JSONL, TEXT])
@pytest.mark.parametrize(("sent", "found"), SEVERAL)
def test_json_lines_with_a_type_asked_for(settings: Settings, accept: str, sent: Any, found: Any) -> None:
    """S10 to S15: one Java list of lists, whatever the type."""
    wanted = "[" + ", ".join(f"[{SHAPES[accept].format(*pair)}]" for pair in found) + "]"
    kind = CSV if accept == CSV else JSONL
    assert pairs(settings).invoke(lines(*sent), JSONL, accept) == Answer(wanted.encode(), kind)
    bare = sparkml(ASSEMBLED, None, settings=settings)
    assert bare.invoke(lines(*sent, told=PAIR), JSONL, accept) == Answer(wanted.encode(), kind)
    assert (
        pairs(settings)
        .invoke(lines(sent[0][0] if isinstance(sent[0][0], list) else sent[0]), JSONL, CSV)[0]
        .startswith(b"[[")
    )


@pytest.mark.parametrize("accept", [None, "", " ", "*/*"])
@pytest.mark.parametrize(("sent", "found"), SEVERAL)
def test_json_lines_without_one(accept: str | None, sent: Any, found: Any) -> None:
    """Line by line by default; strictly, wrapped too."""
    for environment in (CSV, JSONL, TEXT):
        each = [SHAPES[environment].format(*pair) for pair in found]
        kind = CSV if environment == CSV else JSONL
        answer = pairs(SETTINGS, environment).invoke(lines(*sent), JSONL, accept)
        assert answer == Answer("\n".join(each).encode(), kind)
        wrapped = "[" + ", ".join(f"[{one}]" for one in each) + "]"
        assert pairs(STRICT, environment).invoke(lines(*sent), JSONL, accept)[0] == wrapped.encode()


@BOTH
@pytest.mark.parametrize("accept", [None, "*/*", "", "  "])
def test_the_environments_accept(settings: Settings, accept: str | None) -> None:
    """S16, S17."""
    assert pairs(settings, TEXT).invoke(b"1,2,a", CSV, accept)[1] == JSONL
    assert pairs(settings).invoke(b"1,2,a", CSV, accept)[1] == CSV
    assert pairs(settings, "").invoke(b"1,2,a", CSV, accept)[1] == CSV


@BOTH
@pytest.mark.parametrize("accept", [JSON, "text/csv; charset=utf-8", "text/csv, */*", "TEXT/CSV", f" {CSV}"])
def test_accepts_that_are_refused(settings: Settings, accept: str) -> None:
    """S18."""
    message = "Accept value passed via request or environment variable is not valid"
    with pytest.raises(AcceptError, match=message):
        pairs(settings).invoke(b"1,2,a", CSV, accept)
    with pytest.raises(AcceptError, match=message):
        pairs(settings, accept).invoke(b"1,2,a", CSV, None)


@BOTH
def test_where_the_schema_comes_from(settings: Settings) -> None:
    """S19: the request's, then the environment's; CSV has only the latter."""
    other = schema(basic(b=DOUBLE), Field("b", DOUBLE))
    container = sparkml(graph(), schema(basic(a=INT), Field("a", INT)), settings=settings)
    assert container.invoke(data(1), JSON, None)[0] == b"1"
    assert container.invoke(data(1, told=other), JSON, None)[0] == b"1.0"
    assert container.invoke(lines([1], [2], told=other), JSONL, CSV)[0] == b"[[1.0], [2.0]]"
    assert (
        container.invoke(data(1, told=other).replace(b'"schema"', b'"\\u0073chema"'), JSON, None)[0] == b"1.0"
    )
    assert container.invoke(b'{"schema": null, "data": [1]}', JSON, None)[0] == b"1"
    # A schema on a later line is ignored.
    later = lines([1]) + b"\n" + lines([2], told=other)
    assert container.invoke(later, JSONL, CSV)[0] == b"[[1], [2]]"
    nothing = sparkml(graph(), None, settings=settings)
    for body, kind in [(b"1", CSV), (data(1), JSON), (lines([1]), JSONL)]:
        with pytest.raises(BodyError, match=NO_SCHEMA) as refused:
            nothing.invoke(body, kind, None)
        assert refused.value.container == "container-1"
    assert nothing.invoke(data(1, told=other), JSON, None)[0] == b"1.0"


@BOTH
@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-npy", "csv"])
def test_content_types_that_are_not_read(settings: Settings, kind: str | None) -> None:
    with pytest.raises(ContentTypeError):
        pairs(settings).invoke(b"1,2,a", kind, None)
    assert pairs(settings).invoke(b"1,2,a", "Text/CSV; charset=UTF-8", None)[0] == b"1.0,2.0"


# Where it differs.


def test_many_csv_lines() -> None:
    body = b"1,2,a\r\n\r\n3,4,b\r\n"
    assert pairs().invoke(body, CSV, None)[0] == b"1.0,2.0\n3.0,4.0"
    assert pairs(STRICT).invoke(body, CSV, None)[0] == b"1.0,2.0"
    assert pairs().invoke(body, CSV, JSONL)[0] == b'{"features":[1.0,2.0]}\n{"features":[3.0,4.0]}'
    assert pairs(STRICT).invoke(body + b"x,y,z", CSV, None)[0] == b"1.0,2.0"
    for settings in (SETTINGS, STRICT):
        with pytest.raises(BodyError, match="no record") as none:
            pairs(settings).invoke(b"\n\n", CSV, None)
        assert none.value.original == "Index: 0, Size: 0"


@pytest.mark.parametrize(
    ("body", "kind"), [(b"1,2,a,more", CSV), (data(1, 2, "a", "more"), JSON), (lines([1, 2, "a", 3]), JSONL)]
)
def test_extra_fields(body: bytes, kind: str) -> None:
    with pytest.raises(ValueRefused, match="the record has 4 fields where 3 are expected"):
        pairs().invoke(body, kind, None)
    assert b"1.0,2.0" in pairs(STRICT).invoke(body, kind, None)[0]


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"1,2", CSV, "2"),
        (data(1, 2), JSON, "Index: 2, Size: 2"),
        (lines([1, 2]), JSONL, "Index: 2, Size: 2"),
    ],
)
def test_too_few_fields(body: bytes, kind: str, text: str) -> None:
    with pytest.raises(ValueRefused, match="the record has 2 fields where 3 are expected") as refused:
        pairs().invoke(body, kind, None)
    assert "test_name_1, test_name_2, test_name_3" in str(refused.value)
    with pytest.raises(ValueRefused, match="the record has 2 fields, and none for column 3") as refused:
        pairs(STRICT).invoke(body, kind, None)
    assert refused.value.original == text


def test_strings_are_quoted_where_text_would_lose_them() -> None:
    body = b'"a,""b"""\n""\n\xc3\xbc\n'
    assert identity(STRING).invoke(body, CSV, None)[0] == body[:-1]
    assert identity(STRING, STRICT).invoke(body, CSV, None)[0] == b'a,"b"'


def test_the_bundles_own_schema() -> None:
    fitted = Schema.of(unused=STRING, test_name_2=DOUBLE, test_name_1=INT)
    container = sparkml(ASSEMBLED, None, fitted=fitted)
    assert container.inputs.names == ("test_name_2", "test_name_1")
    assert container.invoke(b"2.5,1", CSV, None)[0] == b"1.0,2.5"
    with pytest.raises(BodyError, match=NO_SCHEMA):
        sparkml(ASSEMBLED, None).invoke(b"1,2", CSV, None)


# Schema and bundle.


def test_columns_that_the_answer_does_not_need() -> None:
    told = schema(basic(more=STRING, a=DOUBLE, b=DOUBLE), Field("out", vector()))
    stages = graph(
        stage("index", StringIndexer(("x",)), ["label"], ["index"]),
        stage("join", VectorAssembler((None, None)), ["a", "b"], ["out"]),
    )
    container = sparkml(stages, told, fitted=Schema.of(label=STRING, a=DOUBLE, b=DOUBLE))
    assert container.invoke(b"anything,1,2", CSV, None)[0] == b"1.0,2.0"


@pytest.mark.parametrize(
    ("given", "fitted", "sent", "answer"),
    [
        (INT, DOUBLE, "1", "1.0"),
        (LONG, DOUBLE, "9007199254740993", "9.007199254740992E15"),
        (Type(Base.BYTE), INT, "1", "1"),
        (Type(Base.SHORT), LONG, "1", "1"),
        (LONG, FLOAT, "1152921573326323713", "1.1529216E18"),
        (FLOAT, DOUBLE, "0.1", "0.10000000149011612"),
        (DOUBLE, FLOAT, "0.1", "0.1"),
        (DOUBLE, FLOAT, "1e300", "Infinity"),
    ],
)
def test_types_that_widen(given: Type, fitted: Type, sent: str, answer: str) -> None:
    told = schema([Field("x", given)], Field("x", fitted))
    container = sparkml(graph(), told, fitted=Schema.of(x=fitted))
    assert container.invoke(sent.encode(), CSV, None)[0].decode() == answer
    assert container.invoke(f"{sent}\n{sent}".encode(), CSV, None)[0].decode() == f"{answer}\n{answer}"
    assert container.encode_row(container.run_row(container.decode_row([sent])), None)[0].decode() == answer
    noted = given == FLOAT and fitted == DOUBLE
    assert bool(container.notes) is noted
    assert not noted or "rounded to 32 bits" in container.notes[0]


@pytest.mark.parametrize(
    ("given", "fitted"),
    [(STRING, DOUBLE), (DOUBLE, STRING), (DOUBLE, INT), (LONG, INT), (vector(), DOUBLE), (DOUBLE, vector(2))],
)
def test_types_that_do_not_fit(given: Type, fitted: Type) -> None:
    told = schema([Field("x", given), Field("y", INT)], Field("y", INT))
    with pytest.raises(SettingError) as refused:
        sparkml(graph(), told, fitted=Schema.of(x=fitted))
    assert f"the schema says {given} for input 'x', but it was fitted as {fitted}" in str(refused.value)
    assert f"Declare it as {fitted.base}, struct {fitted.struct}." in str(refused.value)


def test_the_schema_is_believed_where_nothing_else_is_known() -> None:
    stages = graph(stage("index", StringIndexer(("1.0", "2.0")), ["x"], ["out"]))
    container = sparkml(stages, schema(basic(x=DOUBLE), Field("out", DOUBLE)))
    assert container.invoke(b"2\n1e0", CSV, None)[0] == b"1.0\n0.0"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (Field("gone", DOUBLE), "the schema's output 'gone' is no column of the bundle"),
        (Field("out", DOUBLE), "the schema says double for the output 'out', but the bundle makes vector"),
        (Field("out", Type(Base.DOUBLE, Struct.ARRAY)), "the schema says array<double> for the output 'out'"),
        (
            Field("test_name_1", STRING),
            "the schema says string for the output 'test_name_1', but the bundle makes int",
        ),
    ],
)
def test_outputs_that_are_not_there(output: Field, message: str) -> None:
    with pytest.raises(SettingError, match=message) as refused:
        sparkml(ASSEMBLED, schema(basic(test_name_1=INT, test_name_2=DOUBLE), output), fitted=PAIR_FITTED)
    assert refused.value.hint


def test_an_input_that_is_missing() -> None:
    told = schema(basic(test_name_1=INT), Field("out", vector()))
    with pytest.raises(SettingError, match="the schema has no input 'test_name_2'") as refused:
        sparkml(ASSEMBLED, told, fitted=PAIR_FITTED)
    assert "It needs: test_name_1, test_name_2." in str(refused.value)


def test_a_float_for_a_double_output() -> None:
    container = sparkml(graph(), schema(basic(x=DOUBLE), Field("x", FLOAT)))
    assert container.invoke(b"0.1", CSV, None)[0] == b"0.1"


def test_stages_name_themselves() -> None:
    stages = graph(
        stage("index", StringIndexer(("a", "b")), ["x"], ["i"]),
        stage("hot", OneHotEncoder((2,), False), ["i"], ["out"]),
    )
    container = sparkml(stages, schema(basic(x=STRING), Field("out", vector())))
    assert container.invoke(b"b\na\n", CSV, None)[0] == b"0.0,1.0\n1.0,0.0"
    with pytest.raises(ValueRefused, match="unseen label 'c'") as refused:
        container.invoke(b"b\n\nc\n", CSV, None)
    found = refused.value
    assert (found.container, found.stage, found.column, found.row, found.value) == (
        "container-1",
        "index",
        "x",
        2,
        "c",
    )
    with pytest.raises(ValueRefused, match="unseen label 'c'"):
        container.run_row(container.decode_row(["c"]))
    traced = container.trace(container.decode(b"b", CSV))
    assert [(name, column) for name, column, _ in traced] == [("index", "i"), ("hot", "out")]


def test_rows_that_a_stage_drops() -> None:
    """The others are answered, and the answer says which have none; where none is left, it is a refusal."""
    stages = graph(stage("index", StringIndexer(("a",), "skip"), ["x"], ["out"]))
    container = sparkml(stages, schema(basic(x=STRING), Field("out", DOUBLE)))
    assert container.invoke(b"a\nb\na\nc\n", CSV, None) == Answer(b"0.0\n0.0", CSV, (2, 4))
    assert container.invoke(b"a\n", CSV, None).skipped == ()
    for body in (b"b\nc\n", b"b"):
        with pytest.raises(AllSkipped, match="the row is dropped here") as refused:
            container.invoke(body, CSV, None)
        assert (refused.value.stage, refused.value.row) == ("index", 1)


def test_from_a_bundle_on_disk(tmp_path: Any) -> None:
    """Through the archive, with parity rows that are replayed, and one that is wrong."""
    stages = graph(stage("name", IndexToString(("ü", "b")), ["x"], ["label"]))
    rows = Transform(stages, Schema.of(x=DOUBLE)).table(pa.table({"x": [0.0, 1.0]}))
    save(stages, tmp_path / "model.tar.gz", engine="tests", inputs=Schema.of(x=DOUBLE), rows=rows)
    bundle = open_bundle(tmp_path / "model.tar.gz", SETTINGS)
    container = load("post", Artifact.of(bundle), {}, SETTINGS)
    assert container.verify() == 2
    assert container.invoke(b"0.0\n1.0\n", CSV, None)[0] == "ü\nb".encode()
    container.close()
    wrong = rows.set_column(1, "label", pa.array(["ü", "c"]))
    save(stages, tmp_path / "wrong.zip", engine="tests", inputs=Schema.of(x=DOUBLE), rows=wrong)
    spoiled = load("post", Artifact.of(open_bundle(tmp_path / "wrong.zip", SETTINGS)), {}, SETTINGS)
    with pytest.raises(ParityError) as found:
        spoiled.verify()
    assert (found.value.container, found.value.stage, found.value.row) == ("post", "name", 2)


def listed(*outputs: Field, settings: Settings = SETTINGS) -> SparkMLContainer:
    told = schema(basic(test_name_1=INT, test_name_2=DOUBLE), outputs[0])
    told["output"] = [schema([], one)["output"] for one in outputs]
    return sparkml(ASSEMBLED, told, fitted=PAIR_FITTED, settings=settings)


def test_many_output_columns() -> None:
    """In every form, by the row and by the batch, bare only where one is asked for by itself."""
    container = listed(Field("out", vector()), Field("test_name_1", INT))
    for body, rows in [(b"1,2.5", 1), (b"1,2.5\n1,2.5", 2)]:
        for accept, text in [
            (CSV, "1.0,2.5,1"),
            (JSONL, '{"out":[1.0,2.5],"test_name_1":1}'),
            (TEXT, '{"source":"1.0 2.5 1"}'),
        ]:
            made = container.invoke(body, CSV, accept)
            assert made == Answer("\n".join([text] * rows).encode(), CSV if accept == CSV else JSONL)
            cells = container.run_row(container.decode_row(["1", "2.5"]))
            assert container.encode_row(cells, accept).body.decode() == text
    assert container.invoke(lines([1, 2.5], [3, 4.5]), JSONL, None).body == b"1.0,2.5,1\n3.0,4.5,3"
    assert container.invoke(lines([1, 2.5]), JSONL, CSV).body == b"[[1.0,2.5,1]]"
    one = listed(Field("test_name_1", INT))
    assert one.invoke(b"1,2.5", CSV, JSONL).body == b'{"test_name_1":1}'
    with pytest.raises(SettingError, match="output 'gone' is no column"):
        listed(Field("out", vector()), Field("gone", INT))
    with pytest.raises(SettingError, match="named twice"):
        listed(Field("out", vector()), Field("out", vector()))
    with pytest.raises(SettingError, match="there is one output, no list"):
        listed(Field("out", vector()), settings=STRICT)
    with pytest.raises(SettingError, match="there is no output"):
        sparkml(ASSEMBLED, {"input": [], "output": []})


def test_an_unknown_struct_is_a_vector_to_the_original() -> None:
    told = {"input": [{"name": "x", "type": "double", "struct": "tensor"}]}
    told["output"] = told["input"][0]  # type: ignore[assignment]
    assert sparkml(graph(), told, settings=STRICT).invoke(data([1.0, 2.0]), JSON, None).body == b"1.0,2.0"
    with pytest.raises(SettingError, match="struct 'tensor' is none of basic, vector, array"):
        sparkml(graph(), told)


def test_a_long_schema() -> None:
    """Of 561 columns, which no variable of SageMaker's has room for."""
    fields = [Field(f"column_{number}", DOUBLE) for number in range(561)]
    told, row = schema(fields, fields[-1]), [float(number) for number in range(561)]
    assert sparkml(graph(), told).invoke(",".join(map(str, row)).encode(), CSV, None).body == b"560.0"
    with pytest.raises(SettingError, match=r"SAGEMAKER_SPARKML_SCHEMA has 2.,... characters.*1,024"):
        sparkml(graph(), told, settings=STRICT)
    for settings in (SETTINGS, STRICT):
        bare = sparkml(graph(), None, settings=settings)
        assert bare.invoke(data(*row, told=told), JSON, None).body == b"560.0"


def test_what_is_not_a_schema() -> None:
    for text in ("{", "[]", '{"input": []}', "null", '{"\udcff": 1}'):
        with pytest.raises(SettingError, match="the schema in SAGEMAKER_SPARKML_SCHEMA is wrong"):
            load("x", identity(INT).artifact, {"SAGEMAKER_SPARKML_SCHEMA": text}, SETTINGS)
    wrong: tuple[Any, ...] = ([], 1, "x", {})
    for told in wrong:
        with pytest.raises(RequestError, match="the schema in the request is wrong"):
            identity(INT).invoke(data(1, told=told), JSON, None)
