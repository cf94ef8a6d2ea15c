"""Hostile rows for k-means and ALS."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.clustering import KMeans
from pyspark.ml.linalg import Vector, Vectors
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case


def clustered(measure: str, centers: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    chance = random.Random(3)
    vectors = [Vectors.dense([chance.gauss(place % 3, 0.3) for _ in range(5)]) for place in range(40)]
    training = spark.createDataFrame([(one,) for one in vectors], ["features"]).coalesce(1)
    model = KMeans(k=centers, seed=1, distanceMeasure=measure).fit(training)
    middle = (
        [(a + b) / 2 for a, b in zip(*model.clusterCenters()[:2], strict=False)] if centers > 1 else [1.0] * 5
    )
    rows: list[Vector] = [
        *vectors[:6],
        *map(Vectors.dense, model.clusterCenters()),
        Vectors.dense(middle),
        Vectors.sparse(5, [(position, value) for position, value in enumerate(middle)]),
        Vectors.sparse(5, [(1, 2.5), (4, -1e-3)]),
        Vectors.sparse(5, [(0, math.inf), (1, 1.0)]),
        Vectors.dense([1e300, 1.0, 0.0, -0.0, 5e-324]),
        Vectors.dense([-math.inf, 1.0, 0.0, -0.0, 5e-324]),
    ]
    return model, spark.createDataFrame([(row,) for row in rows], ["features"])


def one_center(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Rows that are all the same have one centre, whatever is asked for."""
    rows = [(Vectors.dense([1.0, 2.0]),)] * 5
    frame = spark.createDataFrame(rows, ["features"]).coalesce(1)
    model = KMeans(k=2, seed=1).fit(frame)
    return model, spark.createDataFrame([*rows[:1], (Vectors.sparse(2, [(0, -1.0)]),)], frame.schema)


def odd(measure: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    """What Spark fails on, some of it by one measure only."""
    model, frame = clustered(measure, 3, spark)
    rows = [
        (Vectors.dense([math.nan, 1.0, 1.0, 1.0, 1.0]),),
        (Vectors.dense([0.0] * 5),),
        (Vectors.sparse(5, []),),
    ]
    return model, spark.createDataFrame([*rows, (None,)], frame.schema)


def recommended(cold: str, rank: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    chance = random.Random(5)
    ratings = [
        (user, item, chance.random() * 5) for user in range(6) for item in range(5) if (user + item) % 3
    ]
    frame = spark.createDataFrame(ratings, "user int, item int, rating double").coalesce(1)
    model = ALS(rank=rank, maxIter=2, seed=1, coldStartStrategy=cold).fit(frame)
    # Null is refused; and with a refusal rows are compared one by one, since Spark's joins shuffle them.
    asked = [(user, item) for user in range(4) for item in range(2)]
    rows = [*asked, (99, 1), (1, 99), (-1, -1), (1, None)]
    return model, spark.createDataFrame(rows, "user int, item int")


def odd_recommended(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Doubles that are no identities, and null."""
    model, _ = recommended("nan", 3, spark)
    rows = [(1.0, 2), (-0.0, 2), (0.5, 2), (3e9, 2), (math.nan, 2), (None, 2)]
    return model, spark.createDataFrame(rows, "user double, item int")


def cases() -> Iterator[Case]:
    """Every case."""
    for measure in ("euclidean", "cosine"):
        yield Case(f"clusters-{measure}", ("KMeansModel",), partial(clustered, measure, 6))
        yield Case(f"clusters-odd-{measure}", ("KMeansModel",), partial(odd, measure))
    yield Case("clusters-one", ("KMeansModel",), one_center)
    for cold, rank in (("nan", 10), ("drop", 3)):
        yield Case(f"als-{cold}", ("ALSModel",), partial(recommended, cold, rank))
    yield Case("als-odd", ("ALSModel",), odd_recommended)
