"""Counting by the kernel, beside the same in plain Python."""

from __future__ import annotations

import struct
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.native.counting import Tally, counting

NUMBERS = 40
VALUES = 4
LONG = st.integers(-(2**40), 2**40)
BOUNDS = st.lists(LONG, max_size=6, unique=True).map(sorted)
TALLIES = st.lists(
    st.builds(
        Tally,
        st.integers(0, NUMBERS - 8),
        st.integers(0, VALUES - 1),
        st.none() | st.integers(0, VALUES - 1),
        BOUNDS,
    ),
    max_size=5,
)
ROWS = st.lists(st.tuples(*[LONG] * VALUES), max_size=5)


def numbers() -> memoryview[int]:
    return memoryview(bytearray(8 * NUMBERS)).cast("q")


@given(TALLIES, ROWS)
def test_it_counts_as_python_does(tallies: list[Tally], rows: list[tuple[int, ...]]) -> None:
    found, expected = numbers(), [0] * NUMBERS
    add = counting(found, tallies, VALUES)
    for row in rows:
        add(*row)
        for place, which, since, bounds in tallies:
            value = row[which] - (0 if since is None else row[since])
            if bounds:
                expected[place + bisect_left(bounds, value)] += 1
                expected[place + len(bounds) + 1] += value
            else:
                expected[place] += value
    assert list(found) == expected


@pytest.mark.parametrize(
    "tally",
    [
        Tally(-1, 0),
        Tally(NUMBERS, 0),
        Tally(NUMBERS - 2, 0, bounds=(1,)),
        Tally(0, VALUES),
        Tally(0, -1),
        Tally(0, 0, since=VALUES),
        Tally(0, 0, since=-1),
    ],
)
def test_what_lies_outside_is_refused(tally: Tally) -> None:
    with pytest.raises(ValueError, match=r"there are 4 values|is outside of 40 numbers, or of 4 values"):
        counting(numbers(), [tally], VALUES)


def test_as_many_values_as_were_told() -> None:
    add = counting(found := numbers(), [Tally(0, 0)], 2)
    with pytest.raises(struct.error):
        add(1)
    assert found[0] == 0
