"""Hostile rows for XGBoost's models in Spark: every form of features, and all that can count as missing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as t
from xgboost.spark import SparkXGBClassifier, SparkXGBRanker, SparkXGBRegressor

from tests.parity.harness import Case

CLASSIFIER, REGRESSOR = ("SparkXGBClassifierModel",), ("SparkXGBRegressorModel",)
COMMON: dict[str, Any] = {"n_estimators": 4, "max_depth": 3, "num_workers": 1, "verbosity": 0}
WIDE = 1500
COLUMNS = ["number", "single", "long", "small"]
FIELDS: list[tuple[str, t.DataType]] = [
    ("features", VectorUDT()),
    ("array", t.ArrayType(t.DoubleType())),
    ("number", t.DoubleType()),
    ("single", t.FloatType()),
    ("long", t.LongType()),
    ("small", t.ByteType()),
    ("margin", t.DoubleType()),
    ("word", t.StringType()),
    ("two", t.DoubleType()),
    ("three", t.DoubleType()),
    ("target", t.DoubleType()),
    ("query", t.IntegerType()),
    ("held", t.BooleanType()),
]
HOSTILE: list[list[float]] = [
    [0.3, 1.0, -0.5],
    [0.0, 0.0, 0.0],
    [-0.0, -0.0, -0.0],
    [math.nan, 1.0, math.nan],
    [math.inf, 2.0, -math.inf],
    [5e-324, 1e300, -1e300],
    [0.7, -1.0, 0.25],
    [1e-40, 2.0, 1e10],
]
FINITE = [row for row in HOSTILE if max(map(abs, row)) < 1e30]
MARGINS = [0.5, None, math.nan, math.inf, -math.inf, 1e300, -0.0, 88.75]
ROUNDED_TWICE = 2**62 + 2**38 + 1
"""By way of a double it becomes another float than at once."""


def vector(numbers: Sequence[float], slots: int, *, sparse: bool) -> Any:
    """Three numbers spread over a vector."""
    places = dict(zip((0, slots // 2, slots - 1), numbers, strict=True))
    if sparse:
        return Vectors.sparse(slots, {place: value for place, value in places.items() if value})
    return Vectors.dense([places.get(place, 0.0) for place in range(slots)])


def frame(spark: SparkSession, rows: Sequence[Sequence[Any]], names: Sequence[str]) -> DataFrame:
    types = dict(FIELDS)
    schema = t.StructType([t.StructField(name, types[name]) for name in names])
    return spark.createDataFrame([tuple(row) for row in rows], schema)


def training(spark: SparkSession, slots: int = 3) -> DataFrame:
    """Numbers, some missing, in every form, and labels for every kind of model."""
    chance = random.Random(3)
    rows = []
    for number in range(80):
        other = chance.choice([0.0, 1.0, 2.0, -1.0])
        third = math.nan if chance.random() < 0.2 else chance.gauss(0.0, 1.0)
        noise, numbers = chance.random(), [chance.random(), other, third]
        features = vector(numbers, slots, sparse=number % 2 == 0)
        columns = [numbers[0], other, number % 7 - 3, number % 5]
        labels = [
            float(noise + numbers[0] > 1.0),
            float(int(3 * noise + other) % 3),
            numbers[0] * other + noise,
        ]
        word = "aßb"[number % 3]
        rows.append([features, numbers, *columns, noise, word, *labels, number // 8, number % 4 == 0])
    # One partition by a shuffle: Spark trains in barrier mode, which cannot follow a coalesce.
    return frame(spark, rows, [name for name, _ in FIELDS]).repartition(1)


def vectors(spark: SparkSession, slots: int = 3, given: Sequence[Sequence[float]] = HOSTILE) -> DataFrame:
    """Dense and sparse rows."""
    rows = [vector(numbers, slots, sparse=sparse) for numbers in given for sparse in (False, True)]
    return frame(spark, [[row] for row in rows], ["features"])


def fitted(
    kind: Callable[..., Any], given: dict[str, Any], slots: int, spark: SparkSession
) -> tuple[Any, DataFrame]:
    model = kind(**{**COMMON, **given}).fit(training(spark, slots))
    return model, vectors(spark, slots, FINITE if "pred_contrib_col" in given else HOSTILE)


def with_margin(
    kind: Callable[..., Any], given: dict[str, Any], spark: SparkSession
) -> tuple[Any, DataFrame]:
    model = kind(**COMMON, **given, base_margin_col="margin").fit(training(spark))
    rows = [[Vectors.dense([0.3, 1.0, -0.5]), margin] for margin in MARGINS]
    return model, frame(spark, rows, ["features", "margin"])


def by_columns(kind: Callable[..., Any], given: dict[str, Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    model = kind(**COMMON, **given, features_col=COLUMNS).fit(training(spark))
    rows: list[list[Any]] = [
        [0.3, 1.0, 2, 3],
        [None, None, ROUNDED_TWICE, None],
        [math.nan, math.inf, -3, -128],
        [1e300, -0.0, -(2**63), 127],
        [5e-324, None, 0, 0],
    ]
    return model, frame(spark, rows, COLUMNS)


def by_array(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = SparkXGBRegressor(**COMMON, features_col="array", label_col="target").fit(training(spark))
    rows = [*HOSTILE, [None, 1.0, None], [0.5, None, -2.0]]
    return model, frame(spark, [[row] for row in rows], ["array"])


def refused(given: dict[str, Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    """A null vector, one of another length, and where contributions are asked for an infinity."""
    model = SparkXGBRegressor(**COMMON, label_col="target", **given).fit(training(spark))
    rows: list[Any] = [Vectors.dense([1.0, 2.0, math.inf])]
    if not given:
        rows += [None, Vectors.dense([1.0, 2.0])]
    return model, frame(spark, [[row] for row in rows], ["features"])


def pipeline(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Stages of Java and of Python in one pipeline."""
    stages: list[Any] = [
        StringIndexer(inputCol="word", outputCol="code", handleInvalid="keep"),
        VectorAssembler(inputCols=["code", "number"], outputCol="features", handleInvalid="keep"),
        SparkXGBClassifier(**COMMON, label_col="three"),
    ]
    data = training(spark).drop("features")
    rows: list[list[Any]] = [["a", 0.5], ["ß", None], ["unseen", math.nan], ["b", math.inf], [None, -0.0]]
    return Pipeline(stages=stages).fit(data), frame(spark, rows, ["word", "number"])


