"""Columns by codes and by parts: what they say is what the columns say that they stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.coded import Coded, Joined
from skewless.ops.assemble import VectorAssembler
from skewless.schema import DOUBLE, INT, Type, vector
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector, dense

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 0.1, math.nan, math.inf, -math.inf, 5e-324, 1e300, 16777217.0])
VECTORS = st.lists(NUMBERS, min_size=3, max_size=3)
SPARSE = VECTORS.map(lambda slots: SparseVector(3, (1,), (slots[1],)))


def bits(numbers: Any) -> list[bytes]:
    """Numbers, told apart by the sign of zero; all NaN are one."""
    flat = np.asarray(numbers).ravel()
    return [b"nan" if math.isnan(one) else one.tobytes() for one in flat]


def same(made: Column, wanted: Column) -> None:
    """Whatever is asked of the two columns, they answer alike."""
    assert len(made) == len(wanted)
    assert made.type == wanted.type
    assert repr([made.cell(row) for row in range(len(made))]) == repr(
        [wanted.cell(row) for row in range(len(wanted))]
    )
    for one, other in ((made.null_mask, wanted.null_mask), (made.sparse_rows, wanted.sparse_rows)):
        assert (one is None or not one.any()) == (other is None or not other.any())
        assert one is None or other is None or one.tolist() == other.tolist()
    if wanted.type.is_vector:
        assert bits(made.dense()) == bits(wanted.dense())
        with np.errstate(over="ignore"):
            floats = made.floats()
            assert bits(floats) == bits(wanted.dense().astype(np.float32))
        assert floats.flags.c_contiguous
        assert not made.spread().sparse_rows.any()
        assert bits(made.spread().values) == bits(wanted.dense())


CELLS = st.one_of(
    st.tuples(st.just(DOUBLE), st.lists(NUMBERS | st.none(), min_size=1, max_size=4)),
    st.tuples(st.just(INT), st.lists(st.integers(-3, 3) | st.none(), min_size=1, max_size=4)),
    st.tuples(st.just(vector(3)), st.lists(VECTORS | SPARSE | st.none(), min_size=1, max_size=4)),
)


@st.composite
def coded(draw: st.DrawFn, rows: int) -> tuple[Coded, Column]:
    """A column by codes, and the same with a value for each row."""
    type_, cells = draw(CELLS)
    codes = draw(st.lists(st.integers(0, len(cells) - 1), min_size=rows, max_size=rows))
    whole = from_cells(type_, [cells[code] for code in codes])
    return Coded(from_cells(type_, cells), np.array(codes, np.int8)), whole


@settings(deadline=None)
@given(st.data(), st.integers(0, 6))
def test_a_column_by_codes_is_the_column(data: st.DataObject, rows: int) -> None:
    made, whole = data.draw(coded(rows))
    same(made, whole)
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), np.bool_)
    same(made.take(keep), whole.take(keep))


@settings(deadline=None)
@given(st.data(), st.integers(0, 6), st.integers(1, 5))
def test_vectors_by_parts_are_those_that_the_row_kernel_assembles(
    data: st.DataObject, rows: int, many: int
) -> None:
    pairs = [data.draw(coded(rows)) for _ in range(many)]
    parts: Sequence[Column] = [data.draw(st.sampled_from(pair)) for pair in pairs]
    types: list[Type] = [part.type for part in parts]
    op = VectorAssembler(tuple(one.size for one in types), "keep")
    (made,) = op.columns(*parts)
    kernel = op.row(types)
    cells = [kernel(*[part.cell(row) for part in parts]) for row in range(rows)]
    width = sum(one.size or 1 for one in types)
    wanted = from_cells(vector(width), cells)
    same(made, wanted)
    same(made.spread(), from_cells(vector(width), [dense(cell) for cell in cells]))
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), np.bool_)
    same(made.take(keep), wanted.take(keep))


@pytest.mark.parametrize("cells", [5, 40])
def test_neighbours_are_put_together_while_their_cells_are_few(cells: int) -> None:
    """Codes of one byte do not run over when they count the pairs of cells."""
    random = np.random.default_rng(cells)
    parts = [
        Coded(from_cells(DOUBLE, random.random(cells).tolist()), random.integers(0, cells, 99)) for _ in "abc"
    ]
    whole = np.stack([part.values for part in parts], axis=1)
    assert bits(Joined([Coded(one.distinct, one.codes.astype(np.int8)) for one in parts], 99).values) == bits(
        whole
    )
