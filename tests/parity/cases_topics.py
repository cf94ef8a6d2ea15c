"""Hostile documents for LDA."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.clustering import LDA, DistributedLDAModel
from pyspark.ml.linalg import Vector, Vectors
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case

COVERED = ("LocalLDAModel",)
# Beyond, and below zero, whether Spark settles or goes on for ever hangs on last bits.
COUNTS = (0.0, 1e4)


def documents(size: int) -> list[Vector]:
    chance = random.Random(13)
    made: list[Vector] = []
    for place in range(24):
        first = (place % 3) * 4
        slots = sorted(chance.sample(range(first, min(first + 8, size)), 4))
        made.append(Vectors.sparse(size, [(slot, float(chance.randint(1, 5))) for slot in slots]))
    return made


def fitted(optimizer: str, topics: int, size: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    training = documents(size)
    frame = spark.createDataFrame([(one,) for one in training], ["features"]).coalesce(1)
    # The seed is that of the fit; a fitted model starts from its own.
    model: Any = LDA(k=topics, maxIter=3, seed=21, optimizer=optimizer).fit(frame)
    model = model.toLocal() if isinstance(model, DistributedLDAModel) else model
    rows: list[Vector] = [
        *training[:6],
        Vectors.sparse(size, []),
        Vectors.sparse(size, [(1, 0.0), (size - 1, 2.0)]),
        Vectors.sparse(size, [(0, 0.3), (5, 1e6), (7, 5e-324)]),
        Vectors.sparse(size, [(2, -0.01), (3, 4.0)]),
        Vectors.sparse(size, [(2, math.nan)]),
        Vectors.sparse(size, [(2, math.inf)]),
        Vectors.sparse(size, [(2, -math.inf), (3, -2.0)]),
    ]
    if size <= 1024:
        rows.append(Vectors.dense([-0.0, 1.0] + [0.5] * (size - 2)))
        rows.append(Vectors.dense([0.0] * size))
    return model, spark.createDataFrame([(row,) for row in rows], ["features"])


def refused(spark: SparkSession) -> tuple[Any, DataFrame]:
    """A null."""
    model, frame = fitted("online", 2, 12, spark)
    return model, spark.createDataFrame([*frame.take(1), (None,)], frame.schema)


def cases() -> Iterator[Case]:
    """Every case."""
    for optimizer, topics, size in (("online", 3, 16), ("em", 2, 16), ("online", 10, 1500)):
        name = f"topics-{optimizer}-{topics}-{size}"
        yield Case(name, COVERED, partial(fitted, optimizer, topics, size), between=COUNTS)
    yield Case("topics-null", COVERED, refused, between=COUNTS)
