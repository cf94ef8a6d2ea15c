"""Hostile rows for interactions, R formulas and cosine transforms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import (
    DCT,
    Interaction,
    Normalizer,
    OneHotEncoder,
    RFormula,
    StringIndexer,
    VectorAssembler,
)
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, FloatType, IntegerType, LongType, StructField, StructType

from tests.parity.harness import Case

NUMBERS = [0.0, -0.0, -1.5, math.nan, math.inf, 5e-324, 1e300]


def nominal(count: int) -> dict[str, Any]:
    return {"ml_attr": {"type": "nominal", "num_vals": count}}


def interacted_numbers(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Products that depend on the order of their factors, and zeros that overflow."""
    kinds = {"d": DoubleType(), "i": IntegerType(), "l": LongType(), "f": FloatType()}
    rows: list[Any] = [(value, 3, 2**53 + 1, 0.1) for value in NUMBERS]
    rows += [(1.1, 0, -7, -0.0), (math.inf, 0, 1, 1.0), (1e200, 7, -(2**63), 3e38), (0.1, 3, 7, 1e-45)]
    frame = spark.createDataFrame(rows, StructType([StructField(name, kind) for name, kind in kinds.items()]))
    return PipelineModel([Interaction(inputCols=list(kinds), outputCol="y")]), frame


