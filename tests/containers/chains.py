"""Random chains of containers with random requests: what the tests of the pipeline search for differences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from skewless.codecs.csvtext import quoted
from skewless.containers.base import Container
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, STRING, Base, Field, Schema, Type, vector
from skewless.settings import Settings
from tests.builders import SETTINGS, STRICT, Relay, graph, schema, sparkml, stage, xgboost

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
