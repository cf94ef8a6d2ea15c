"""The compiled row path: the same as the row kernels one after the other, as the batch path, and cheap."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from skewless.errors import RequestError
from skewless.ops.assemble import VectorAssembler
from skewless.ops.blas import Coefficients
from skewless.ops.compiling import LARGEST, Cell, Looked, Source, as_slots, source_of
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.linear import LinearRegression
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.scale import StandardScaler
from skewless.schema import DOUBLE, STRING, Field, Schema, vector
from skewless.table import Table, from_cells
from skewless.transforms.bind import needed_for
from skewless.transforms.compiled import row_function
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector
from tests.builders import graph, outcome, stage
from tests.counting import uncollected
from tests.transforms.pipelines import pipelines

MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def equal(one: Any, other: Any) -> bool:
    """Outcomes of two ways: the same bits and forms, or the same refusal."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(equal, one.values(), other.values()))
    return isinstance(one, SparseVector) == isinstance(other, SparseVector) and same(one, other)


@MANY
@given(pipelines())
def test_compiled_it_is_the_row_kernels(made: Any) -> None:
    transform, outputs, rows = made
    compiled, kernels = transform.row_function(outputs), transform.row_kernels(outputs)
    for row in rows:
        wanted = outcome(lambda row=row: kernels(row))
        assert equal(outcome(lambda row=row: compiled(row)), wanted), source_of(compiled)


@MANY
@given(pipelines())
def test_a_row_by_name_is_the_batch_path(made: Any) -> None:
    """With every column, and with what either refuses."""
    transform, _, rows = made
    names = transform.input_schema.names
    for row in rows:
        table = Table(
            {f.name: from_cells(f.type, [cell]) for f, cell in zip(transform.input_schema, row, strict=True)},
            1,
        )

        def batch(table: Table = table) -> dict[str, Any]:
            done = transform.run(table, transform.output_schema.names, some=True)
            return {name: _listed(done[name].cell(0)) for name in done.columns}

        by_name = outcome(lambda row=row: transform.row(dict(zip(names, row, strict=True))))
        wanted = outcome(batch)
        if isinstance(wanted, dict):
            by_name = {name: _listed(cell) for name, cell in by_name.items()}
        assert equal(by_name, wanted)


def _listed(cell: Any) -> Any:
    return cell.dense() if isinstance(cell, SparseVector) else cell


NUMBERS, TEXTS = [f"n{place}" for place in range(8)], [f"t{place}" for place in range(5)]
LABELS = ("low", "middle", "high", "top")


def mixed() -> Transform:
    """Numbers scaled, texts one-hot, all of them in a linear model: what people build most."""
    hot = OneHotEncoder((len(LABELS),) * 5)
    coefficients = Coefficients(tuple(0.1 * slot for slot in range(8 + 5 * hot.width(len(LABELS)))))
    stages = [
        stage("numbers", VectorAssembler((None,) * 8), NUMBERS, ["numbers"]),
        stage(
            "scale", StandardScaler(None, tuple(0.5 + place for place in range(8))), ["numbers"], ["scaled"]
        ),
        *(stage(f"index {name}", StringIndexer(LABELS), [name], [f"{name} index"]) for name in TEXTS),
        stage("hot", hot, [f"{name} index" for name in TEXTS], [f"{name} hot" for name in TEXTS]),
        stage(
            "all", VectorAssembler((8, *(3,) * 5)), ["scaled", *(f"{name} hot" for name in TEXTS)], ["all"]
        ),
        stage(
            "model",
            LinearRegression(coefficients, 0.5),
            ["all"],
            ["y"],
        ),
    ]
    fields = [Field(name, DOUBLE) for name in NUMBERS] + [Field(name, STRING) for name in TEXTS]
    return Transform(graph(*stages), Schema(tuple(fields)))


def never(*given: Any) -> Any:
    raise AssertionError(f"given up: {given}")


def test_ordinary_rows_are_not_given_up() -> None:
    transform = mixed()
    stages = needed_for(transform.stages, ["y"])
    compiled = row_function(stages, transform.input_schema.fields, ["y"], never)
    kernels = transform.row_kernels(["y"])
    for number in range(200):
        row = [0.25 * (number % (place + 2)) - 1.0 for place in range(8)]
        cells = [*row, *(LABELS[(number + place) % 4] for place in range(5))]
        assert compiled(cells) == kernels(cells)
    with pytest.raises(AssertionError, match="given up"):
        compiled([*row, *["unseen"] * 5])


