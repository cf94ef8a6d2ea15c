"""The statistics of the benchmark, against numpy's where it has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.parts.one_row import near, slope
from benchmarks.summary import curve, percentile, ratios, summary, tail

values = st.lists(st.floats(0.001, 1e12), min_size=1, max_size=60)


@given(values, st.floats(0, 1))
def test_percentiles_are_those_of_numpy(found: list[float], share: float) -> None:
    assert percentile(sorted(found), share) == pytest.approx(float(np.quantile(found, share)), rel=1e-9)


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_summary_is_the_median_with_its_quartiles() -> None:
    assert summary([5.0, 1.0, 4.0, 2.0, 3.0]) == {"median": 3.0, "low": 2.0, "high": 4.0, "rounds": 5}


def test_ratios_are_taken_round_by_round() -> None:
    """What disturbed one round of both falls out, which a ratio of medians would not give."""
    ours, base = [1.0, 100.0, 3.0], [2.0, 200.0, 6.0]
    assert ratios(ours, base) == {"median": 0.5, "low": 0.5, "high": 0.5, "rounds": 3}
    with pytest.raises(ValueError, match="shorter"):
        ratios(ours, base[:2])


def test_the_tail_of_a_known_distribution() -> None:
    told = tail(list(range(1001)))
    assert told == {"p50": 500, "p90": 900, "p99": 990, "p999": 999, "max": 1000}


@given(st.lists(st.floats(0.001, 1e9), min_size=1, max_size=500))
def test_a_curve_rises_and_ends_where_ten_are_slower(found: list[float]) -> None:
    drawn = curve(found)
    across, up = zip(*drawn, strict=True)
    assert list(across) == sorted(across)
    assert list(up) == sorted(up)
    assert across[0] == 0
    assert 10 ** across[-1] <= max(len(found) / 10, 1) * 1.001


def test_the_slope_of_a_line_is_its_own() -> None:
    assert slope([1, 2, 3, 7], [5.0, 7.0, 9.0, 17.0]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("found", "equal"),
    [
        ([1.0, 2.0], True),
        ([1.0 + 5e-5, 2.0], True),
        ([1.1, 2.0], True),  # one may be apart: a 32-bit number on the other side of a threshold
        ([1.1, 2.1], False),
    ],
)
def test_peers_numbers_are_compared_with_a_tolerance(found: list[float], equal: bool) -> None:
    assert near(found, [1.0, 2.0]) is equal


def test_answers_that_are_not_numbers_are_not_near() -> None:
    nan = float("nan")
    assert not near([nan] * 5, [1.0] * 5)
