"""Hostile rows for linear and probabilistic models."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.classification import (
    FMClassifier,
    LinearSVC,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    NaiveBayes,
    OneVsRestModel,
)
from pyspark.ml.linalg import DenseVector, SparseVector, Vectors, VectorUDT
from pyspark.ml.regression import (
    AFTSurvivalRegression,
    FMRegressor,
    GeneralizedLinearRegression,
    IsotonicRegression,
    LinearRegression,
)
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType

from tests.parity.harness import Case


def features(spark: SparkSession, rows: list[Any], size: int, *others: list[float]) -> DataFrame:
    """A column of vectors, and one for each list of others: a, b …"""
    fields = [StructField("features", VectorUDT(), True, {"ml_attr": {"num_attrs": size}})]
    fields += [StructField("abc"[number], DoubleType()) for number in range(len(others))]
    return spark.createDataFrame(list(zip(rows, *others, strict=True)), StructType(fields))


def training(size: int, rows: int = 24, seed: int = 5) -> tuple[list[Any], list[float]]:
    """Repeatable vectors, some of them sparse, and a number for each."""
    generator = random.Random(seed)
    vectors: list[Any] = []
    targets = []
    for number in range(rows):
        slots = [
            generator.gauss(0, 1 + slot % 3) if generator.random() < 0.7 else 0.0 for slot in range(size)
        ]
        vectors.append(Vectors.dense(slots) if number % 3 else sparse(slots))
        targets.append(sum(slots[:4]) + generator.gauss(0, 0.3))
    return vectors, targets


def sparse(slots: Iterable[float]) -> SparseVector:
    """The slots that are not zero."""
    values = list(slots)
    return SparseVector(len(values), [(slot, value) for slot, value in enumerate(values) if value != 0.0])


def hostile(size: int) -> list[Any]:
    """Vectors in both forms that must not surprise a model."""
    odd = [1.5, -0.0, math.inf, 5e-324, -math.inf, math.nan, 1e300, -2.25]
    special = [
        Vectors.dense([0.3] * slot + [value] + [0.0] * (size - slot - 1))
        for slot, value in (
            (0, math.inf),
            (size - 1, -math.inf),
            (1, math.nan),
            (2, 1e308),
            (1, 5e-324),
            (0, 40.0),
            (1, 800.0),
        )
    ]
    return [
        *training(size, 9, seed=11)[0],
        DenseVector([0.0] * size),
        DenseVector([-0.0] * size),
        DenseVector([odd[slot % len(odd)] for slot in range(size)]),
        *special,
        SparseVector(size, [], []),
        SparseVector(size, [0, size - 1], [math.inf, -3.0]),
        SparseVector(size, [1], [math.nan]),
    ]


def regression(size: int, lasso: float, spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(size)
    estimator = LinearRegression(
        labelCol="a", maxIter=6, regParam=lasso, elasticNetParam=1.0, solver="l-bfgs"
    )
    return estimator.fit(features(spark, vectors, size, targets)), features(spark, hostile(size), size)


def with_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(3)
    model = LinearRegression(labelCol="a", maxIter=2).fit(features(spark, vectors, 3, targets))
    return model, features(spark, [Vectors.dense([0.1, 0.2, 0.3]), None], 3)


def svc(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(6)
    labels = [float(target > 0.3) for target in targets]
    model = LinearSVC(labelCol="a", maxIter=4, threshold=0.2).fit(features(spark, vectors, 6, labels))
    return model, features(spark, hostile(6), 6)


def logistic(size: int, classes: int, spark: SparkSession, **params: Any) -> tuple[Any, DataFrame]:
    vectors, targets = training(size)
    labels = [float(min(max(round(target), 0), classes - 1)) for target in targets]
    params = {"maxIter": 5, "regParam": 0.05, **params}
    model = LogisticRegression(labelCol="a", **params).fit(features(spark, vectors, size, labels))
    return model, features(spark, hostile(size), size)


def generalized(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Families and links one after the other over the same features."""
    vectors, targets = training(4)
    counts = [float(round(abs(target))) + 1.0 for target in targets]
    flags = [float(target > 0.2) for target in targets]
    rows = features(spark, vectors, 4, counts, flags, targets)
    stages = []
    for number, (label, params) in enumerate(GENERALIZED):
        columns: dict[str, Any] = {"predictionCol": f"p{number}", "linkPredictionCol": f"l{number}"}
        estimator = GeneralizedLinearRegression(labelCol=label, maxIter=1, regParam=0.1, **columns, **params)
        stages.append(estimator.fit(rows))
    return PipelineModel(stages), features(spark, hostile(4), 4)


