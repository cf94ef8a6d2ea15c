"""Our logistic and softmax of 32-bit floats have SciPy's bits, in both their forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from skewless.ops.float_exp import (
    EXPONENTIALS,
    VECTOR,
    exponential_here,
    logistic,
    logistic_row,
    softmax,
    softmax_row,
)
from tests.boosters.xgboost_models import bits

EDGES = [0.0, -0.0, math.inf, -math.inf, 88.72, 88.73, -87.4, -103.97, -104.0, 1e-45, 3e38, -3e38, 2**-25]
RANDOM = np.random.default_rng(5)
NUMBERS = np.concatenate([np.array(EDGES, np.float32), RANDOM.normal(size=20_000).astype(np.float32) * 20])


def test_logistic() -> None:
    assert bits(logistic(NUMBERS)) == bits(expit(NUMBERS))
    assert bits([logistic_row(number) for number in NUMBERS.tolist()]) == bits(logistic(NUMBERS))
    assert math.isnan(logistic_row(math.nan))
    assert np.isnan(logistic(np.array([math.nan], np.float32))).all()


@pytest.mark.parametrize("classes", [2, 3, 8, 9, 129, 300])
def test_softmax(classes: int) -> None:
    """The sum is numpy's too, which adds more than seven numbers in another order."""
    rows = RANDOM.normal(size=(500, classes)).astype(np.float32) * 30
    rows[:13, 0] = EDGES
    rows[1, 1] = math.nan
    with np.errstate(invalid="ignore"):
        expected = scipy_softmax(rows, axis=1)
    here = exponential_here()
    assert here == VECTOR or not np.array_equal(expected, softmax(rows), equal_nan=True)
    assert np.array_equal(expected, softmax(rows, here), equal_nan=True)
    for exponential in EXPONENTIALS:
        singly = [softmax_row(row, exponential) for row in rows.tolist()]
        assert np.array_equal(softmax(rows, exponential), np.array(singly, np.float32), equal_nan=True)
