"""When two values count as the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skewless.transforms.parity import same


def after(number: float, steps: int) -> float:
    """The number so many steps above it."""
    for _ in range(steps):
        number = float(np.nextafter(number, math.inf))
    return number


@pytest.mark.parametrize("number", [1.0, -1.0, 0.1, 1e300, 5e-324, 0.0, -5e-324, 2.0**52, 1.7e308])
@pytest.mark.parametrize("steps", [1, 2, 3, 100, 511, 513])
def test_a_tolerance_counts_every_step(number: float, steps: int) -> None:
    """Across zero too, and as exactly for large numbers as for small ones."""
    other = after(number, steps)
    for one, two in ((number, other), (other, number)):
        assert same(one, two, steps)
        assert not same(one, two, steps - 1)
        assert same([one], [two], steps)
        assert not same([one], [two], steps - 1)


def test_without_a_tolerance_it_is_the_bits() -> None:
    assert same(math.nan, -math.nan)
    assert not same(0.0, -0.0)
    assert same(0.0, -0.0, 1)
    for ulps in (0, 4096):
        assert not same(math.nan, 1.0, ulps)
        assert not same(-math.inf, math.inf, ulps)
    assert same(math.inf, math.inf)
