"""Tuned models are their best model: saved by Java and by Python, alone, inside pipelines, and pipelines themselves."""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, OneVsRest
from pyspark.ml.evaluation import Evaluator, MulticlassClassificationEvaluator
from pyspark.ml.feature import Binarizer, StringIndexer, VectorAssembler
from pyspark.ml.linalg import Vectors
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.ml.util import DefaultParamsWritable
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case


class Rows(Evaluator, DefaultParamsWritable):
    """An evaluator in Python, which makes Python save the tuned model: the number of rows."""

    def _evaluate(self, dataset: DataFrame) -> float:
        return float(dataset.count())


def fitted(tuner: Any, rows: DataFrame) -> Any:
    """The tuned model; pyspark leaves its pools of threads to the garbage, which Python warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        model = tuner.fit(rows)
        gc.collect()
    return model


def mixed(spark: SparkSession) -> DataFrame:
    """Labels, a category and a number, two rows of each label in every half."""
    rows = [(float(n % 3), "ab"[n % 2], "ü" if n % 4 else "", n / 7 - 0.5) for n in range(12)]
    return spark.createDataFrame(rows, "label double, c string, d string, x double").coalesce(1)


def hostile(spark: SparkSession) -> DataFrame:
    rows = [("a", "", 0.5), ("b", "ü", -0.0), ("b", "ü", math.inf), ("a", "", math.nan), ("a", "ü", 5e-324)]
    return spark.createDataFrame([*rows, ("new", "", 1.0), (None, "ü", 1.0)], "c string, d string, x double")


def tuning(estimator: Any, regression: LogisticRegression, **more: Any) -> dict[str, Any]:
    grid = ParamGridBuilder().addGrid(regression.regParam, [0.3]).build()
    evaluator = MulticlassClassificationEvaluator()
    return {"estimator": estimator, "estimatorParamMaps": grid, "evaluator": evaluator, "seed": 3, **more}


def cross_validated(spark: SparkSession) -> tuple[Any, DataFrame]:
    """With its sub-models saved beside the best one."""
    rows = spark.createDataFrame(
        [(float(n % 2), Vectors.dense([n / 3, -n % 5])) for n in range(8)], ["label", "features"]
    )
    regression = LogisticRegression(maxIter=1)
    chosen = tuning(regression, regression, numFolds=2, collectSubModels=True)
    vectors = [Vectors.dense([-0.0, math.nan]), Vectors.sparse(2, [1], [2.0]), Vectors.dense([math.inf, 1.0])]
    frame = spark.createDataFrame([(vector,) for vector in vectors], ["features"])
    return fitted(CrossValidator(**chosen), rows.coalesce(1)), frame


def split_over_a_pipeline(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Inside a pipeline, which Python saves then; what stands behind it reads what its best model makes."""
    regression = LogisticRegression(maxIter=1, family="multinomial")
    inner = Pipeline(
        stages=[
            StringIndexer(inputCols=["c", "d"], outputCols=["i", "j"], handleInvalid="keep"),
            VectorAssembler(inputCols=["i", "j", "x"], outputCol="features", handleInvalid="skip"),
            regression,
        ]
    )
    split = TrainValidationSplit(**tuning(inner, regression, trainRatio=0.5))
    binarizer = Binarizer(inputCol="prediction", outputCol="y", threshold=0.5)
    return fitted(Pipeline(stages=[split, binarizer]), mixed(spark)), hostile(spark)


def one_vs_rest(spark: SparkSession) -> tuple[Any, DataFrame]:
    """A OneVsRest is tuned, and its best is a pipeline that only Python can save."""
    regression = LogisticRegression(maxIter=1)
    assembler = VectorAssembler(inputCols=["x"], outputCol="features", handleInvalid="keep")
    inner = Pipeline(stages=[assembler, OneVsRest(classifier=regression)])
    best = fitted(CrossValidator(**tuning(inner, regression, numFolds=2)), mixed(spark))
    return PipelineModel([PipelineModel([best])]), hostile(spark).select("x")


def saved_by_python(kind: type[Any], inside: bool, spark: SparkSession) -> tuple[Any, DataFrame]:
    """With its sub-models; the best model becomes several ops, ``inside`` a pipeline or alone."""
    indexer = StringIndexer(inputCols=["c", "d"], outputCols=["i", "j"], handleInvalid="keep")
    grid = ParamGridBuilder().addGrid(indexer.stringOrderType, ["alphabetAsc", "frequencyDesc"]).build()
    estimator = Pipeline(stages=[indexer]) if inside else indexer
    tuner = kind(
        estimator=estimator, estimatorParamMaps=grid, evaluator=Rows(), collectSubModels=True, seed=3
    )
    return fitted(tuner, mixed(spark)), hostile(spark)


def cases() -> Iterator[Case]:
    """All of them."""
    yield Case("tuning-cross_validated", ("CrossValidatorModel",), cross_validated)
    yield Case("tuning-split", ("TrainValidationSplitModel",), split_over_a_pipeline)
    yield Case("tuning-one_vs_rest", ("CrossValidatorModel", "OneVsRestModel"), one_vs_rest)
    for kind in (CrossValidator, TrainValidationSplit):
        name = f"{kind.__name__}Model"
        yield Case(
            f"tuning-python-{kind.__name__}", (name,), partial(saved_by_python, kind, kind is CrossValidator)
        )
