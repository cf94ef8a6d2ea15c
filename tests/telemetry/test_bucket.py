"""Buckets: percentiles within 1 %, whatever the numbers, and the same however they were put together."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.telemetry.bucket import Bucket

NUMBERS = st.floats(-(2.0**360), 2.0**360, allow_subnormal=False)


def exact(numbers: list[float], percent: float) -> float:
    """The smallest number that so many per cent do not exceed."""
    return sorted(numbers)[max(math.ceil(len(numbers) * percent / 100 - 1e-9), 1) - 1]


@settings(max_examples=50)
@given(st.lists(NUMBERS, min_size=1), st.integers(0, 1000))
def test_a_percentile_errs_by_a_hundredth(numbers: list[float], per_mille: int) -> None:
    bucket = Bucket()
    bucket.add_all(numbers)
    answer = bucket.percentile(per_mille / 10)
    assert answer is not None
    wanted = exact(numbers, per_mille / 10)
    assert abs(answer - wanted) <= abs(wanted) * 0.01


@settings(max_examples=50)
@given(st.lists(st.floats(-1e9, 1e9), min_size=2), st.data())
def test_it_does_not_matter_how_numbers_come_together(numbers: list[float], data: st.DataObject) -> None:
    one, whole, other = Bucket(), Bucket(), Bucket()
    whole.add_all(numbers)
    split = data.draw(st.integers(1, len(numbers) - 1))
    for number in numbers[:split]:
        one.add(number)
    other.add_all(numbers[split:])
    one.merge(other)
    kept = Bucket.of(
        one.count,
        one.total,
        one.least,
        one.most,
        msgspec.json.decode(msgspec.json.encode(one.histogram_text())),
    )
    for bucket in (one, kept):
        assert bucket.histogram == whole.histogram
        assert (bucket.count, bucket.least, bucket.most) == (whole.count, whole.least, whole.most)
        assert bucket.total == pytest.approx(whole.total, abs=1e-3)


def test_weights_count() -> None:
    bucket = Bucket()
    bucket.add(1, 99)
    bucket.add(1000, 1)
    assert (bucket.count, bucket.total) == (100, 1099)
    assert bucket.percentile(99) == pytest.approx(1, rel=0.01)
    assert bucket.percentile(99.1) == pytest.approx(1000, rel=0.01)
    assert bucket.percentile(0) == 1
    assert bucket.percentile(100) == pytest.approx(1000, rel=0.01)


def test_sums_without_their_numbers_have_no_percentile() -> None:
    bucket = Bucket()
    assert bucket.percentile(50) is None
    bucket.add(5)
    bucket.add_statistics(10, 100, 1, 50)
    assert bucket.percentile(50) is None
    assert (bucket.count, bucket.total, bucket.least, bucket.most) == (11, 105, 1, 50)