def calls_of(function: Callable[[], Any]) -> int:
    """How many functions, Python's own among them, one call of a function calls."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    with uncollected():
        sys.setprofile(count)
        try:
            function()
        finally:
            sys.setprofile(before)
    return counted - 2  # the function itself, and the end of counting


def test_a_row_of_thirteen_fields_costs_one_call() -> None:
    transform = mixed()
    compiled, kernels = transform.row_function(["y"]), transform.row_kernels(["y"])
    cells = [*(0.5 * place for place in range(8)), *(LABELS[:4]), "low"]
    assert calls_of(lambda: compiled(cells)) <= 2
    assert calls_of(lambda: kernels(cells)) > 100


def test_nothing_of_an_artifact_stands_in_the_source() -> None:
    label = "evil'] ; raise SystemExit #"
    stages = [
        stage(label, StringIndexer((label, "b")), [label], [f"{label} i"]),
        stage("name", IndexToString((label, "b")), [f"{label} i"], ["out"]),
    ]
    transform = Transform(graph(*stages), Schema((Field(label, STRING),)))
    assert transform.row({label: label}) == {label: label, f"{label} i": 0.0, "out": label}
    assert "evil" not in source_of(transform.row_function(["out"]))


def test_what_nothing_needs_is_refused_still() -> None:
    """A stage that one output is taken of judges the inputs of its others too."""
    stages = [
        stage("i", StringIndexer(("a", "b")), ["x"], ["i"]),
        stage("hot", OneHotEncoder((2, 2)), ["i", "n"], ["one", "other"]),
    ]
    transform = Transform(graph(*stages), Schema((Field("x", STRING), Field("n", DOUBLE))))
    compiled = transform.row_function(["one"])
    assert compiled(["a", 1.0]) == transform.row_kernels(["one"])(["a", 1.0])
    for row in (["a", 7.0], ["unseen", 1.0]):
        with pytest.raises(RequestError):
            compiled(row)
    stages = [
        stage("i", StringIndexer(("a", "b", "c")), ["x"], ["i"]),
        stage("hot", OneHotEncoder((2, 2)), ["i", "n"], ["one", "other"]),
    ]
    transform = Transform(graph(*stages), Schema((Field("x", STRING), Field("n", DOUBLE))))
    with pytest.raises(RequestError, match=r"index 2\.0 is outside the 2 fitted"):
        transform.row_function(["other"])(["c", 1.0])
    assert transform.row_function(["x"])(["unseen", 7.0]) == ("unseen",)


def test_rows_that_were_handed_out_may_be_changed() -> None:
    transform = mixed()
    values = {**dict.fromkeys(NUMBERS, 1.0), **dict.fromkeys(TEXTS, "low")}
    first = transform.row(values)
    wanted = {name: list(cell) if isinstance(cell, list) else cell for name, cell in first.items()}
    for cell in first.values():
        if isinstance(cell, list):
            cell.clear()
    assert transform.row(values) == wanted


def test_large_tables_are_not_written_out() -> None:
    """A hundred thousand labels are looked up, and never made into a hundred thousand vectors of as many slots."""
    labels = tuple(map(str, range(100_000)))
    hot = OneHotEncoder((len(labels),))
    stages = [
        stage("i", StringIndexer(labels), ["x"], ["i"]),
        stage("hot", hot, ["i"], ["v"]),
        stage("all", VectorAssembler((hot.width(len(labels)), None)), ["v", "i"], ["all"]),
    ]
    transform = Transform(graph(*stages), Schema((Field("x", STRING),)))
    compiled = transform.row_function(["all"])
    assert all(len(value) <= LARGEST for value in tables(compiled) if len(value) != len(labels))
    assert compiled(["77"]) == (SparseVector(99_999 + 1, [77, 99_999], [1.0, 77.0]),)


def tables(function: Callable[..., Any]) -> list[dict[Any, Any]]:
    """The tables that a compiled function looks at."""
    constants = function.__globals__.items()
    return [value for name, value in constants if isinstance(value, dict) and name != "__builtins__"]


def test_a_table_that_drops_a_key_gives_it_up() -> None:
    """Also where every other key has a value: what was dropped is not one of these."""
    source = Source("f", "x")
    looked = Looked("x", {"a": 1.0, "b": 2.0}, DOUBLE, 9.0)
    inverse = looked.map(lambda value: 1.0 / (value - 2.0), DOUBLE)
    source.give(source.value(inverse))
    function = source.function()
    assert function("a") == -1.0
    assert function("b") is None
    assert function("other") is None


def test_a_vector_of_an_unusual_form_is_taken_as_it_is() -> None:
    """A sparse one that Spark would hold dense: its form decides the order of additions."""
    unit = Looked("x", {0.0: SparseVector(2, (0,), (1.0,))}, vector(2))
    assert as_slots(unit) is None
    assert as_slots(unit, any_form=True) is not None
    assert as_slots(Cell("x", vector(2))) is None