GENERALIZED: list[tuple[str, dict[str, Any]]] = [
    ("c", {}),
    ("c", {"family": "gaussian", "link": "identity"}),
    ("a", {"family": "gaussian", "link": "inverse"}),
    ("b", {"family": "binomial"}),
    ("b", {"family": "binomial", "link": "probit"}),
    ("b", {"family": "binomial", "link": "cloglog"}),
    ("a", {"family": "poisson"}),
    ("a", {"family": "poisson", "link": "sqrt"}),
    ("a", {"family": "gamma"}),
    ("a", {"family": "gamma", "link": "log"}),
    ("a", {"family": "tweedie", "variancePower": 1.5}),
    ("a", {"family": "tweedie", "variancePower": 1.0}),
    ("a", {"family": "tweedie", "variancePower": 1.5, "linkPower": 0.3}),
    ("a", {"family": "tweedie", "variancePower": 0.0, "linkPower": 0.5}),
]


def with_offset(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(4)
    counts = [float(round(abs(target))) for target in targets]
    rows = features(spark, vectors, 4, counts, [0.5 * count for count in counts])
    estimator = GeneralizedLinearRegression(labelCol="a", offsetCol="b", family="poisson", maxIter=2)
    hostile_rows = [*training(4, 5, seed=2)[0], None]
    offsets: list[Any] = [0.5, -0.0, math.nan, math.inf, None, None]
    return estimator.fit(rows), features(spark, hostile_rows, 4, offsets, offsets)


def bayes(spark: SparkSession) -> tuple[Any, DataFrame]:
    """The four kinds over features of 0 and 1."""
    vectors: list[Any] = [
        Vectors.dense([float((row >> bit) & 1) for bit in range(5)]) for row in range(1, 25)
    ]
    labels = [float(row % 3) for row in range(1, 25)]
    rows = features(spark, vectors, 5, labels)
    stages = []
    for kind in ("multinomial", "complement", "bernoulli", "gaussian"):
        columns: dict[str, Any] = {
            "rawPredictionCol": f"{kind}_r",
            "probabilityCol": f"{kind}_p",
            "predictionCol": kind,
        }
        stages.append(NaiveBayes(labelCol="a", modelType=kind, **columns).fit(rows))
    stages[0].setThresholds([0.2, 0.0, 0.6])
    stages[2].setRawPredictionCol("")
    some = [*vectors[::4], *map(sparse, vectors[1::5]), Vectors.dense([0.0] * 5), sparse([0.0] * 5)]
    return PipelineModel(stages), features(spark, some, 5)


def bayes_gaussian(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(5)
    labels = [float(min(max(round(target), 0), 2)) for target in targets]
    model = NaiveBayes(labelCol="a", modelType="gaussian").fit(features(spark, vectors, 5, labels))
    return model, features(spark, hostile(5), 5)


def bayes_refuses(kind: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    good = [Vectors.dense([0.0, 1.0]), Vectors.dense([1.0, 0.0])]
    model = NaiveBayes(labelCol="a", modelType=kind).fit(features(spark, good, 2, [0.0, 1.0]))
    bad = [Vectors.dense([0.5, 1.0]), Vectors.dense([-1.0, 1.0]), Vectors.dense([math.nan, 1.0])]
    return model, features(spark, [good[0], *bad, SparseVector(2, [0], [-2.0])], 2)


def perceptron(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(5)
    labels = [float(min(max(round(target), 0), 2)) for target in targets]
    estimator = MultilayerPerceptronClassifier(labelCol="a", layers=[5, 4, 7, 3], maxIter=5, seed=3)
    return estimator.fit(features(spark, vectors, 5, labels)), features(spark, hostile(5), 5)


def machines(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(6)
    flags = [float(target > 0.2) for target in targets]
    rows = features(spark, vectors, 6, targets, flags)
    params: dict[str, Any] = {"factorSize": 5, "maxIter": 4, "seed": 3}
    stages = [
        FMRegressor(labelCol="a", predictionCol="p", **params).fit(rows),
        FMClassifier(labelCol="b", thresholds=[0.4, 0.7], **params).fit(rows),
    ]
    return PipelineModel(stages), features(spark, hostile(6), 6)


def survival(spark: SparkSession) -> tuple[Any, DataFrame]:
    vectors, targets = training(4)
    times = [math.exp(0.4 * target) for target in targets]
    censored = [float(number % 4 != 0) for number in range(len(times))]
    estimator = AFTSurvivalRegression(labelCol="a", censorCol="b", maxIter=4, quantilesCol="q")
    return estimator.fit(features(spark, vectors, 4, times, censored)), features(spark, hostile(4), 4)


def isotonic(kind: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    points = [(0.0, 1.0), (-0.0, 0.5), (1.0, 2.0), (2.0, 1.5), (3.0, 4.0), (7.0, 4.5), (9.0, 4.2), (9.5, 9.1)]
    odd = [-1.0, -0.0, 0.0, 5e-324, 0.3, 1.0, 1.7, 6.9, 8.0, 20.0, math.inf, -math.inf, math.nan]
    if kind == "double":
        rows = spark.createDataFrame(points, "features double, a double")
        model = IsotonicRegression(labelCol="a").fit(rows)
        return model, spark.createDataFrame([(value,) for value in [*odd, None]], "features double")
    vectors = [Vectors.dense([5.0, point]) for point, _ in points]
    estimator = IsotonicRegression(labelCol="a", featureIndex=1, isotonic=False)
    model = estimator.fit(features(spark, vectors, 2, [-target for _, target in points]))
    some: list[Any] = [Vectors.dense([1.0, value]) for value in odd]
    return model, features(spark, [*some, sparse([1.0, 0.0]), sparse([0.0, 2.5])], 2)


def one_vs_rest(classifier: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    """Put together by hand: pyspark's own fit leaves a pool of threads open, which pytest reports."""
    vectors, targets = training(5)
    single = LogisticRegression(maxIter=3) if classifier == "logistic" else LinearSVC(maxIter=3)
    models = []
    for step in range(4):
        flags = [float(min(max(round(target), 0), 3) == step) for target in targets]
        models.append(single.copy({single.labelCol: "a"}).fit(features(spark, vectors, 5, flags)))
    model = OneVsRestModel(models=models)
    model._set(classifier=single, labelCol="a")
    return model, features(spark, hostile(5), 5)


def cases() -> Iterator[Case]:
    """All of them."""
    for name, size, lasso in (("short", 3, 0.0), ("dense", 9, 0.0), ("lasso", 40, 0.3), ("wide", 1030, 0.0)):
        yield Case(f"linear-{name}", ("LinearRegressionModel",), partial(regression, size, lasso))
    yield Case("linear-null", ("LinearRegressionModel",), with_null)
    yield Case("linear_svc", ("LinearSVCModel",), svc)
    few: dict[str, Any] = {"elasticNetParam": 1.0, "regParam": 0.1}
    three = {"thresholds": [0.2, 0.0, 0.7]}
    no_raw = {"rawPredictionCol": "", "threshold": 0.3}
    alone = {"rawPredictionCol": "", "probabilityCol": ""}
    for name, size, classes, params in (
        ("binary", 5, 2, {"threshold": 0.3}),
        ("lasso", 30, 2, {**few, "thresholds": [0.4, 0.8]}),
        ("no_raw", 5, 2, no_raw),
        ("alone", 5, 2, alone),
        ("multinomial", 7, 3, {}),
        ("multinomial_lasso", 30, 3, {**few, **three}),
        ("multinomial_columns", 6, 12, {**few, "regParam": 0.03, "rawPredictionCol": ""}),
        ("multinomial_two", 5, 2, {"family": "multinomial", "thresholds": [0.4, 0.8]}),
    ):
        build = partial(logistic, size, classes, **params)
        yield Case(f"logistic-{name}", ("LogisticRegressionModel",), build)
    yield Case("glm", ("GeneralizedLinearRegressionModel",), generalized)
    yield Case("glm-offset", ("GeneralizedLinearRegressionModel",), with_offset)
    yield Case("naive_bayes", ("NaiveBayesModel",), bayes)
    yield Case("naive_bayes-gaussian", ("NaiveBayesModel",), bayes_gaussian)
    yield Case("naive_bayes-multinomial", ("NaiveBayesModel",), partial(bayes_refuses, "multinomial"))
    yield Case("naive_bayes-bernoulli", ("NaiveBayesModel",), partial(bayes_refuses, "bernoulli"))
    yield Case("perceptron", ("MultilayerPerceptronClassificationModel",), perceptron)
    yield Case("machines", ("FMRegressionModel", "FMClassificationModel"), machines)
    yield Case("survival", ("AFTSurvivalRegressionModel",), survival)
    for kind in ("double", "vector"):
        yield Case(f"isotonic-{kind}", ("IsotonicRegressionModel",), partial(isotonic, kind))
    for kind in ("logistic", "svc"):
        yield Case(f"one_vs_rest-{kind}", ("OneVsRestModel",), partial(one_vs_rest, kind))
