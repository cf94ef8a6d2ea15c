"""Counts and histograms of one process, as collectors of metrics scrape them; adding costs well under a microsecond."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SECONDS: Final = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds of the buckets for times."""
BYTES: Final = tuple(float(1 << power) for power in range(6, 28, 2))
"""Upper bounds of the buckets for sizes: 64 bytes to 64 MiB."""

Labels: TypeAlias = tuple[str, ...]
"""The values of a metric's labels."""
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


class Histogram:
    """How many values fell into each bucket, and their sum. For one thread."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float], counts: Sequence[int] = (), total: float = 0.0) -> None:
        """``bounds``, in order, belong to the bucket that they end; ``counts``, where given, were counted before."""
        self.bounds = bounds
        self.counts = list(counts) or [0] * (len(bounds) + 1)
        self.total = total

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its values, by the values of its labels."""

    name: str
    """Without ``_total``, which the text of a counter brings."""
    help: str
    kind: Kind
    labels: Sequence[str]
    values: Mapping[Labels, float | Histogram]
