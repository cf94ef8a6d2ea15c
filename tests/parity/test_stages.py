"""Each stage, fitted in real Spark, on hostile rows, in every mode."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
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

import skewless.spark
from skewless.export.spark import to_arrow
from tests.parity.harness import check

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TEXTS = ["b", "a", "a", "", "ü", "ß,\n", "b ", None]
DOUBLES = [0.0, -0.0, 1.0, 1.5, 2.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 1e300, None]


def frame(spark: SparkSession, kind: DataType, values: list[Any]) -> DataFrame:
    return spark.createDataFrame([(value,) for value in values], StructType([StructField("x", kind)]))


@pytest.mark.parametrize("mode", ["error", "keep", "skip"])
def test_string_indexer(spark: SparkSession, tmp_path: Path, mode: str) -> None:
    fitted_on = frame(spark, StringType(), ["b", "a", "a", "", "ü", "ü"])
    model = StringIndexer(inputCol="x", outputCol="y", handleInvalid=mode).fit(fitted_on)
    check(model, frame(spark, StringType(), [*TEXTS, "unseen"]), tmp_path)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (DoubleType(), [1.0, -0.0, 0.0, 1e-5, 1e7, math.nan, math.inf, 123456.789, None]),
        (IntegerType(), [1, -2, 0, 2147483647, None]),
        (LongType(), [1, -(2**63), None]),
        (FloatType(), [0.1, 1e10, -0.0, None]),
    ],
    ids=str,
)
def test_string_indexer_on_other_types(
    spark: SparkSession, tmp_path: Path, kind: DataType, values: list[Any]
) -> None:
    rows = frame(spark, kind, values)
    model = StringIndexer(inputCol="x", outputCol="y", handleInvalid="keep").fit(rows.limit(3))
    check(model, rows, tmp_path)


def test_string_indexer_of_several_columns(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("a", 1.0), ("b", 2.0), ("b", 3.0)], "x string, z double")
    model = StringIndexer(inputCols=["x", "z"], outputCols=["y", "w"], handleInvalid="keep").fit(rows)
    hostile = spark.createDataFrame([("a", 1.0), (None, 2.0), ("new", None)], "x string, z double")
    check(model, hostile, tmp_path)


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("mode", ["error", "keep"])
def test_one_hot_encoder(spark: SparkSession, tmp_path: Path, mode: str, drop_last: bool) -> None:
    fitted_on = frame(spark, DoubleType(), [0.0, 1.0, 2.0])
    encoder = OneHotEncoder(inputCol="x", outputCol="y", handleInvalid=mode, dropLast=drop_last)
    check(encoder.fit(fitted_on), frame(spark, DoubleType(), DOUBLES), tmp_path)


def test_one_hot_encoder_of_several_columns(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([(0.0, 0), (1.0, 1), (2.0, 1)], "x double, z int")
    model = OneHotEncoder(inputCols=["x", "z"], outputCols=["y", "w"]).fit(rows)
    hostile = spark.createDataFrame([(0.0, 1), (2.0, 0), (None, 0), (5.0, 0), (0.0, 7)], "x double, z int")
    check(model, hostile, tmp_path)


@pytest.mark.parametrize("mode", ["error", "keep", "skip"])
def test_vector_assembler(spark: SparkSession, tmp_path: Path, mode: str) -> None:
    schema = StructType(
        [
            StructField("d", DoubleType()),
            StructField("v", VectorUDT(), True, {"ml_attr": {"num_attrs": 3}}),
            StructField("i", IntegerType()),
            StructField("f", FloatType()),
            StructField("b", BooleanType()),
        ]
    )
    dense = Vectors.dense([-0.0, math.nan, math.inf])
    sparse = SparseVector(3, [1], [-2.5])
    rows = [
        (1.5, dense, 7, 0.1, True),
        (-0.0, sparse, -7, -0.0, False),
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
    model = PipelineModel([assembler])
    check(model, spark.createDataFrame(rows, schema), tmp_path)


def test_index_to_string(spark: SparkSession, tmp_path: Path) -> None:
    model = IndexToString(inputCol="x", outputCol="y", labels=["b", "ü", ""])
    check(model, frame(spark, DoubleType(), [*DOUBLES, -0.5, 2.999, 3.0]), tmp_path)


def test_labels_are_taken_from_the_column_where_the_stage_has_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = frame(spark, StringType(), ["b", "a", "a"])
    indexed = StringIndexer(inputCol="x", outputCol="i").fit(rows).transform(rows)
    model = IndexToString(inputCol="i", outputCol="y")
    path = skewless.spark.export(model, tmp_path / "m.zip", sample=indexed.select("i"))
    assert skewless.load(path).table(to_arrow(indexed)).column("y").to_pylist() == ["b", "a", "a"]


def test_pipelines_nest(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("a", "p"), ("b", "q"), ("a", "q")], "x string, z string")
    inner = Pipeline(stages=[StringIndexer(inputCol="x", outputCol="xi"), Pipeline(stages=[])])
    outer = Pipeline(
        stages=[
            inner,
            StringIndexer(inputCol="z", outputCol="zi", handleInvalid="keep"),
            Pipeline(stages=[OneHotEncoder(inputCols=["xi", "zi"], outputCols=["xv", "zv"])]),
            VectorAssembler(inputCols=["xv", "zv", "xi"], outputCol="features"),
        ]
    )
    hostile = spark.createDataFrame([("a", "p"), ("b", None), ("c", "q"), ("b", "new")], "x string, z string")
    check(outer.fit(rows), hostile, tmp_path)
