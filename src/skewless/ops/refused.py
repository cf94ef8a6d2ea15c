"""Spark classes that are never exported, with the reason and the way out; and what is said of classes nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from skewless.ops.op import SPARK_READERS

_SPARK: Final = "org.apache.spark.ml."
_PYSPARK: Final = "pyspark.ml."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a class is not exported, as what follows "cannot be exported: ", and what to do instead."""

    why: str
    way_out: str


UNFITTED: Final = Refusal(
    "it is an estimator, which knows nothing of the data yet",
    "Fit it, and export the model that fit() gives.",
)
_EVALUATOR: Final = Refusal(
    "it measures predictions and transforms nothing",
    "Export the model whose predictions it measured.",
)
_PYTHON_CLASSIFIER: Final = Refusal(
    "it was saved by Python, so its classifier is Python code, whose fitted values cannot be read",
    "Fit the OneVsRest with one of Spark's own classifiers.",
)
_BOOSTER: Final = Refusal(
    "its trees are XGBoost's own, and stand in the folder in a form of their own",
    "Leave it out of the pipeline, save model.nativeBooster, and serve that in an xgboost container after this one.",
)

REFUSED: Final[Mapping[str, Refusal]] = MappingProxyType(
    {
        f"{_SPARK}fpm.FPGrowthModel": Refusal(
            "its rules are not saved: Spark derives them from the itemsets anew at every transform, in an order "
            "that varies from run to run",
            "Write model.associationRules to a table, and look baskets up there.",
        ),
        f"{_SPARK}fpm.PrefixSpan": Refusal(
            "it finds patterns in a whole frame and has no model that transforms rows",
            "Write what findFrequentSequentialPatterns gives to a table, and look sequences up there.",
        ),
        f"{_SPARK}clustering.DistributedLDAModel": Refusal(
            "its topics are spread over a graph of the training documents, and it infers with a random seed of its own",
            "Export model.toLocal(), or fit LDA with optimizer='online'.",
        ),
        f"{_SPARK}clustering.PowerIterationClustering": Refusal(
            "it assigns clusters to the vertices of one graph and has no model for new rows",
            "Write what assignClusters gives to a table and join it by id, or fit a KMeans.",
        ),
        # Only a OneVsRest that Java cannot save is saved under this name.
        f"{_PYSPARK}classification.OneVsRestModel": _PYTHON_CLASSIFIER,
        "ml.dmlc.xgboost4j.scala.spark.XGBoostClassificationModel": _BOOSTER,
        "ml.dmlc.xgboost4j.scala.spark.XGBoostRegressionModel": _BOOSTER,
    }
)

_ESTIMATORS: Final = frozenset(
    f"{_SPARK}{name}"
    for name in (
        "Pipeline",
        "pipeline.Pipeline",
        "classification.DecisionTreeClassifier",
        "classification.FMClassifier",
        "classification.GBTClassifier",
        "classification.LinearSVC",
        "classification.LogisticRegression",
        "classification.MultilayerPerceptronClassifier",
        "classification.NaiveBayes",
        "classification.OneVsRest",
        "classification.RandomForestClassifier",
        "clustering.BisectingKMeans",
        "clustering.GaussianMixture",
        "clustering.KMeans",
        "clustering.LDA",
        "feature.BucketedRandomProjectionLSH",
        "feature.ChiSqSelector",
        "feature.CountVectorizer",
        "feature.IDF",
        "feature.Imputer",
        "feature.MaxAbsScaler",
        "feature.MinHashLSH",
        "feature.MinMaxScaler",
        "feature.OneHotEncoder",
        "feature.PCA",
        "feature.QuantileDiscretizer",
        "feature.RFormula",
        "feature.RobustScaler",
        "feature.StandardScaler",
        "feature.StringIndexer",
        "feature.TargetEncoder",
        "feature.UnivariateFeatureSelector",
        "feature.VarianceThresholdSelector",
        "feature.VectorIndexer",
        "feature.Word2Vec",
        "fpm.FPGrowth",
        "recommendation.ALS",
        "regression.AFTSurvivalRegression",
        "regression.DecisionTreeRegressor",
        "regression.FMRegressor",
        "regression.GBTRegressor",
        "regression.GeneralizedLinearRegression",
        "regression.IsotonicRegression",
        "regression.LinearRegression",
        "regression.RandomForestRegressor",
        "tuning.CrossValidator",
        "tuning.TrainValidationSplit",
    )
)


def refusal(spark_class: str) -> Refusal:
    """Why a class without a reader is not exported; Python's name of a class stands for Java's too."""
    if spark_class in REFUSED:
        return REFUSED[spark_class]
    java = _SPARK + spark_class.removeprefix(_PYSPARK) if spark_class.startswith(_PYSPARK) else spark_class
    if java in REFUSED:
        return REFUSED[java]
    if java in _ESTIMATORS:
        return UNFITTED
    if java.startswith(f"{_SPARK}evaluation."):
        return _EVALUATOR
    if java.startswith(_SPARK):
        return Refusal(
            "this version does not know it",
            f"It can export: {', '.join(sorted(c.rpartition('.')[2] for c in SPARK_READERS))}.",
        )
    return Refusal(
        "it is not one of Spark's own stages, and what it computes is known to its own code alone",
        "Put one of Spark's stages in its place, write it as a skewless.PythonStage, or compute its column before the "
        "pipeline and export the rest: "
        "PipelineModel([stages without it]).",
    )
