"""Hostile rows for labels, one-hot, assembling, and pipelines of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from tests.parity.harness import Case

TEXTS = ["b", "a", "a", "", "ü", "ß,\n", "b ", None]
DOUBLES = [0.0, -0.0, 1.0, 1.5, 2.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 1e300, None]
OTHERS: dict[str, tuple[DataType, list[Any]]] = {
    "double": (DoubleType(), [1.0, -0.0, 0.0, 1e-5, 1e7, math.nan, math.inf, 123456.789, None]),
    "int": (IntegerType(), [1, -2, 0, 2147483647, None]),
    "long": (LongType(), [1, -(2**63), None]),
    "float": (FloatType(), [0.1, 1e10, -0.0, None]),
}


def frame(spark: SparkSession, kind: DataType, values: list[Any]) -> DataFrame:
    """One column, called x."""
    return spark.createDataFrame([(value,) for value in values], StructType([StructField("x", kind)]))


def indexed(mode: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    fitted_on = frame(spark, StringType(), ["b", "a", "a", "", "ü", "ü"])
    model = StringIndexer(inputCol="x", outputCol="y", handleInvalid=mode).fit(fitted_on)
    return model, frame(spark, StringType(), [*TEXTS, "unseen"])


def indexed_other(kind: DataType, values: list[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = frame(spark, kind, values)
    return StringIndexer(inputCol="x", outputCol="y", handleInvalid="keep").fit(rows.limit(3)), rows


def indexed_several(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([("a", 1.0), ("b", 2.0), ("b", 3.0)], "x string, z double")
    model = StringIndexer(inputCols=["x", "z"], outputCols=["y", "w"], handleInvalid="keep").fit(rows)
    return model, spark.createDataFrame([("a", 1.0), (None, 2.0), ("new", None)], "x string, z double")


def one_hot(mode: str, drop_last: bool, spark: SparkSession) -> tuple[Any, DataFrame]:
    encoder = OneHotEncoder(inputCol="x", outputCol="y", handleInvalid=mode, dropLast=drop_last)
    return encoder.fit(frame(spark, DoubleType(), [0.0, 1.0, 2.0])), frame(spark, DoubleType(), DOUBLES)


def one_hot_several(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([(0.0, 0), (1.0, 1), (2.0, 1)], "x double, z int")
    model = OneHotEncoder(inputCols=["x", "z"], outputCols=["y", "w"]).fit(rows)
    hostile = [(0.0, 1), (2.0, 0), (None, 0), (5.0, 0), (0.0, 7)]
    return model, spark.createDataFrame(hostile, "x double, z int")


def one_hot_wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    """More slots than are kept dense, and assembled with a number."""
    rows = frame(spark, DoubleType(), [0.0, 1500.0])
    encoder = OneHotEncoder(inputCol="x", outputCol="y")
    assembler = VectorAssembler(inputCols=["x", "y", "x"], outputCol="z")
    model = Pipeline(stages=[encoder, assembler]).fit(rows)
    return model, frame(spark, DoubleType(), [0.0, 3.0, 1499.0, 1500.0])


def assembled(mode: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    schema = StructType(
        [
            StructField("d", DoubleType()),
            StructField("v", VectorUDT(), True, {"ml_attr": {"num_attrs": 3}}),
            StructField("i", IntegerType()),
            StructField("f", FloatType()),
            StructField("b", BooleanType()),
        ]
    )
    dense, sparse = Vectors.dense([-0.0, math.nan, math.inf]), SparseVector(3, [1], [-2.5])
    rows = [
        (1.5, dense, 7, 0.1, True),
        (-0.0, sparse, -7, -0.0, False),
        (0.0, SparseVector(3, [], []), 0, 0.0, False),
        (math.nan, sparse, 1, 1.0, True),
        (1.0, sparse, 1, math.nan, True),
        (None, dense, 1, 1.0, True),
        (1.0, None, 1, 1.0, True),
        (1.0, dense, None, 1.0, True),
        (1.0, dense, 2**31 - 1, None, True),
        (5e-324, sparse, 0, 3.4e38, None),
        (-math.inf, sparse, 0, 3.4e38, False),
    ]
    assembler = VectorAssembler(inputCols=["d", "v", "i", "f", "b"], outputCol="y", handleInvalid=mode)
    return PipelineModel([assembler]), spark.createDataFrame(rows, schema)


def index_to_string(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = IndexToString(inputCol="x", outputCol="y", labels=["b", "ü", ""])
    return model, frame(spark, DoubleType(), [*DOUBLES, -0.5, 2.999, 3.0])


def nested(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([("a", "p"), ("b", "q"), ("a", "q")], "x string, z string")
    inner = Pipeline(stages=[StringIndexer(inputCol="x", outputCol="xi"), Pipeline(stages=[])])
    stages: list[Any] = [
        inner,
        StringIndexer(inputCol="z", outputCol="zi", handleInvalid="keep"),
        Pipeline(stages=[OneHotEncoder(inputCols=["xi", "zi"], outputCols=["xv", "zv"])]),
        VectorAssembler(inputCols=["xv", "zv", "xi"], outputCol="features"),
    ]
    hostile = spark.createDataFrame([("a", "p"), ("b", None), ("c", "q"), ("b", "new")], "x string, z string")
    return Pipeline(stages=stages).fit(rows), hostile


def cases() -> Iterator[Case]:
    """All of them."""
    for mode in ("error", "keep", "skip"):
        yield Case(f"string_indexer-{mode}", ("StringIndexerModel",), partial(indexed, mode))
        yield Case(f"vector_assembler-{mode}", ("VectorAssembler",), partial(assembled, mode))
    for name, (kind, values) in OTHERS.items():
        yield Case(f"string_indexer-{name}", ("StringIndexerModel",), partial(indexed_other, kind, values))
    yield Case("string_indexer-several", ("StringIndexerModel",), indexed_several)
    for mode in ("error", "keep"):
        for drop_last in (True, False):
            name = f"one_hot-{mode}-{'drop' if drop_last else 'all'}"
            yield Case(name, ("OneHotEncoderModel",), partial(one_hot, mode, drop_last))
    yield Case("one_hot-several", ("OneHotEncoderModel",), one_hot_several)
    yield Case("one_hot-wide", ("OneHotEncoderModel", "VectorAssembler"), one_hot_wide)
    yield Case("index_to_string", ("IndexToString",), index_to_string)
    yield Case("nested", ("StringIndexerModel", "OneHotEncoderModel", "VectorAssembler"), nested)
