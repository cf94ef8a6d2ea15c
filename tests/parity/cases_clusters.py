"""Hostile rows for k-means, bisecting k-means and ALS."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.clustering import BisectingKMeans, KMeans, KMeansModel
from pyspark.ml.linalg import Vector, Vectors
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case

ESTIMATORS: dict[str, Any] = {"clusters": KMeans, "bisecting": BisectingKMeans}


def clustered(kind: str, measure: str, centers: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    chance = random.Random(3)
    vectors = [Vectors.dense([chance.gauss(place % 3, 0.3) for _ in range(5)]) for place in range(40)]
    training = spark.createDataFrame([(one,) for one in vectors], ["features"]).coalesce(1)
    model = ESTIMATORS[kind](k=centers, seed=1, distanceMeasure=measure).fit(training)
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


def odd(kind: str, measure: str, centers: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    """What Spark fails on, some of it by one measure only."""
    model, frame = clustered(kind, measure, centers, spark)
    rows = [
        (Vectors.dense([math.nan, 1.0, 1.0, 1.0, 1.0]),),
        (Vectors.dense([0.0] * 5),),
        (Vectors.sparse(5, []),),
    ]
    return model, spark.createDataFrame([*rows, (None,)], frame.schema)


def undivided(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Rows that are all the same cannot be divided: the root is the only leaf."""
    rows: list[Vector | None] = [Vectors.dense([1.0, 2.0]), Vectors.sparse(2, [(0, -1.0)]), None]
    frame = spark.createDataFrame([(rows[0],)] * 5, ["features"]).coalesce(1)
    model = BisectingKMeans(k=2, seed=1).fit(frame)
    return model, spark.createDataFrame([(row,) for row in rows], frame.schema)


def balanced(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Directions whose sum is zero: the centre of the root, and of a leaf, is NaN."""
    pairs = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
    frame = spark.createDataFrame([(Vectors.dense(pair),) for pair in pairs], ["features"]).coalesce(1)
    model = BisectingKMeans(k=3, seed=1, distanceMeasure="cosine", minDivisibleClusterSize=1.0).fit(frame)
    rows = [*pairs, (1.0, 1.0), (-0.0, 5e-324)]
    return model, spark.createDataFrame([(Vectors.dense(row),) for row in rows], ["features"])


def wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    """More slots than are kept dense."""
    size = 1500
    rows: list[Vector] = [Vectors.sparse(size, [(slot, 1.0), (slot + 1, 0.1 * slot)]) for slot in range(20)]
    frame = spark.createDataFrame([(row,) for row in rows], ["features"]).coalesce(1)
    return BisectingKMeans(k=4, seed=1).fit(frame), frame.limit(12)


def made(spark: SparkSession, measure: str, centers: list[list[float]]) -> Any:
    """A k-means model of these centres, as Spark would have fitted it."""
    jvm: Any = spark._jvm
    old = jvm.org.apache.spark.mllib.linalg.Vectors
    array = spark._sc._gateway.new_array(jvm.org.apache.spark.mllib.linalg.Vector, len(centers))  # type: ignore[union-attr]
    for place, center in enumerate(centers):
        slots = spark._sc._gateway.new_array(jvm.double, len(center))  # type: ignore[union-attr]
        for slot, value in enumerate(center):
            slots[slot] = value
        array[place] = old.dense(slots)
    parent = jvm.org.apache.spark.mllib.clustering.KMeansModel(array, measure, 0.0, -1)
    model: Any = jvm.org.apache.spark.ml.clustering.KMeansModel("KMeans_made", parent)
    model.set(model.distanceMeasure(), measure)
    return KMeansModel(model)


def many(measure: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    """A thousand centres: Spark keeps no distances between them, and takes NaN for near the first."""
    chance = random.Random(7)
    centers = [[chance.gauss(0.0, 1.0) for _ in range(3)] for _ in range(1000)]
    rows: list[Vector] = [
        *(Vectors.dense([chance.gauss(0.0, 1.0) for _ in range(3)]) for _ in range(6)),
        Vectors.dense(centers[999]),
        Vectors.sparse(3, [(1, 2.5)]),
        Vectors.dense([1e300, 1.0, 0.0]),
        Vectors.dense([5e-324, -0.0, 0.0]),
        Vectors.dense([-math.inf, 1.0, 0.0]),
        Vectors.dense([math.nan, 1.0, 0.0]),
        Vectors.sparse(3, []),
    ]
    return made(spark, measure, centers), spark.createDataFrame([(row,) for row in rows], ["features"])


def pointless(measure: str, centers: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    """A centre of zeros has no direction, which just the cosine minds; the others are far away."""
    places = [[0.0, 0.0], *([float(place), 1.0] for place in range(1, centers))]
    rows = [(Vectors.dense([1.0, 1.0]),), (Vectors.sparse(2, [(0, 3.0)]),)]
    return made(spark, measure, places), spark.createDataFrame(rows, ["features"])


def recommended(cold: str, rank: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    chance = random.Random(5)
    ratings = [
        (user, item, chance.random() * 5) for user in range(6) for item in range(5) if (user + item) % 3
    ]
    frame = spark.createDataFrame(ratings, "user int, item int, rating double").coalesce(1)
    model = ALS(rank=rank, maxIter=2, seed=1, coldStartStrategy=cold).fit(frame)
    # Null is refused; and with a refusal rows are compared one by one, since Spark's joins shuffle them.
    asked = [(user, item) for user in range(2) for item in range(2)]
    rows = [*asked, (99, 1), (1, 99), (-1, -1), (1, None)]
    return model, spark.createDataFrame(rows, "user int, item int")


def odd_recommended(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Doubles that are no identities, and null."""
    model, _ = recommended("nan", 3, spark)
    rows = [(1.0, 2), (-0.0, 2), (0.5, 2), (3e9, 2), (math.nan, 2), (None, 2)]
    return model, spark.createDataFrame(rows, "user double, item int")


def cases() -> Iterator[Case]:
    """Every case."""
    kinds = {"clusters": "KMeansModel", "bisecting": "BisectingKMeansModel"}
    for measure in ("euclidean", "cosine"):
        for kind, spark_class in kinds.items():
            fitted, fails = partial(clustered, kind, measure, 6), partial(odd, kind, measure, 3)
            yield Case(f"{kind}-{measure}", (spark_class,), fitted)
            yield Case(f"{kind}-odd-{measure}", (spark_class,), fails)
        yield Case(f"clusters-many-{measure}", ("KMeansModel",), partial(many, measure))
        yield Case(f"clusters-zero-{measure}", ("KMeansModel",), partial(pointless, measure, 3))
    yield Case("clusters-zero-alone", ("KMeansModel",), partial(pointless, "cosine", 1))
    yield Case("bisecting-one", ("BisectingKMeansModel",), undivided)
    yield Case("bisecting-balanced", ("BisectingKMeansModel",), balanced)
    yield Case("bisecting-wide", ("BisectingKMeansModel",), wide)
    yield Case("clusters-one", ("KMeansModel",), one_center)
    for cold, rank in (("nan", 10), ("drop", 3)):
        yield Case(f"als-{cold}", ("ALSModel",), partial(recommended, cold, rank))
    # Spark's join gives the rows in another order, which identities that are no whole numbers do not tell.
    yield Case("als-odd", ("ALSModel",), odd_recommended, generated=False)
