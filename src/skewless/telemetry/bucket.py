"""Numbers of one minute in little space: count, sum, least, most, and a histogram that percentiles come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, inf, log
from typing import Final

GROWTH: Final = 1.02
"""The histogram's steps grow by this factor, so a percentile errs by at most 1 % of its value."""
_STEPS: Final = 1 / log(GROWTH)
_MIDDLE: Final = 2 / (1 + GROWTH)
_ZERO: Final = 1 << 16
"""Above the step of any double, so that steps of positive numbers are positive and those of negative ones negative."""


class Bucket:
    """Numbers put together. They lie within CloudWatch's bounds, ±2**360, and their weights need not be whole."""

    __slots__ = ("count", "histogram", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.least = inf
        self.most = -inf
        self.histogram: dict[int, float] = {}

    def add(self, value: float, count: float = 1) -> None:
        """Add a number, ``count`` times."""
        self.add_statistics(count, value * count, value, value)
        step = _step(value)
        self.histogram[step] = self.histogram.get(step, 0) + count

    def add_all(self, values: Sequence[float]) -> None:
        """Add some numbers, at least one."""
        self.add_statistics(len(values), sum(values), min(values), max(values))
        for value, count in Counter(values).items():
            step = _step(value)
            self.histogram[step] = self.histogram.get(step, 0) + count

    def add_statistics(self, count: float, total: float, least: float, most: float) -> None:
        """Add what somebody else summed up. It holds no distribution, so percentiles leave it out."""
        self.count += count
        self.total += total
        self.least = min(self.least, least)
        self.most = max(self.most, most)

    def merge(self, other: Bucket) -> None:
        """Add all that another holds."""
        self.add_statistics(other.count, other.total, other.least, other.most)
        for step, count in other.histogram.items():
            self.histogram[step] = self.histogram.get(step, 0) + count

    def percentile(self, percent: float) -> float | None:
        """The number that ``percent`` of the numbers do not exceed; None without a distribution."""
        counted = sum(self.histogram.values())
        if not counted or counted < self.count * (1 - 1e-9):
            return None
        wanted = counted * percent / 100
        seen = 0.0
        for step, count in sorted(self.histogram.items()):
            seen += count
            if seen >= wanted * (1 - 1e-12):
                return min(max(_value(step), self.least), self.most)
        return self.most

    def histogram_text(self) -> dict[str, float]:
        """The histogram as JSON can hold it."""
        return {str(step): count for step, count in self.histogram.items()}

    @classmethod
    def of(
        cls, count: float, total: float, least: float, most: float, histogram: Mapping[str, float]
    ) -> Bucket:
        """What was kept."""
        bucket = cls()
        bucket.add_statistics(count, total, least, most)
        bucket.histogram = {int(step): count for step, count in histogram.items()}
        return bucket


def _step(value: float) -> int:
    if value > 0:
        return ceil(log(value) * _STEPS) + _ZERO
    return -_step(-value) if value else 0


def _value(step: int) -> float:
    if not step:
        return 0.0
    size = _MIDDLE * GROWTH ** (abs(step) - _ZERO)
    return size if step > 0 else -size
