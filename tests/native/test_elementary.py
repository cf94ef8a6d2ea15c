"""The compiled elementary functions have the bits of Python's own, which rows are computed with."""

from __future__ import annotations

import math

import numpy as np

from skewless.native import elementary
from skewless.ops.blas import exp, log

EDGES = [0.0, -0.0, 5e-324, -5e-324, 709.782712893384, 709.7827128933841, -745.2, -745.1, 1e308, -1e308]


def test_exponentials() -> None:
    random = np.random.default_rng(11)
    rows = [random.normal(0, scale, 30_000) for scale in (1e-9, 0.1, 1.0, 30.0, 300.0)]
    powers = np.concatenate([*rows, EDGES, [math.inf, -math.inf, math.nan]])
    expected = np.array([exp(power) for power in powers.tolist()])
    made = elementary.exp(powers)
    assert np.isnan(made[-1])
    assert np.isnan(expected[-1])
    assert made[:-1].tobytes() == expected[:-1].tobytes()


def test_logarithms() -> None:
    random = np.random.default_rng(12)
    rows = [np.abs(random.normal(0, scale, 30_000)) for scale in (1e-300, 1e-9, 1.0, 1e9, 1e300)]
    numbers = np.concatenate([*rows, 1.0 + random.normal(0, 1e-8, 30_000), EDGES[:-1], [math.inf]])
    expected = np.array([log(number) for number in numbers.tolist()])
    made = elementary.log(numbers)
    assert np.array_equal(np.isnan(made), np.isnan(expected))
    known = ~np.isnan(expected)
    assert made[known].tobytes() == expected[known].tobytes()


def test_the_shape_stays() -> None:
    assert elementary.exp(np.zeros((3, 0))).shape == (3, 0)
    assert elementary.exp(np.zeros((2, 4)).T).tolist() == np.ones((4, 2)).tolist()
