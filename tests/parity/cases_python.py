"""Hostile rows for stages in a user's own Python."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

import skewless.spark
from tests.parity.harness import Case
from tests.parity.own_stages import Clip, Fails, Hot, Means, Shift

COVERED = ("PythonStageModel",)


def numbers(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([(1.0,), (-2.5,), (None,)], "x double")
    hostile = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, None, 1.0]
    model = Pipeline(stages=[skewless.spark.stage(Clip(low=-1.0))]).fit(rows)
    return model, spark.createDataFrame([(value,) for value in hostile], "x double")


def labels(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Between Spark's own stages, under other names."""
    rows = spark.createDataFrame(
        [("a", 1.0), ("b", 0.1), ("a", 0.7), ("", 3.0), ("ü", -1.0)], "l string, t double"
    )
    own = skewless.spark.stage(Means(), inputs={"label": "l", "target": "t"}, outputs={"mean": "m"})
    indexer = StringIndexer(inputCol="l", outputCol="i", handleInvalid="keep")
    assembler = VectorAssembler(inputCols=["m", "i"], outputCol="v", handleInvalid="keep")
    model = Pipeline(stages=[indexer, own, assembler]).fit(rows)
    return model, spark.createDataFrame([("a",), ("unseen",), (None,), ("",), ("ü",), ("b",)], "l string")


def vectors(by: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    width = StructField("slots", VectorUDT(), True, {"ml_attr": {"num_attrs": by}})
    tail = [0.0] * (by - 3)
    rows = [
        Vectors.dense([-0.0, math.nan, 5e-324, *tail]),
        SparseVector(by, [1], [math.inf]),
        SparseVector(by, [], []),
        None,
        Vectors.dense([1.0, 2.0, 0.1, *tail]),
    ]
    model = skewless.spark.stage(Shift([0.1 * number for number in range(by)]))
    return model, spark.createDataFrame([(row,) for row in rows], StructType([width]))


def wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = [(0, ["a", None]), (2999, None), (None, ["ß"]), (7, [])]
    return skewless.spark.stage(Hot()), spark.createDataFrame(rows, "i int, words array<string>")


def failing(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = [(0.0,), (1.0,), (2.0,), (None,), (4.0,), (5e-324,)]
    return skewless.spark.stage(Fails()), spark.createDataFrame(rows, "x double")


def cases() -> Iterator[Case]:
    """Every way of the ops."""
    yield Case("python-numbers", COVERED, numbers)
    yield Case("python-labels", COVERED, labels)
    yield Case("python-vectors", COVERED, lambda spark: vectors(3, spark))
    yield Case("python-vectors-wide", COVERED, lambda spark: vectors(1500, spark))
    yield Case("python-wide", COVERED, wide)
    yield Case("python-fails", COVERED, failing)
