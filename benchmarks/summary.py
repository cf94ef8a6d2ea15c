"""Numbers out of many: medians with their spread, percentiles, histograms' bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

Summary: TypeAlias = dict[str, Any]
"""``median``, ``low`` and ``high`` (the quartiles), and ``rounds``, how many there were."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value at this share (0 to 1) of an ordered sequence, between two neighbours in proportion."""
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summary(values: Sequence[float]) -> Summary:
    """Median and quartiles."""
    ordered = sorted(values)
    low, median, high = (percentile(ordered, share) for share in (0.25, 0.5, 0.75))
    return {"median": median, "low": low, "high": high, "rounds": len(ordered)}


def ratios(values: Sequence[float], base: Sequence[float]) -> Summary:
    """Round by round, one way over another: what disturbed a round disturbed both."""
    return summary([one / other for one, other in zip(values, base, strict=True)])


def tail(latencies: Sequence[float]) -> dict[str, float]:
    """What is told of a latency's distribution."""
    ordered = sorted(latencies)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {name: percentile(ordered, share) for name, share in shares.items()}


def curve(latencies: Sequence[float], points: int = 80) -> list[tuple[float, float]]:
    """A distribution to draw: (nines, latency), denser towards the tail, where 1 is p90, 2 is p99 and so on.

    It ends where ten requests are slower: beyond, there is nothing to tell.
    """
    ordered = sorted(latencies)
    deepest = math.log10(max(len(ordered) / 10, 1.0))
    drawn = []
    for step in range(points + 1):
        nines = deepest * step / points
        drawn.append((round(nines, 4), percentile(ordered, 1 - 10**-nines)))
    return drawn
