"""Hostile rows for linear and probabilistic models."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.classification import LinearSVC, LogisticRegression
from pyspark.ml.linalg import DenseVector, SparseVector, Vectors, VectorUDT
from pyspark.ml.regression import LinearRegression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType

from tests.parity.harness import Case


def features(spark: SparkSession, rows: list[Any], size: int, *others: list[float]) -> DataFrame:
    """A column of vectors, and one for each list of others: a, b …"""
    fields = [StructField("features", VectorUDT(), True, {"ml_attr": {"num_attrs": size}})]
    fields += [StructField("abc"[number], DoubleType()) for number in range(len(others))]
    return spark.createDataFrame(list(zip(rows, *others, strict=True)), StructType(fields))


def training(size: int, rows: int = 24, seed: int = 5) -> tuple[list[Any], list[float]]:
    """Repeatable vectors, some of them sparse, and a number for each."""
    generator = random.Random(seed)
    vectors: list[Any] = []
    targets = []
    for number in range(rows):
        slots = [
            generator.gauss(0, 1 + slot % 3) if generator.random() < 0.7 else 0.0 for slot in range(size)
        ]
        vectors.append(Vectors.dense(slots) if number % 3 else sparse(slots))
        targets.append(sum(slots[:4]) + generator.gauss(0, 0.3))
    return vectors, targets


def sparse(slots: list[float]) -> SparseVector:
    """The slots that are not zero."""
    return SparseVector(len(slots), [(slot, value) for slot, value in enumerate(slots) if value != 0.0])


def hostile(size: int) -> list[Any]:
    """Vectors in both forms that must not surprise a model."""
    odd = [1.5, -0.0, math.inf, 5e-324, -math.inf, math.nan, 1e300, -2.25]
    special = [
        Vectors.dense([0.3] * slot + [value] + [0.0] * (size - slot - 1))
        for slot, value in (
            (0, math.inf),
            (size - 1, -math.inf),
            (1, math.nan),
            (2, 1e308),
            (1, 5e-324),
            (0, 40.0),
            (1, 800.0),
        )
    ]
    return [
        *training(size, 9, seed=11)[0],
        DenseVector([0.0] * size),
        DenseVector([-0.0] * size),
        DenseVector([odd[slot % len(odd)] for slot in range(size)]),
        *special,
        SparseVector(size, [], []),
        SparseVector(size, [0, size - 1], [math.inf, -3.0]),
        SparseVector(size, [1], [math.nan]),
    ]


def regression(size: int, lasso: float, spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(size)
    estimator = LinearRegression(
        labelCol="a", maxIter=6, regParam=lasso, elasticNetParam=1.0, solver="l-bfgs"
    )
    return estimator.fit(features(spark, vectors, size, targets)), features(spark, hostile(size), size)


def with_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(3)
    model = LinearRegression(labelCol="a", maxIter=2).fit(features(spark, vectors, 3, targets))
    return model, features(spark, [Vectors.dense([0.1, 0.2, 0.3]), None], 3)


def svc(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(6)
    labels = [float(target > 0.3) for target in targets]
    model = LinearSVC(labelCol="a", maxIter=4, threshold=0.2).fit(features(spark, vectors, 6, labels))
    return model, features(spark, hostile(6), 6)


def logistic(size: int, classes: int, spark: SparkSession, **params: Any) -> tuple[Any, DataFrame]:
    vectors, targets = training(size)
    labels = [float(min(max(round(target), 0), classes - 1)) for target in targets]
    params = {"maxIter": 5, "regParam": 0.05, **params}
    model = LogisticRegression(labelCol="a", **params).fit(features(spark, vectors, size, labels))
    return model, features(spark, hostile(size), size)


def cases() -> Iterator[Case]:
    """All of them."""
    for name, size, lasso in (("short", 3, 0.0), ("dense", 9, 0.0), ("lasso", 40, 0.3), ("wide", 1030, 0.0)):
        yield Case(f"linear-{name}", ("LinearRegressionModel",), partial(regression, size, lasso))
    yield Case("linear-null", ("LinearRegressionModel",), with_null)
    yield Case("linear_svc", ("LinearSVCModel",), svc)
    lasso = {"elasticNetParam": 1.0, "regParam": 0.1}
    three = {"thresholds": [0.2, 0.0, 0.7]}
    no_raw = {"rawPredictionCol": "", "threshold": 0.3}
    alone = {"rawPredictionCol": "", "probabilityCol": ""}
    for name, size, classes, params in (
        ("binary", 5, 2, {"threshold": 0.3}),
        ("lasso", 30, 2, {**lasso, "thresholds": [0.4, 0.8]}),
        ("no_raw", 5, 2, no_raw),
        ("alone", 5, 2, alone),
        ("multinomial", 7, 3, {}),
        ("multinomial_lasso", 30, 3, {**lasso, **three}),
        ("multinomial_columns", 6, 12, {**lasso, "regParam": 0.03, "rawPredictionCol": ""}),
        ("multinomial_two", 5, 2, {"family": "multinomial", "thresholds": [0.4, 0.8]}),
    ):
        build = partial(logistic, size, classes, **params)  # type: ignore[arg-type]
        yield Case(f"logistic-{name}", ("LogisticRegressionModel",), build)
