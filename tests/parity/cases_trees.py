"""Hostile rows for decision trees, random forests and gradient-boosted trees."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml.classification import DecisionTreeClassifier, GBTClassifier, RandomForestClassifier
from pyspark.ml.feature import VectorIndexer
from pyspark.ml.linalg import Vector, Vectors
from pyspark.ml.regression import DecisionTreeRegressor, GBTRegressor, RandomForestRegressor
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case

HOSTILE = [
    (0.0, 5.0, 1.0),
    (-0.0, math.nan, -0.0),
    (1.0, math.inf, 0.0),
    (2.0, -math.inf, 5e-324),
    (3.0, 1e300, -math.inf),
    (4.0, 0.0, math.nan),
    (7.0, 4.9, -2.5),
    (2.5, 0.0, -1.0),
    (math.nan, 2.0, 1.0),
    (-1.0, 7.3, math.inf),
    (math.inf, 0.6, 1.0),
    (3.0, 3.3, 0.0),
]


def training(spark: SparkSession, seed: int = 1, width: int = 3) -> DataFrame:
    """Rows of a category, two numbers and as many zeros as fill the width; a class of three, one of two, a number."""
    chance = random.Random(seed)
    rows = []
    for _ in range(80):
        category, number = float(chance.randrange(5)), chance.random() * 10
        other = chance.choice([0.0, 1.0, -2.5])
        two = float((category in (1, 3)) ^ (number > 5) ^ (chance.random() < 0.1))
        three = float(chance.randrange(3) if number < 3 else category % 3)
        target = number * category + other + chance.random()
        rows.append((three, two, target, vector((category, number, other), width)))
    frame = spark.createDataFrame(rows, ["three", "two", "target", "bare"]).coalesce(1)
    indexer = VectorIndexer(inputCol="bare", outputCol="features", maxCategories=5).fit(frame)
    return indexer.transform(frame).drop("bare")


def vector(slots: tuple[float, ...], width: int) -> Vector:
    if width == len(slots):
        return Vectors.dense(slots)
    return Vectors.sparse(width, [(place * (width // 3), slot) for place, slot in enumerate(slots)])


def hostile(spark: SparkSession, width: int = 3) -> DataFrame:
    rows = [(vector(slots, width),) for slots in HOSTILE]
    rows += [(Vectors.sparse(width, [(1, 5.5)]),), (Vectors.sparse(width, []),)]
    return spark.createDataFrame(rows, ["features"])


def trained(estimator: Any, spark: SparkSession) -> tuple[Any, DataFrame]:
    return estimator().fit(training(spark)), hostile(spark)


def tree_classifier() -> Any:
    return DecisionTreeClassifier(labelCol="three", leafCol="leaf", maxDepth=5, seed=1)


def tree_by_probability() -> Any:
    """No raw predictions: Spark then decides by probabilities."""
    return DecisionTreeClassifier(labelCol="two", rawPredictionCol="", maxDepth=4, seed=1)


def tree_with_thresholds() -> Any:
    return DecisionTreeClassifier(labelCol="three", maxDepth=4, seed=1).setThresholds([0.5, 0.0, 0.2])


def tree_prediction_only() -> Any:
    return DecisionTreeClassifier(labelCol="two", rawPredictionCol="", probabilityCol="", seed=1)


def tree_regressor() -> Any:
    return DecisionTreeRegressor(labelCol="target", leafCol="leaf", varianceCol="variance", seed=1)


def forest_classifier() -> Any:
    return RandomForestClassifier(labelCol="three", leafCol="leaf", numTrees=7, maxDepth=4, seed=1)


def forest_with_thresholds() -> Any:
    forest = RandomForestClassifier(labelCol="two", rawPredictionCol="", numTrees=3, seed=1)
    return forest.setThresholds([0.8, 0.2])


def forest_regressor() -> Any:
    return RandomForestRegressor(labelCol="target", leafCol="leaf", numTrees=7, maxDepth=4, seed=1)


def boosted_classifier() -> Any:
    return GBTClassifier(labelCol="two", leafCol="leaf", maxIter=10, maxDepth=3, seed=1)


def boosted_with_thresholds() -> Any:
    boosted = GBTClassifier(labelCol="two", maxIter=3, maxDepth=3, seed=1)
    return boosted.setRawPredictionCol("").setThresholds([0.3, 0.7])


def boosted_regressor() -> Any:
    return GBTRegressor(labelCol="target", leafCol="leaf", maxIter=10, maxDepth=3, seed=1)


def wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    """More slots than are kept dense."""
    forest = RandomForestRegressor(labelCol="target", numTrees=3, featureSubsetStrategy="all", seed=1)
    return forest.fit(training(spark, width=1500)), hostile(spark, 1500)


def refused(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Null features, where a tree looks at them."""
    rows = spark.createDataFrame([(Vectors.dense([1.0, 2.0, 3.0]),), (None,)], hostile(spark).schema)
    return tree_classifier().fit(training(spark)), rows


def stump(estimator: Any, spark: SparkSession) -> tuple[Any, DataFrame]:
    """A constant label gives a single leaf, which looks at nothing, not even whether it is null."""
    rows = [(1.0, Vectors.dense([1.0, 2.0])), (1.0, Vectors.dense([3.0, 4.0]))]
    model = estimator().fit(spark.createDataFrame(rows, ["label", "features"]))
    frame = spark.createDataFrame(rows, ["label", "features"]).select("features")
    return model, spark.createDataFrame([(Vectors.dense([1.0, 2.0]),), (None,)], frame.schema)


def stump_regressor() -> Any:
    return DecisionTreeRegressor(varianceCol="v")


def stump_classifier() -> Any:
    return DecisionTreeClassifier(leafCol="leaf")


def cases() -> Iterator[Case]:
    """Every case."""
    classifier, regressor = ("DecisionTreeClassificationModel",), ("DecisionTreeRegressionModel",)
    for covers, estimator in (
        (classifier, tree_classifier),
        (classifier, tree_by_probability),
        (classifier, tree_with_thresholds),
        (classifier, tree_prediction_only),
        (regressor, tree_regressor),
        (("RandomForestClassificationModel",), forest_classifier),
        (("RandomForestClassificationModel",), forest_with_thresholds),
        (("RandomForestRegressionModel",), forest_regressor),
        (("GBTClassificationModel",), boosted_classifier),
        (("GBTClassificationModel",), boosted_with_thresholds),
        (("GBTRegressionModel",), boosted_regressor),
    ):
        yield Case(f"trees-{estimator.__name__}", covers, partial(trained, estimator))
    yield Case("trees-wide", ("RandomForestRegressionModel",), wide)
    yield Case("trees-null", classifier, refused)
    yield Case("trees-stump-regressor", regressor, partial(stump, stump_regressor))
    yield Case("trees-stump-classifier", classifier, partial(stump, stump_classifier))