def cases() -> Iterator[Case]:
    """Every case."""
    two: dict[str, Any] = {"label_col": "two"}
    three: dict[str, Any] = {"label_col": "three"}
    target: dict[str, Any] = {"label_col": "target"}
    optimized = {"missing": 0.0, "enable_sparse_data_optim": True}
    stopped = {"validation_indicator_col": "held", "early_stopping_rounds": 1, "learning_rate": 1.5}
    for name, kind, given, slots in (
        ("two", SparkXGBClassifier, two, 3),
        ("two-zero-missing", SparkXGBClassifier, {**two, "missing": 0.0, "raw_prediction_col": ""}, 3),
        ("three-minus-one-missing", SparkXGBClassifier, {**three, "missing": -1.0, "prediction_col": ""}, 3),
        ("three-dart", SparkXGBClassifier, {**three, "booster": "dart", "rate_drop": 0.5}, 3),
        ("three-sparse-wide", SparkXGBClassifier, {**three, **optimized, "probability_col": ""}, WIDE),
        ("target-contributions", SparkXGBRegressor, {**target, "pred_contrib_col": "parts"}, 3),
        ("target-stopped-early", SparkXGBRegressor, {**target, **stopped, "n_estimators": 30}, 3),
        ("target-infinity-missing", SparkXGBRegressor, {**target, "missing": math.inf}, 3),
        ("count-wide", SparkXGBRegressor, {**three, "objective": "count:poisson"}, WIDE),
        (
            "target-rounds",
            SparkXGBRegressor,
            {**target, "iteration_range": [1, 3], "num_parallel_tree": 2},
            3,
        ),
    ):
        covers = CLASSIFIER if kind is SparkXGBClassifier else REGRESSOR
        yield Case(f"xgboost-{name}", covers, partial(fitted, kind, given, slots))
    ranked = {"label_col": "three", "qid_col": "query"}
    yield Case("xgboost-ranker", ("SparkXGBRankerModel",), partial(fitted, SparkXGBRanker, ranked, 3))
    yield Case("xgboost-two-margin", CLASSIFIER, partial(with_margin, SparkXGBClassifier, two))
    yield Case("xgboost-target-margin", REGRESSOR, partial(with_margin, SparkXGBRegressor, target))
    yield Case("xgboost-three-columns", CLASSIFIER, partial(by_columns, SparkXGBClassifier, three))
    yield Case("xgboost-target-array", REGRESSOR, by_array)
    yield Case("xgboost-refused", REGRESSOR, partial(refused, {}))
    yield Case("xgboost-refused-infinity", REGRESSOR, partial(refused, {"pred_contrib_col": "parts"}))
    yield Case("xgboost-pipeline", CLASSIFIER, pipeline)
