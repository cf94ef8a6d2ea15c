"""Hostile rows for thresholds, scalers and imputation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import Binarizer, Bucketizer, QuantileDiscretizer
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, DoubleType, StructField, StructType

from tests.parity.harness import Case

DOUBLES = [0.0, -0.0, 1.0, 1.5, -1.0, math.nan, math.inf, -math.inf, 5e-324, -5e-324, 1e300, None]
# Rows that no stage refuses, dense and sparse, of four slots.
VECTORS: list[Any] = [
    Vectors.dense([0.0, -0.0, 1.0, 7.25]),
    Vectors.dense([math.nan, math.inf, -math.inf, 1.0]),
    Vectors.dense([5e-324, -5e-324, 1e300, -1e300]),
    Vectors.dense([0.1, -0.2, 0.3, 7.25]),
    Vectors.dense([0.0, 0.0, 0.0, 0.0]),
    SparseVector(4, [], []),
    SparseVector(4, [1, 3], [-2.5, 0.7]),
    SparseVector(4, [0, 2], [math.nan, math.inf]),
    SparseVector(4, [0], [-math.inf]),
    SparseVector(4, [1, 2], [5e-324, -1e-310]),
    SparseVector(4, [0, 1, 2, 3], [-1.0, 0.25, 1e-5, 3.0]),
]
WIDE: list[Any] = [
    SparseVector(1500, [0, 3, 1499], [1.5, -2.0, 1e-3]),
    SparseVector(1500, [], []),
    SparseVector(1500, [2, 3], [math.nan, math.inf]),
    Vectors.dense([float(slot % 7) - 3.5 for slot in range(1500)]),
]
FITTED_ON: list[Any] = [
    Vectors.dense([0.1, -2.0, 3.0, 5.0]),
    Vectors.dense([-1.7, 0.3, 1e-5, 5.0]),
    SparseVector(4, [1, 3], [11.0, 5.0]),
]


def frame(spark: SparkSession, kind: DataType, values: Sequence[Any], size: int | None = None) -> DataFrame:
    """One column, called x; ``size`` are a vector's slots."""
    told = {} if size is None else {"ml_attr": {"num_attrs": size}}
    schema = StructType([StructField("x", kind, True, told)])
    return spark.createDataFrame([(value,) for value in values], schema)


def vectors(spark: SparkSession, rows: Sequence[Any]) -> DataFrame:
    """One column of vectors, called x."""
    return frame(spark, VectorUDT(), rows, next(row.size for row in rows if row is not None))


def binarized_numbers(spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        Binarizer(inputCols=["x", "x"], outputCols=["a", "b"], thresholds=[0.5, -1.0]),
        Binarizer(inputCols=["x", "x"], outputCols=["c", "d"], threshold=-0.0),  # type: ignore[call-overload]
        Binarizer(inputCol="x", outputCol="e", threshold=5e-324),
    ]
    return PipelineModel(stages), frame(spark, DoubleType(), DOUBLES)


def binarized(rows: list[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        Binarizer(inputCol="x", outputCol=f"y{number}", threshold=threshold)
        for number, threshold in enumerate([0.0, 0.2, -1.0, -math.inf, math.inf])
    ]
    return PipelineModel(stages), vectors(spark, rows)


def bucketized(mode: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        Bucketizer(inputCol="x", outputCol=f"y{number}", splits=splits, handleInvalid=mode)
        for number, splits in enumerate(
            [[-math.inf, 0.0, 1.0, math.inf], [-math.inf, -0.0, 5e-324, 1.5, math.inf]]
        )
    ]
    return PipelineModel(stages), frame(spark, DoubleType(), DOUBLES)


def bucketized_outside(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = Bucketizer(inputCol="x", outputCol="y", splits=[0.0, 1.0, 1.5])
    return model, frame(spark, DoubleType(), [0.0, -0.0, 1.5, 1.6, math.nan, math.inf, None])


def bucketized_several(mode: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = [(0.5, 1), (None, 7), (0.5, None), (math.nan, 2), (9.0, None), (9.0, 1), (-1.0, 2)]
    model = Bucketizer(
        inputCols=["x", "z"],
        outputCols=["y", "w"],
        splitsArray=[[-1.0, 0.0, 1.0], [0.0, 2.0, 10.0]],
        handleInvalid=mode,
    )
    return model, spark.createDataFrame(rows, "x double, z int")


def discretized(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([(float(n % 5) - 2.0, n) for n in range(20)], "x double, z int")
    one = QuantileDiscretizer(inputCol="x", outputCol="y", numBuckets=3, handleInvalid="keep")
    two = QuantileDiscretizer(inputCols=["x", "z"], outputCols=["v", "w"], numBucketsArray=[4, 2])
    two.setHandleInvalid("keep")
    hostile = [(value, number - 3) for number, value in enumerate(DOUBLES)]
    return Pipeline(stages=[one, two]).fit(rows), spark.createDataFrame(hostile, "x double, z int")


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("binarizer-numbers", ("Binarizer",), binarized_numbers)
    yield Case("binarizer-vectors", ("Binarizer",), partial(binarized, VECTORS))
    yield Case("binarizer-wide", ("Binarizer",), partial(binarized, WIDE))
    yield Case("binarizer-null", ("Binarizer",), partial(binarized, [VECTORS[0], None]))
    for mode in ("keep", "skip"):
        yield Case(f"bucketizer-{mode}", ("Bucketizer",), partial(bucketized, mode))
    yield Case("bucketizer-several", ("Bucketizer",), partial(bucketized_several, "skip"))
    yield Case("bucketizer-outside", ("Bucketizer",), bucketized_outside)
    yield Case("quantile_discretizer", ("Bucketizer",), discretized)
