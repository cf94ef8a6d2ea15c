"""Hostile rows for Gaussian mixtures."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.clustering import GaussianMixture, GaussianMixtureModel
from pyspark.ml.linalg import Vector, Vectors
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case


def mixed(size: int, count: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    """Correlated slots, the last a copy of the first where there are many, so that covariances are singular."""
    chance = random.Random(11)
    rows: list[Vector] = []
    for place in range(60):
        slots = [chance.gauss(3.0 * (place % count), 1.0 + slot) for slot in range(size)]
        rows.append(Vectors.dense([slots[0] if slot == 6 else value for slot, value in enumerate(slots)]))
    frame = spark.createDataFrame([(row,) for row in rows], ["features"]).coalesce(1)
    model = GaussianMixture(k=count, seed=5, maxIter=4).fit(frame)
    odd = [math.inf, -0.0, 5e-324, 1e300, -math.inf]
    hostile: list[Vector] = [
        *rows[:8],
        Vectors.dense([math.nan] + [1.0] * (size - 1)),
        Vectors.dense([odd[slot % 5] for slot in range(size)]),
        Vectors.dense([-0.0] * size),
        Vectors.dense([40.0] * size),
        Vectors.sparse(size, []),
        Vectors.sparse(size, [(0, 2.5), (size - 1, -1.5)] if size > 1 else [(0, 2.5)]),
        Vectors.sparse(size, [(size - 1, math.inf)]),
    ]
    return model, spark.createDataFrame([(row,) for row in hostile], ["features"])


def made(spark: SparkSession, weights: list[float], covariances: list[list[float]]) -> Any:
    """A mixture of these covariances (flat, of three slots), as Spark would have fitted it."""
    jvm: Any = spark._jvm
    local = jvm.org.apache.spark.ml.linalg
    gaussian = jvm.org.apache.spark.ml.stat.distribution.MultivariateGaussian
    gateway: Any = spark._sc._gateway
    gaussians = gateway.new_array(gaussian, len(weights))
    for place, covariance in enumerate(covariances):
        mean = local.Vectors.dense(_doubles(gateway, [0.5 * place, -1.0, 2.0]))
        gaussians[place] = gaussian(mean, local.DenseMatrix(3, 3, _doubles(gateway, covariance)))
    model = jvm.org.apache.spark.ml.clustering.GaussianMixtureModel(
        "GaussianMixture_made", _doubles(gateway, weights), gaussians
    )
    return GaussianMixtureModel(model)


def _doubles(gateway: Any, values: list[float]) -> Any:
    array = gateway.new_array(gateway.jvm.double, len(values))
    for place, value in enumerate(values):
        array[place] = value
    return array


def degenerate(spark: SparkSession) -> tuple[Any, DataFrame]:
    """No variance at all, none in one direction, equal ones, tiny and huge ones, a negative one; a weight of zero."""
    covariances = [
        [0.0] * 9,
        [1.0] * 9,
        [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0],
        [1e-300, 0.0, 0.0, 0.0, 1e-300, 1e-301, 0.0, 1e-301, 1e-300],
        [1e180, 1e179, 0.0, 1e179, 1e180, 0.0, 0.0, 0.0, 1e100],
        [1.0, 2.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        [1.0, 0.3, 0.1, 0.3, 1.0, 0.2, 0.1, 0.2, 1.0],
    ]
    model = made(spark, [0.1, 0.2, 0.1, 0.1, 0.25, 0.25, 0.0], covariances)
    rows: list[Vector] = [
        Vectors.dense([0.0, -1.0, 2.0]),
        Vectors.dense([0.5, -1.0, 2.0]),
        Vectors.dense([1.0, 1.0, 1.0]),
        Vectors.dense([1e160, 0.0, 3.0]),
        Vectors.sparse(3, [(1, -1.25)]),
    ]
    return model, spark.createDataFrame([(row,) for row in rows], ["features"])


def alone(spark: SparkSession) -> tuple[Any, DataFrame]:
    """One distribution has it all."""
    model = made(spark, [1.0], [[2.0, 0.5, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 3.0]])
    rows = [
        (Vectors.dense([0.1, 0.2, 0.3]),),
        (Vectors.dense([math.nan, 0.0, 0.0]),),
        (Vectors.sparse(3, []),),
    ]
    return model, spark.createDataFrame(rows, ["features"])


def refused(spark: SparkSession) -> tuple[Any, DataFrame]:
    """A null; and the probabilities alone are asked for."""
    model, frame = mixed(2, 2, spark)
    model.setPredictionCol("")
    return model, spark.createDataFrame([*frame.take(2), (None,)], frame.schema)


def cases() -> Iterator[Case]:
    """Every case."""
    for size, count in ((1, 2), (5, 3), (12, 2), (35, 2)):
        yield Case(f"mixture-{size}-{count}", ("GaussianMixtureModel",), partial(mixed, size, count))
    yield Case("mixture-degenerate", ("GaussianMixtureModel",), degenerate)
    yield Case("mixture-one", ("GaussianMixtureModel",), alone)
    yield Case("mixture-null", ("GaussianMixtureModel",), refused)
