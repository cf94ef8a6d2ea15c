"""The compiled dot products have the bits of a plain loop over exact fused multiply-adds, for hostile numbers too."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.native.dots import Products

EDGES = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2e-308,
    1e-160,
    1e160,
    1.7976931348623157e308,
    np.inf,
    -np.inf,
    np.nan,
    1.0,
    0.1,
]
DOUBLES = st.one_of(st.sampled_from(EDGES), st.floats(), st.floats(-10, 10))


def fma(a: float, b: float, c: float) -> float:
    """a times b plus c, exact and then rounded once."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    if not math.isfinite(c) or a == 0.0 or b == 0.0:
        return 0.0 * math.copysign(1.0, a) * math.copysign(1.0, b) + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    sign = -1.0 if exact < 0 else 1.0
    try:
        return math.copysign(float(exact), sign)
    except OverflowError:
        return math.copysign(math.inf, sign)


def plain(x: list[float], y: list[float], lanes: int, fused: bool) -> float:
    """What is meant, one number after the other."""
    whole = len(x) - len(x) % lanes if lanes else 0
    sums = [0.0] * lanes
    for slot in range(whole):
        sums[slot % lanes] = fma(x[slot], y[slot], sums[slot % lanes])
    total = 0.0
    for part in sums if whole else ():
        total += part
    for slot in range(whole, len(x)):
        total = fma(x[slot], y[slot], total) if fused else total + x[slot] * y[slot]
    return total


def bits(numbers: Any) -> list[Any]:
    """As whole numbers, every NaN alike."""
    made = np.array(numbers, np.float64)
    made[np.isnan(made)] = np.nan
    found: list[Any] = made.view(np.uint64).tolist()
    return found


def marked(x: list[float], y: list[float], stored: list[bool], sparse: bool) -> float:
    """One by one, of the slots that take part."""
    total = 0.0
    for value, weight, mark in zip(x, y, stored, strict=True):
        if mark and (value != 0.0 or not sparse):
            total += value * weight
    return total


ORDERS = st.sampled_from([0, 1, 2, 4, 8, 32]), st.booleans(), st.integers(0, 41)


def drawn(data: st.DataObject, size: int, kind: Any = DOUBLES) -> Any:
    made = data.draw(st.lists(st.lists(kind, min_size=size, max_size=size), min_size=1, max_size=3))
    return np.array(made, bool if kind is not DOUBLES else np.float64).reshape(len(made), size)


@given(st.data(), *ORDERS)
@settings(max_examples=80, deadline=None)
def test_the_order_of_additions(data: st.DataObject, lanes: int, fused: bool, size: int) -> None:
    x, y = drawn(data, size), drawn(data, size)
    expected = [[plain(row, vector, lanes, fused) for vector in y.tolist()] for row in x.tolist()]
    products = Products(y, lanes=lanes, fused=fused)
    assert bits(products.dense(x)) == bits(expected)
    for row, wanted in zip(x, expected, strict=True):
        assert bits(products.each()(row.tobytes())) == bits(wanted)
        assert bits(products.one()(row.tobytes())) == bits(wanted[0])


@given(st.data(), *ORDERS, st.booleans())
@settings(max_examples=80, deadline=None)
def test_sparse_rows_and_sparse_vectors(
    data: st.DataObject, lanes: int, fused: bool, size: int, stored_only: bool
) -> None:
    x, y = drawn(data, size), drawn(data, size)
    x[:, data.draw(st.lists(st.booleans(), min_size=size, max_size=size))] = 0.0
    sparse = np.array(data.draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x))))
    stored = (y != 0.0) if stored_only else np.ones(y.shape, bool)
    products = Products(y, lanes=lanes, fused=fused, stored=stored if stored_only else None)
    expected = [
        [
            marked(row, vector, marks, bool(is_sparse))
            if is_sparse or stored_only
            else plain(row, vector, lanes, fused)
            for vector, marks in zip(y.tolist(), stored.tolist(), strict=True)
        ]
        for row, is_sparse in zip(x.tolist(), sparse, strict=True)
    ]
    assert bits(products.dense(x, sparse)) == bits(expected)
    kept = (x != 0.0) | ~sparse[:, None]
    starts = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    rows, slots = np.nonzero(kept)
    assert bits(products.compressed(starts, slots, x[rows, slots], sparse)) == bits(expected)
    if sparse.all():
        assert bits(products.compressed(starts, slots, x[rows, slots])) == bits(expected)


@given(st.data(), st.integers(0, 3), st.integers(0, 13))
@settings(max_examples=50, deadline=None)
def test_a_matrix_by_columns(data: st.DataObject, fused: int, size: int) -> None:
    x, y = drawn(data, size), drawn(data, size)
    fused, start = min(fused, len(y)), [0.1, -0.0, math.inf][: len(y)]
    expected = []
    for row in x.tolist():
        made = list(start)
        blocks = [range(first, first + 4) for first in range(0, size - size % 4, 4)]
        for slots in [*blocks, *(range(slot, slot + 1) for slot in range(size - size % 4, size))]:
            for place, vector in enumerate(y.tolist()):
                if place < fused:
                    for slot in reversed(slots):
                        made[place] = fma(row[slot], vector[slot], made[place])
                else:
                    total = row[slots[0]] * vector[slots[0]]
                    for slot in slots[1:]:
                        total += row[slot] * vector[slot]
                    made[place] += total
        expected.append(made)
    assert bits(Products(y).by_columns(x, start, fused)) == bits(expected)


@pytest.mark.parametrize("lanes", [4, 8])
def test_each_product_is_rounded_once(lanes: int) -> None:
    """A product that is rounded before it is added would be lost here."""
    x = np.zeros((1, lanes * 2))
    y = np.zeros((1, lanes * 2))
    x[0, 0], y[0, 0] = 1.0, -1.0
    x[0, lanes], y[0, lanes] = 1.0 + 2.0**-52, 1.0 - 2.0**-53
    assert Products(y, lanes=lanes).dense(x)[0, 0] == fma(1.0 + 2.0**-52, 1.0 - 2.0**-53, -1.0) != 0.0


def test_no_rows_and_no_slots() -> None:
    assert Products(np.zeros((2, 3)), lanes=4).dense(np.zeros((0, 3))).shape == (0, 2)
    assert Products(np.zeros((1, 0)), lanes=4).dense(np.zeros((2, 0))).tolist() == [[0.0], [0.0]]


def test_rows_of_another_width() -> None:
    with pytest.raises(ValueError, match="3 slots"):
        Products(np.zeros((2, 3))).dense(np.zeros((2, 4)))