def interacted_indices(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Indices by numbers, few slots and many, as the stages before make them; nulls and what is no index."""
    kinds = {
        "x": StructField("x", DoubleType(), True, nominal(3)),
        "z": StructField("z", IntegerType(), True, nominal(2)),
        "one": StructField("one", DoubleType(), True, nominal(1)),
        "d": StructField("d", DoubleType(), True, {"ml_attr": {"type": "binary"}}),
    }
    rows: list[Any] = [(2.0, 1, value, value) for value in NUMBERS]
    rows += [
        (-0.0, 0, 7.0, 2.0),
        (1.0, 1, 0.5, 0.0),
        (0.5, 0, 1.0, 1.0),
        (3.0, 0, 1.0, 1.0),
        (-1.0, 0, 1.0, 1.0),
    ]
    rows += [(math.nan, 0, 1.0, 1.0), (None, 0, 1.0, 1.0), (0.0, None, 1.0, 1.0), (0.0, 2, 1.0, 1.0)]
    rows += [(0.0, 0, None, 1.0), (0.0, 0, 1.0, None)]
    frame = spark.createDataFrame(rows, StructType(list(kinds.values())))
    stages: list[Any] = [
        Interaction(inputCols=names, outputCol="".join(names)) for names in (["x", "d"], ["x", "z", "d"])
    ]
    stages += [Interaction(inputCols=["d", "one", "x", "z"], outputCol="all")]
    return PipelineModel(stages), frame


def interacted_vectors(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Vectors, dense and sparse, with numbers and indices among their slots."""
    listed = {"nominal": [{"idx": 1, "vals": ["p", "q", "r"]}], "binary": [{"idx": 2}]}
    attributes = {"ml_attr": {"num_attrs": 3, "attrs": listed}}
    plain = {"ml_attr": {"num_attrs": 2, "attrs": {}}}
    fields = [StructField("v", VectorUDT(), True, attributes), StructField("w", VectorUDT(), True, plain)]
    one, two = Vectors.dense([-0.0, 2.0, 3.0]), SparseVector(3, [1], [2.0])
    rows = [
        (one, Vectors.dense([1.0, math.inf]), 0.0),
        (one, SparseVector(2, [0], [math.nan]), 1.0),
        (two, Vectors.dense([0.1, -0.0]), 1.0),
        (two, SparseVector(2, [], []), 0.0),
        (SparseVector(3, [0, 2], [-1.5, 7.0]), Vectors.dense([0.3, 5e-324]), -0.0),
        (Vectors.dense([1.0, 0.0, math.nan]), Vectors.dense([1.0, 2.0]), 1.0),
        (Vectors.dense([1.0, 3.0, 0.0]), Vectors.dense([1.0, 2.0]), 1.0),
        (SparseVector(3, [1], [0.5]), Vectors.dense([1.0, 2.0]), 1.0),
        (None, Vectors.dense([1.0, 2.0]), 1.0),
        (one, None, 1.0),
    ]
    frame = spark.createDataFrame(
        rows, StructType([*fields, StructField("x", DoubleType(), True, nominal(2))])
    )
    stages: list[Any] = [
        Interaction(inputCols=names, outputCol="".join(names)) for names in (["v", "w"], ["x", "v", "w"])
    ]
    return PipelineModel(stages), frame


def interacted_chain(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Attributes that earlier stages make, and a product wide enough to stay sparse."""
    rows = [(text, f"{text}{number % 9}", float(number)) for number, text in enumerate("aßcdefghij" * 5)]
    frame = spark.createDataFrame(rows, "x string, z string, d double")
    stages: list[Any] = [
        StringIndexer(inputCols=["x", "z"], outputCols=["xi", "zi"], handleInvalid="keep"),
        OneHotEncoder(inputCols=["xi"], outputCols=["xv"]),
        VectorAssembler(inputCols=["xv", "d", "zi"], outputCol="va"),
        Interaction(inputCols=["xi", "zi"], outputCol="both"),
        Interaction(inputCols=["d", "va", "xi"], outputCol="wide"),
        Interaction(inputCols=["both", "d"], outputCol="again"),
    ]
    hostile = [("a", "a0", 1.5), ("ß", "ß1", -0.0), ("new", None, math.inf), (None, "", 0.0)]
    return Pipeline(stages=stages).fit(frame), spark.createDataFrame(hostile, frame.schema)


FORMULA = "y string, s string, t string, x double, n int, b boolean"
FITTED = [
    ("yes", "a", "p", 1.0, 2, True),
    ("no", "ß", "q", 2.0, 3, False),
    ("yes", "a", "q", -1.0, 4, True),
    ("no", " ", "p", 0.5, 5, False),
    ("no", "ß", "r", 0.1, -5, False),
]
UNSEEN = [
    ("yes", "new", "p", 1.0, 2, True),
    ("yes", "a", None, 1.0, 2, True),
    ("maybe", "a", "p", 1.0, 2, True),
]
GAPS = [
    ("yes", "a", "p", math.nan, 2, True),
    ("yes", "a", "p", None, 2, True),
    ("no", "a", "q", 1.0, None, True),
]
SMALL = [
    ("no", "a", "q", -0.0, 0, None),
    ("no", " ", "r", 5e-324, 1, True),
    (None, "ß", "p", math.inf, 1, False),
]


def formula(
    text: str, hostile: list[Any], params: dict[str, Any], spark: SparkSession
) -> tuple[Any, DataFrame]:
    """A formula, fitted on a few rows, for these and hostile ones."""
    fitted = spark.createDataFrame(FITTED, FORMULA)
    model = RFormula(formula=text, **params).fit(fitted)
    return PipelineModel([model]), spark.createDataFrame([*FITTED, *hostile], FORMULA)


def formula_without_label(text: str, spark: SparkSession) -> tuple[Any, DataFrame]:
    model, frame = formula(text, [], {}, spark)
    return model, frame.drop("y")


def formula_and_model(text: str, learner: Callable[[], Any], spark: SparkSession) -> tuple[Any, DataFrame]:
    """A formula with what learns from it, asked without the label."""
    rows = spark.createDataFrame(FITTED, FORMULA)
    fitted = Pipeline(stages=[RFormula(formula=text), learner()]).fit(rows)
    return fitted, rows.drop("y")


FORMULAS: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "error": ("y ~ s + t:x + n + b", [*UNSEEN[:1], *GAPS[:1]], {}),
    "keep": ("y ~ s + x + s:t", [*UNSEEN, *GAPS[:1], *SMALL[1:]], {"handleInvalid": "keep"}),
    "skip": ("y ~ s - 1 + t + x + n + b", [*UNSEEN, *GAPS, *SMALL], {"handleInvalid": "skip"}),
    "dot": (
        "x ~ . - t",
        SMALL[:2],
        {"featuresCol": "f", "labelCol": "goal", "stringIndexerOrderType": "alphabetDesc"},
    ),
    "indexed": ("n ~ s:t + s:x", [], {"forceIndexLabel": True, "stringIndexerOrderType": "alphabetAsc"}),
    "boolean": ("b ~ (s + x + n) ^ 2", [*SMALL[:1], (*FITTED[0][:5], None)], {}),
    "no_label": ("~ x + n:x + t:n", [], {}),
}


def transformed(length: int, spark: SparkSession) -> tuple[Any, DataFrame]:
    """Cosine transforms there and back; rows are normed first, as infinities are refused that Spark answers."""
    slots = list(range(0, length, 3))
    rows: list[Any] = [
        Vectors.dense([0.1] * length),
        Vectors.dense([(-1.3) ** (slot % 40) for slot in range(length)]),
        Vectors.dense([math.nan, *[1.0] * (length - 1)]),
        Vectors.dense([5e-324, *[-0.0] * (length - 1)]),
        SparseVector(length, slots, [1e300 / (slot + 1) for slot in slots]),
        SparseVector(length, [], []),
        None,
    ]
    field = StructField("x", VectorUDT(), True, {"ml_attr": {"num_attrs": length}})
    stages: list[Any] = [
        Normalizer(p=1.0, inputCol="x", outputCol="n"),
        DCT(inputCol="n", outputCol="y"),
        DCT(inputCol="y", outputCol="z", inverse=True),
        DCT(inputCol="n", outputCol="i", inverse=True),
    ]
    return PipelineModel(stages), spark.createDataFrame([(row,) for row in rows], StructType([field]))


def cases() -> Iterator[Case]:
    """All of them."""
    for build in (interacted_numbers, interacted_indices, interacted_vectors, interacted_chain):
        yield Case(build.__name__, ("Interaction",), build)
    for name, (text, hostile, params) in FORMULAS.items():
        yield Case(f"formula-{name}", ("RFormulaModel",), partial(formula, text, hostile, params))
    yield Case("formula-without_label", ("RFormulaModel",), partial(formula_without_label, "y ~ s + x:t"))
    # Made where a Spark runs, not where the cases are listed.
    learners: dict[str, tuple[str, Callable[[], Any]]] = {
        "logistic": ("y ~ s + x:t", partial(LogisticRegression, maxIter=3)),
        "linear": ("x ~ s + n - 1", partial(GeneralizedLinearRegression, family="gaussian", maxIter=3)),
    }
    for name, (text, learner) in learners.items():
        yield Case(f"formula-{name}", ("RFormulaModel",), partial(formula_and_model, text, learner))
    for length in (1, 7, 16, 1500):
        yield Case(f"transformed-{length}", ("DCT",), partial(transformed, length))
