"""Columns and tables, and the step from and to Arrow: nothing is converted that Spark would convert otherwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.errors import ValueRefused
from skewless.schema import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    STRING,
    Base,
    Field,
    Schema,
    Struct,
    Type,
    vector,
    vectors,
)
from skewless.table import Column, Table, column_from_arrow, from_arrow, from_cells, schema_of, to_arrow
from skewless.transforms.parity import same
from skewless.vectors import SparseVector

CELLS: dict[Type, st.SearchStrategy[Any]] = {
    BOOLEAN: st.booleans(),
    Type(Base.BYTE): st.integers(-128, 127),
    Type(Base.SHORT): st.integers(-(1 << 15), (1 << 15) - 1),
    INT: st.integers(-(1 << 31), (1 << 31) - 1),
    LONG: st.integers(-(1 << 63), (1 << 63) - 1),
    FLOAT: st.floats(width=32),
    DOUBLE: st.floats(),
    STRING: st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    vector(3): st.lists(st.floats(), min_size=3, max_size=3),
    vectors(2): st.lists(st.lists(st.floats(), min_size=2, max_size=2), min_size=3, max_size=3),
    Type(Base.STRING, Struct.ARRAY): st.lists(st.text("aü,", max_size=2), max_size=3),
    Type(Base.LONG, Struct.ARRAY): st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=3),
}


def read(array: Any, type_: Type) -> Column:
    return column_from_arrow(pa.table({"x": array}), Field("x", type_))


@given(st.data())
def test_cells_come_back_through_arrow(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(list(CELLS)))
    cells = data.draw(st.lists(st.none() | CELLS[type_], max_size=5))
    column = from_cells(type_, cells)
    again = read(to_arrow(column), type_)
    for one in (column, again):
        assert len(one) == len(cells)
        assert all(same(one.cell(row), cell) for row, cell in enumerate(cells))
        nulls = np.zeros(len(cells), bool) if one.null_mask is None else one.null_mask
        assert nulls.tolist() == [cell is None for cell in cells]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(cells), max_size=len(cells))), np.bool_)
    kept = column.take(mask)
    wanted = [cell for cell, keep in zip(cells, mask, strict=True) if keep]
    assert all(same(kept.cell(row), cell) for row, cell in enumerate(wanted))
    assert len(kept) == len(wanted)


def test_numbers_and_texts() -> None:
    column = from_cells(LONG, [1, None, (1 << 53) + 1])
    assert [str(value) for value in column.numbers()] == ["1.0", "nan", str(float(1 << 53))]
    assert from_cells(DOUBLE, [1.0, None, 1e-5]).texts().to_pylist() == ["1.0", None, "1.0E-5"]
    assert from_cells(BOOLEAN, [True, False]).texts().to_pylist() == ["true", "false"]
    assert from_cells(FLOAT, [0.1]).texts().to_pylist() == ["0.1"]


@pytest.mark.parametrize(
    ("array", "type_"),
    [
        (pa.array([1.0, 2.0]), STRING),
        (pa.array([1, 2]), STRING),
        (pa.array([True]), STRING),
        (pa.array(["1"]), DOUBLE),
        (pa.array(["1"]), INT),
        (pa.array(["true"]), BOOLEAN),
        (pa.array([1]), BOOLEAN),
        (pa.array([True]), INT),
        (pa.array([1.5]), INT),
        (pa.array([1 << 40]), INT),
        (pa.array([math.nan]), INT),
        (pa.array([["1"]]), vector(1)),
        (pa.array([[1.0]]), DOUBLE),
        (pa.array([1.0]), vector(1)),
        (pa.array([1.0]), vectors(1)),
        (pa.array([["1"]]), vectors(1)),
        (pa.array([["1"]]), Type(Base.LONG, Struct.ARRAY)),
        (pa.array([1.0]).dictionary_encode(), STRING),
        (pa.array([0], pa.timestamp("s")), LONG),
        (pa.array([b"x"]), STRING),
    ],
)
def test_other_kinds_of_values_are_refused(array: pa.Array, type_: Type) -> None:
    with pytest.raises(ValueRefused, match="cannot be read as") as refused:
        read(array, type_)
    assert refused.value.column == "x"
    assert refused.value.hint


def test_arrays_of_vectors_as_sparks_structs() -> None:
    column = from_cells(vectors(2), [[[1.0, -0.0], [0.0, math.inf]], None, [[0.5, 2.0], [1.0, math.nan]]])
    structs = to_arrow(column, "sparse")
    assert structs[0][1].as_py() == {"type": 1, "size": None, "indices": None, "values": [0.0, math.inf]}
    again = read(structs, schema_of(pa.table({"x": structs}))["x"])
    assert str(again.type) == "array<vector[2]>"
    assert all(same(again.cell(row), column.cell(row)) for row in range(3))
    for uneven in ([[[1.0]], [[1.0], [2.0]]], [[[1.0]], [None]]):
        with pytest.raises(ValueRefused, match="same number of vectors"):
            read(pa.array(uneven), vectors(1))


def test_the_same_kind_in_another_arrow_type() -> None:
    assert read(pa.array([1, 2], pa.uint8()), INT).values.tolist() == [1, 2]
    assert read(pa.array([1, None], pa.int32()), DOUBLE).cell(1) is None
    assert read(pa.array([(1 << 53) + 1]), DOUBLE).cell(0) == float(1 << 53)
    assert read(pa.array([0.1], pa.float32()), DOUBLE).cell(0) == float(np.float32(0.1))
    assert read(pa.array([None, None]), INT).null_mask is not None
    assert read(pa.array(["a"], pa.large_string()), STRING).cell(0) == "a"
    assert read(pa.array(["a"], pa.large_string()).dictionary_encode(), STRING).cell(0) == "a"
    assert read(pa.chunked_array([["a"], ["b"]]), STRING).values.to_pylist() == ["a", "b"]
    assert len(read(pa.chunked_array([], pa.string()), STRING)) == 0
    assert read(pa.array([[1, 2]], pa.list_(pa.int32(), 2)), vector(2)).cell(0) == [1.0, 2.0]
    assert read(pa.array([[1.0]], pa.large_list(pa.float32())), vector()).type == vector(1)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.int64(), 2)]
)
@pytest.mark.parametrize("null", [False, True])
def test_lists_are_vectors_wherever_their_values_lie(kind: pa.DataType, null: bool) -> None:
    """In a slice, beside values that belong to no list, and with a null whose values are still there."""
    rows: list[list[float] | None] = [[9.0, 9.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [8.0, 8.0]]
    whole = pa.array(rows, kind)
    if null:
        validity = pa.py_buffer(bytes([0b11011]))
        inner = whole.values if pa.types.is_fixed_size_list(kind) else whole.flatten()
        buffers = [validity, *whole.buffers()[1 : whole.type.num_buffers]]
        whole = pa.Array.from_buffers(kind, len(rows), buffers, children=[inner])
        rows[2] = None
    for start, length in ((0, 5), (1, 3), (2, 1), (4, 0)):
        column = read(whole.slice(start, length), vector(2))
        assert [column.cell(row) for row in range(length)] == rows[start : start + length]
    with pytest.raises(ValueRefused):
        read(pa.array([[1.0, 2.0], [3.0]], pa.list_(pa.float64())), vector(2))
    with pytest.raises(ValueRefused, match="a null inside"):
        read(pa.array([[1.0, None]], kind), vector(2))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("texts", [["a", "b", "a", ""], ["a", None, "a", None]])
@pytest.mark.parametrize("places", [[0, 1, 2, 3], [1, None, 3], [1, 1], [None], []])
def test_texts_by_codes_are_the_same_texts(
    kind: pa.DataType, texts: list[str | None], places: list[int | None]
) -> None:
    """With texts that come twice among the distinct ones, and null there, which is no less null."""
    codes = pa.DictionaryArray.from_arrays(pa.array(places, pa.int8()), pa.array(texts, kind))
    wanted = [None if place is None else texts[place] for place in places]
    for array in (codes, codes[len(places) // 2 :], pa.chunked_array([codes, codes])):
        cells = wanted[len(wanted) - len(array) :] if len(array) <= len(wanted) else wanted + wanted
        column = read(array, STRING)
        mask = column.null_mask
        assert [column.cell(row) for row in range(len(column))] == cells
        assert [cell is None for cell in cells] == ([False] * len(cells) if mask is None else mask.tolist())
        assert to_arrow(column).to_pylist() == cells


def test_two_columns_of_one_name() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["x", "x"])
    with pytest.raises(ValueRefused, match="there are 2 columns of this name"):
        column_from_arrow(twice, Field("x", STRING))


def test_an_empty_sparse_row_before_a_dense_one_stays_empty() -> None:
    cells = [SparseVector(3, (1,), (2.0,)), SparseVector(3, (), ()), [1.0, 2.0, 3.0], SparseVector(3, (), ())]
    told = to_arrow(from_cells(vector(3), cells), "sparse").to_pylist()
    assert [cell["indices"] for cell in told] == [[1], [], None, []]
    assert [cell["values"] for cell in told] == [[2.0], [], [1.0, 2.0, 3.0], []]


def test_vectors_of_different_lengths_name_the_row() -> None:
    with pytest.raises(ValueRefused, match="3 values where 2 are expected") as refused:
        read(pa.array([None, [1.0, 2.0], [1.0, 2.0, 3.0]]), vector())
    assert refused.value.row == 3
    with pytest.raises(ValueRefused, match="null inside"):
        read(pa.array([[1.0, None]]), vector(2))


def test_a_missing_column_lists_those_there() -> None:
    with pytest.raises(ValueRefused, match="the column is missing") as refused:
        from_arrow(pa.table({"a": [1]}), Schema.of(b=INT))
    assert refused.value.hint == "The table has: a."


def test_rows_keep_their_numbers() -> None:
    table = Table({"x": from_cells(INT, [10, 11, 12, 13])}, 4)
    assert table.keep(np.array([True] * 4)) is table
    once = table.keep(np.array([False, True, True, True]))
    twice = once.keep(np.array([True, False, True]))
    assert [twice.row_number(position) for position in range(len(twice))] == [1, 3]
    assert list(twice.to_rows()) == [(11,), (13,)]
    assert twice.select(["x"]).plus({"y": from_cells(INT, [0, 1])}).schema == Schema.of(x=INT, y=INT)
    assert twice.to_arrow().to_pydict() == {"x": [11, 13]}


def test_schemas_of_arrow_tables() -> None:
    table = pa.table(
        {
            "v": pa.array([[1.0]]),
            "a": pa.array([["x"]]),
            "d": pa.array(["x"]).dictionary_encode(),
            "s": pa.array(["x"], pa.large_string()),
            "f": pa.array([1.0], pa.float32()),
        }
    )
    assert str(schema_of(table)) == "v: vector, a: array<string>, d: string, s: string, f: float"
    with pytest.raises(ValueRefused, match="not supported"):
        schema_of(pa.table({"t": pa.array([0], pa.timestamp("s"))}))
