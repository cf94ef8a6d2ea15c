"""Texts of whole columns are those of their cells, one by one."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.codecs.bulk import body_of, grouped, java_texts, python_texts, quoted_texts, side_by_side
from skewless.codecs.csvtext import quoted
from skewless.javatext import double_text, float_text, value_text
from skewless.schema import Base

EDGES = [
    0.0,
    -0.0,
    math.nan,
    math.inf,
    -math.inf,
    5e-324,
    1e-5,
    1e-4,
    9.999e-5,
    1e-3,
    9.99e-4,
    1e7,
    9999999.9,
]
EDGES += [1e15, 1e16, 9999999999999998.0, 1e21, 1e22, 2.0**53, 123456.0, 0.1, 1 / 3, 1.7976931348623157e308]
DOUBLES = st.one_of(st.sampled_from(EDGES), st.floats(), st.integers(-9999, 9999).map(lambda n: n / 100))
TEXTS = st.text(st.sampled_from('a," \n\rü'), max_size=4)


@settings(deadline=None)
@given(st.lists(DOUBLES, max_size=40), st.sampled_from([1, 100]))
def test_numbers(numbers: list[float], times: int) -> None:
    """Few distinct ones are written once each, many each for itself: both alike."""
    column = np.array(numbers * times, np.float64)
    assert java_texts(column, Base.DOUBLE).to_pylist() == [double_text(one) for one in numbers] * times
    assert python_texts(column).to_pylist() == [repr(one) for one in numbers] * times


@settings(deadline=None)
@given(st.lists(st.floats(width=32), max_size=40), st.sampled_from([1, 100]))
def test_numbers_of_32_bits(numbers: list[float], times: int) -> None:
    column = np.array(numbers * times, np.float32)
    assert java_texts(column, Base.FLOAT).to_pylist() == [float_text(one) for one in numbers] * times


@pytest.mark.parametrize(
    ("base", "numbers"),
    [
        (Base.BOOLEAN, np.array([True, False])),
        (Base.BYTE, np.array([-128, 127], np.int8)),
        (Base.LONG, np.array([-(2**63), 2**63 - 1])),
    ],
)
def test_whole_numbers_and_booleans(base: Base, numbers: np.ndarray) -> None:
    assert java_texts(numbers, base).to_pylist() == [value_text(one, base) for one in numbers.tolist()]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_quotes(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    wanted = [quoted(text) for text in texts]
    assert quoted_texts(column).to_pylist() == wanted
    assert quoted_texts(column.dictionary_encode()).to_pylist() == wanted


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=8), st.integers(0, 3), st.sampled_from([("", "", "\n"), ("[", "]", ", ")]))
def test_bodies(texts: list[str], skip: int, around: tuple[str, str, str]) -> None:
    """Whatever part of a column it is, and however it is kept."""
    before, after, between = around
    wanted = between.join(f"{before}{text}{after}" for text in texts[skip:]).encode()
    for kind in (pa.string(), pa.large_string()):
        column = pa.array(texts, kind)
        assert body_of(column.slice(skip), before, after, between) == wanted
        assert body_of(column.dictionary_encode().slice(skip), before, after, between) == wanted


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_rows(rows: list[tuple[str, str]]) -> None:
    columns = [pa.array([row[place] for row in rows], pa.large_string()) for place in (0, 1)]
    wanted = [",".join(row) for row in rows]
    assert side_by_side(columns, ",").to_pylist() == wanted
    flat = pa.array([text for row in rows for text in row], pa.large_string())
    assert grouped(flat, 2, ",").to_pylist() == wanted
