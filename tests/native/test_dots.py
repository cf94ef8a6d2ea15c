"""The compiled dot products have the bits of a plain loop over exact fused multiply-adds, for hostile numbers too."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.native.dots import RowDots, dots

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


@given(st.data(), st.sampled_from([0, 1, 2, 4, 8, 32]), st.booleans(), st.integers(0, 41))
@settings(max_examples=300, deadline=None)
def test_the_order_of_additions(data: st.DataObject, lanes: int, fused: bool, size: int) -> None:
    several = st.lists(st.lists(DOUBLES, min_size=size, max_size=size), min_size=1, max_size=3)
    x, y = data.draw(several), data.draw(several)
    expected = [[plain(row, vector, lanes, fused) for vector in y] for row in x]
    matrix, vectors = np.array(x).reshape(len(x), size), np.array(y).reshape(len(y), size)
    assert bits(dots(matrix, vectors, lanes=lanes, fused=fused)) == bits(expected)
    row = RowDots(vectors, lanes=lanes, fused=fused)
    for cells, wanted in zip(x, expected, strict=True):
        row.call(struct.pack(f"={size}d", *cells))
        assert bits(row.made) == bits(wanted)


@pytest.mark.parametrize("lanes", [4, 8])
def test_each_product_is_rounded_once(lanes: int) -> None:
    """A product that is rounded before it is added would be lost here."""
    x = np.zeros((1, lanes * 2))
    y = np.zeros((1, lanes * 2))
    x[0, 0], y[0, 0] = 1.0, -1.0
    x[0, lanes], y[0, lanes] = 1.0 + 2.0**-52, 1.0 - 2.0**-53
    assert dots(x, y, lanes=lanes)[0, 0] == fma(1.0 + 2.0**-52, 1.0 - 2.0**-53, -1.0) != 0.0


def test_no_rows_and_no_slots() -> None:
    assert dots(np.zeros((0, 3)), np.zeros((2, 3)), lanes=4).shape == (0, 2)
    assert dots(np.zeros((2, 0)), np.zeros((1, 0)), lanes=4).tolist() == [[0.0], [0.0]]
