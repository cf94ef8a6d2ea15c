"""Our exponentials, logarithms and powers have the bits of the JVM's StrictMath."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skewless.ops import strict_math
from skewless.transforms.parity import same

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RANDOM = np.random.default_rng(3)
EDGES = [
    *(
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        0.5,
        -0.5,
        -3.0,
        math.inf,
        -math.inf,
        math.nan,
        5e-324,
        -1e-310,
        1e300,
        709.78,
        710.0,
    ),
    *(
        -745.1,
        -745.2,
        -708.5,
        1e-9,
        -1e-20,
        0.4142,
        -0.2929,
        1000.0,
        2.0**31 + 1,
        2.0**53 + 2,
        1.0000000001,
        -2.5,
    ),
]
NUMBERS = [
    *EDGES,
    *np.exp(RANDOM.uniform(-700, 700, 40)).tolist(),
    *(1 + RANDOM.normal(size=40) * 1e-6).tolist(),
    *RANDOM.uniform(-750, 750, 40).tolist(),
    *RANDOM.uniform(-1, 3, 60).tolist(),
]


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log10", "log1p"])
def test_functions_of_one_number(spark: SparkSession, name: str) -> None:
    ours, java = getattr(strict_math, name), getattr(_java(spark), name)
    assert [number for number in NUMBERS if not same(ours(number), float(java(number)))] == []


def test_powers(spark: SparkSession) -> None:
    java = _java(spark)
    pairs = [(x, y) for x in EDGES for y in EDGES]
    pairs += zip(np.exp(RANDOM.uniform(-9, 9, 200)).tolist(), RANDOM.normal(size=200).tolist(), strict=True)
    assert [pair for pair in pairs if not same(strict_math.power(*pair), float(java.pow(*pair)))] == []


def _java(spark: SparkSession) -> Any:
    context: Any = spark.sparkContext
    return context._jvm.java.lang.StrictMath
