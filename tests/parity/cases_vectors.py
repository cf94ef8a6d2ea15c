"""Hostile rows for scalers, imputation, products and choices of slots."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import (
    PCA,
    ChiSqSelector,
    ElementwiseProduct,
    Imputer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialExpansion,
    RobustScaler,
    StandardScaler,
    UnivariateFeatureSelector,
    VarianceThresholdSelector,
    VectorAssembler,
    VectorIndexer,
    VectorSizeHint,
    VectorSlicer,
)
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession

from tests.parity.cases_numeric import FITTED_ON, VECTORS, WIDE, frame, vectors
from tests.parity.harness import Case

SCALERS = ("StandardScalerModel", "RobustScalerModel", "MaxAbsScalerModel", "MinMaxScalerModel")
SELECTORS = ("ChiSqSelectorModel", "UnivariateFeatureSelectorModel", "VarianceThresholdSelectorModel")
CATEGORIES: list[Any] = [
    Vectors.dense([0.0, 2.0, 7.0, 3.0]),
    Vectors.dense([-0.0, -1.0, -3.0, 1.0]),
    Vectors.dense([1.0, 0.0, -0.5, 2.0]),
    SparseVector(4, [], []),
    SparseVector(4, [1, 3], [2.0, 2.0]),
]
WIDE_FITTED_ON = [WIDE[0], Vectors.dense([float(slot % 7) - 3.0 for slot in range(1500)])]


def scalers(spark: SparkSession, fitted_on: Sequence[Any], tag: str = "") -> list[Any]:
    """Every scaler in every form."""
    rows = vectors(spark, fitted_on)
    forms: list[Any] = [
        StandardScaler(withMean=mean, withStd=std) for mean in (True, False) for std in (True, False)
    ]
    forms += [
        RobustScaler(withCentering=True, withScaling=True),
        RobustScaler(withCentering=False, lower=0.1),
        MaxAbsScaler(),
        MinMaxScaler(),
        MinMaxScaler(min=-3.5, max=0.1),
    ]
    return [
        scaler.setInputCol("x").setOutputCol(f"y{tag}{number}").fit(rows)
        for number, scaler in enumerate(forms)
    ]


def scaled(spark: SparkSession) -> tuple[Any, DataFrame]:
    extremes = [Vectors.dense([math.inf, 5e-324, 1e300, 0.0]), Vectors.dense([0.0, 0.0, -1e300, -0.0])]
    models = scalers(spark, FITTED_ON) + scalers(spark, extremes, "e")
    return PipelineModel(models), vectors(spark, VECTORS)


def scaled_wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    return PipelineModel(scalers(spark, WIDE_FITTED_ON)), vectors(spark, WIDE)


def scaled_null(number: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    return scalers(spark, FITTED_ON)[number], vectors(spark, [VECTORS[0], None])


def normalized(norms: Sequence[float], rows: Sequence[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        Normalizer(inputCol="x", outputCol=f"y{number}", p=p) for number, p in enumerate(norms)
    ]
    return PipelineModel(stages), vectors(spark, rows)


def imputed(spark: SparkSession) -> tuple[Any, DataFrame]:
    columns = ["d", "f", "i", "l"]
    schema = "d double, f float, i int, l long"
    fitted_on = [(1.5, 0.1, 1, 5), (math.nan, 0.25, 4, 6), (None, None, 4, -(2**40)), (-2.75, 3.0, 0, 7)]
    rows = spark.createDataFrame(fitted_on, schema)
    stages: list[Any] = [
        Imputer(
            inputCols=columns,
            outputCols=[f"{column}{number}" for column in columns],
            strategy=strategy,
            missingValue=missing,
        )
        for number, (strategy, missing) in enumerate(
            [("mean", math.nan), ("median", 0.0), ("mode", math.nan), ("mean", 4.0)]
        )
    ]
    hostile = [
        (math.nan, math.nan, None, None),
        (None, None, 4, 2**63 - 1),
        (-0.0, 0.0, 0, 0),
        (math.inf, -math.inf, -(2**31), -(2**63)),
        (5e-324, 0.1, 2**31 - 1, 2**53 + 1),
        (4.0, 4.0, 4, 4),
    ]
    model = Pipeline(stages=stages).fit(rows)
    single = Imputer(inputCol="d", outputCol="s", strategy="median").fit(rows)
    return PipelineModel([model, single]), spark.createDataFrame(hostile, schema)


def sliced(rows: Sequence[Any], indices: Sequence[int], spark: SparkSession) -> tuple[Any, DataFrame]:
    return VectorSlicer(inputCol="x", outputCol="y", indices=list(indices)), vectors(spark, rows)


def selected(rows: Sequence[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    fitted_on = [
        (Vectors.dense([0.0, 1.0, 3.0, 5.0]), 0.0),
        (Vectors.dense([1.0, 1.0, 3.5, 5.0]), 1.0),
        (Vectors.dense([1.0, 0.0, 3.0, 5.0]), 1.0),
        (SparseVector(4, [3], [5.0]), 0.0),
    ]
    labelled = spark.createDataFrame(fitted_on, ["x", "label"])
    univariate = UnivariateFeatureSelector(featuresCol="x", outputCol="b", selectionMode="numTopFeatures")
    univariate.setFeatureType("continuous").setLabelType("categorical").setSelectionThreshold(2)
    stages: list[Any] = [
        ChiSqSelector(featuresCol="x", labelCol="label", outputCol="a", numTopFeatures=2),
        univariate,
        VarianceThresholdSelector(featuresCol="x", outputCol="c"),
        VarianceThresholdSelector(featuresCol="x", outputCol="d", varianceThreshold=1e9),
    ]
    return PipelineModel([stage.fit(labelled) for stage in stages]), vectors(spark, rows)


def multiplied(spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        ElementwiseProduct(inputCol="x", outputCol=f"y{number}", scalingVec=Vectors.dense(weights))
        for number, weights in enumerate([[0.1, -0.0, 5e-324, 1e300], [math.inf, 0.0, math.nan, -1.0]])
    ]
    stages += [PolynomialExpansion(inputCol="x", outputCol=f"p{n}", degree=n) for n in (1, 2, 3)]
    return PipelineModel(stages), vectors(spark, VECTORS)


def expanded_wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = [SparseVector(60, [0, 3, 59], [2.0, -0.5, math.inf]), Vectors.dense([n / 7 for n in range(60)])]
    return PolynomialExpansion(inputCol="x", outputCol="y", degree=2), vectors(spark, rows)


def projected(rows: Sequence[Any], count: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    size = rows[0].size
    fitted_on = [
        Vectors.dense([math.sin(slot * 7 + number) for slot in range(size)]) for number in range(size + 2)
    ]
    model = PCA(k=count, inputCol="x", outputCol="y").fit(vectors(spark, fitted_on))
    return model, vectors(spark, rows)


def vector_indexed(mode: str, rows: Sequence[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    fitted_on = [
        Vectors.dense([0.0, -1.0, 0.5, 1.0]),
        Vectors.dense([1.0, 2.0, 7.0, 2.0]),
        SparseVector(4, [2], [-3.0]),
        Vectors.dense([1.0, 2.0, math.inf, 3.0]),
    ]
    indexer = VectorIndexer(inputCol="x", outputCol="y", maxCategories=3, handleInvalid=mode)
    return indexer.fit(vectors(spark, fitted_on)), vectors(spark, rows)


def vector_indexed_wide(spark: SparkSession) -> tuple[Any, DataFrame]:
    indexer = VectorIndexer(inputCol="x", outputCol="y", maxCategories=2, handleInvalid="keep")
    return indexer.fit(vectors(spark, WIDE_FITTED_ON)), vectors(spark, WIDE)


def hinted(mode: str, rows: Sequence[Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    stages: list[Any] = [
        VectorSizeHint(inputCol="x", size=4, handleInvalid=mode),
        VectorAssembler(inputCols=["x", "x"], outputCol="y", handleInvalid="keep"),
    ]
    # No metadata: what is known of the length is the hint's.
    return PipelineModel(stages), frame(spark, VectorUDT(), rows)


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("scaler-all", SCALERS, scaled)
    yield Case("scaler-wide", SCALERS, scaled_wide)
    for number in (0, 2, 3, 7):
        yield Case(f"scaler-null-{number}", SCALERS, partial(scaled_null, number))
    exact, others = (1.0, 2.0, math.inf), (3.0, 1.5)
    yield Case("normalizer", ("Normalizer",), partial(normalized, exact, VECTORS))
    yield Case("normalizer-pow", ("Normalizer",), partial(normalized, others, VECTORS))
    yield Case("normalizer-wide", ("Normalizer",), partial(normalized, exact + others, WIDE))
    yield Case("imputer", ("ImputerModel",), imputed)
    yield Case("vector_slicer", ("VectorSlicer",), partial(sliced, [*VECTORS, None], [3, 0, 2]))
    yield Case("vector_slicer-wide", ("VectorSlicer",), partial(sliced, WIDE, [1499, 0, 3]))
    yield Case("selector", SELECTORS, partial(selected, VECTORS))
    yield Case("selector-null", SELECTORS, partial(selected, [VECTORS[0], None]))
    yield Case("product", ("ElementwiseProduct", "PolynomialExpansion"), multiplied)
    yield Case("polynomial-wide", ("PolynomialExpansion",), expanded_wide)
    yield Case("pca", ("PCAModel",), partial(projected, VECTORS, 3))
    longer = [
        Vectors.dense([math.cos(slot) * 1e3 for slot in range(37)]),
        SparseVector(37, [3, 36], [0.1, -7.7]),
    ]
    yield Case("pca-longer", ("PCAModel",), partial(projected, [*longer, None], 6))
    for mode in ("error", "keep", "skip"):
        rows = [*CATEGORIES, *VECTORS[1:3], SparseVector(4, [0, 3], [math.nan, 9.0])]
        rows += [None] if mode == "error" else []
        yield Case(f"vector_indexer-{mode}", ("VectorIndexerModel",), partial(vector_indexed, mode, rows))
    yield Case("vector_indexer-wide", ("VectorIndexerModel",), vector_indexed_wide)
    for mode in ("error", "skip"):
        yield Case(
            f"size_hint-{mode}", ("VectorSizeHint",), partial(hinted, mode, [VECTORS[0], VECTORS[7], None])
        )
    yield Case("size_hint-optimistic", ("VectorSizeHint",), partial(hinted, "optimistic", VECTORS))
