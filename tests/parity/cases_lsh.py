"""Hostile rows for locality-sensitive hashes: arrays of vectors, in both forms of rows, wide ones too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import BucketedRandomProjectionLSH, MinHashLSH
from pyspark.ml.linalg import Vector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from tests.parity.harness import Case


def frame(spark: SparkSession, vectors: list[Vector | None]) -> DataFrame:
    """One column of vectors, called x."""
    rows = [(vector,) for vector in vectors]
    return spark.createDataFrame(rows, StructType([StructField("x", VectorUDT())])).coalesce(1)


def dense(size: int, step: int) -> Vector:
    return Vectors.dense([(slot * step % 7 - 3) / 3 for slot in range(size)])


def odd(size: int) -> list[Vector | None]:
    """Rows that neither hash refuses."""
    last = size - 1
    return [
        *(dense(size, step) for step in (1, 2, 5)),
        Vectors.dense([-0.0] * last + [-5e-324]),
        Vectors.dense([math.nan] + [0.0] * last),
        Vectors.dense([1e308, *[-1e308] * last]),
        Vectors.dense([math.inf, *[1.0] * last]),
        Vectors.sparse(size, [0, last], [-math.inf, 0.0]),
        Vectors.sparse(size, [last], [-5e-324]),
        Vectors.sparse(size, [1, last], [0.1, -2.5]),
    ]


def min_hash(size: int, tables: int, refused: bool, spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = odd(size)
    # Fitted on another length, which it does not mind.
    fitted_on = frame(spark, [dense(size + 2, 1)])
    model = MinHashLSH(inputCol="x", outputCol="y", numHashTables=tables, seed=5).fit(fitted_on)
    zeros = [Vectors.dense([0.0, -0.0, 0.0]), Vectors.sparse(size, [1], [0.0]), None, rows[0]]
    return model, frame(spark, zeros if refused else [*rows, dense(size, 3)])


def projections(size: int, length: float, refused: bool, spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = odd(size)
    lsh = BucketedRandomProjectionLSH(inputCol="x", outputCol="y", numHashTables=5, seed=5)
    model = lsh.setBucketLength(length).fit(frame(spark, rows[:2]))
    zeros = [Vectors.dense([0.0] * size), Vectors.sparse(size, [], [])]
    return model, frame(spark, [None, dense(size, 1)] if refused else [*rows, *zeros])


def both(spark: SparkSession) -> tuple[Any, DataFrame]:
    """In one pipeline, over wide rows."""
    rows = frame(spark, [*odd(1500)[:3], *odd(1500)[-3:]])
    min_hashes = MinHashLSH(inputCol="x", outputCol="y", numHashTables=3, seed=1).fit(rows)
    lsh = BucketedRandomProjectionLSH(inputCol="x", outputCol="z", bucketLength=0.3, numHashTables=2, seed=1)
    return PipelineModel([min_hashes, lsh.fit(rows)]), rows


def cases() -> Iterator[Case]:
    """All of them."""
    mins, projected = ("MinHashLSHModel",), ("BucketedRandomProjectionLSHModel",)
    yield Case("lsh-min_hash", mins, partial(min_hash, 11, 4, False))
    yield Case("lsh-min_hash-refused", mins, partial(min_hash, 3, 1, True))
    for length in (0.7, 1e300, 5e-324, math.inf):
        yield Case(f"lsh-projection-{length}", projected, partial(projections, 11, length, False))
    yield Case("lsh-projection-refused", projected, partial(projections, 3, 1.0, True))
    yield Case("lsh-wide", mins + projected, both)
