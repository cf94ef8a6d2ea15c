"""What is never exported is refused by name, with its reason and a way out."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyspark.ml
import pytest
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.classification import OneVsRest
from pyspark.ml.clustering import LDA, PowerIterationClustering
from pyspark.ml.feature import Binarizer
from pyspark.ml.fpm import FPGrowth, PrefixSpan
from pyspark.ml.linalg import Vectors
from pyspark.ml.util import DefaultParamsWritable

import skewless.spark
from skewless.errors import SettingError, UnsupportedError
from skewless.ops import SPARK_READERS
from skewless.ops.refused import REFUSED, UNFITTED, refusal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# What other models inherit; nobody fits, saves or calls one of them itself.
BASES = {
    "pyspark.ml.clustering.LDAModel",
    "pyspark.ml.wrapper.JavaModel",
    "pyspark.ml.wrapper.JavaPredictionModel",
    "pyspark.ml.wrapper.JavaTransformer",
}
# What is read as the stages in it, by the bundle's reader and not by an op's.
HOLDERS = {
    "pyspark.ml.pipeline.PipelineModel",
    "pyspark.ml.tuning.CrossValidatorModel",
    "pyspark.ml.tuning.TrainValidationSplitModel",
}
# Packages that need others than Spark, and have no stage of a Pipeline: Connect's models are no Transformer.
APART = ("pyspark.ml.connect", "pyspark.ml.deepspeed", "pyspark.ml.tests", "pyspark.ml.torch")


def modules(path: Iterable[str], prefix: str) -> Iterator[ModuleType]:
    """All modules below a package, without those apart, which are not even imported: Connect may end the process."""
    for found in pkgutil.iter_modules(path, prefix):
        if not found.name.startswith(APART):
            module = importlib.import_module(found.name)
            yield module
            yield from modules(getattr(module, "__path__", ()), f"{found.name}.")


def kinds(of: type) -> Iterator[type]:
    """Every public class of pyspark.ml of a kind that can be made."""
    for module in modules(pyspark.ml.__path__, "pyspark.ml."):
        for kind in vars(module).values():
            is_own = inspect.isclass(kind) and kind.__module__ == module.__name__ and issubclass(kind, of)
            if is_own and not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
                yield kind


def names(of: type) -> list[str]:
    return sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds(of))


@pytest.mark.parametrize("python_class", names(Estimator))
def test_every_estimator_is_to_be_fitted_first(python_class: str) -> None:
    java_class = python_class.replace("pyspark.ml.", "org.apache.spark.ml.")
    assert refusal(python_class) is refusal(java_class) is UNFITTED
    assert java_class not in SPARK_READERS


@pytest.mark.parametrize("python_class", names(Transformer))
def test_every_transformer_is_read_or_refused_by_name(python_class: str) -> None:
    java_class = python_class.replace("pyspark.ml.", "org.apache.spark.ml.")
    known = {*SPARK_READERS, *REFUSED, *BASES, *HOLDERS}
    assert known & {python_class, java_class}


def test_bases_are_bases() -> None:
    by_name = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in kinds(Transformer)}
    assert {*BASES, *HOLDERS} <= by_name.keys()
    assert all(by_name[name].__subclasses__() for name in BASES)


def test_what_is_read_is_not_refused() -> None:
    assert not REFUSED.keys() & SPARK_READERS.keys()


def saved(folder: Path, spark_class: str) -> Path:
    """A folder as Spark saves a stage, of which only the metadata are looked at before it is refused."""
    told = {"class": spark_class, "uid": "Stage_1a2b", "paramMap": {}}
    (folder / "metadata").mkdir(parents=True)
    (folder / "metadata" / "part-00000").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("spark_class", "why", "way_out"),
    [
        *[(name, refused.why, refused.way_out) for name, refused in REFUSED.items()],
        ("org.apache.spark.ml.Pipeline", "it is an estimator", "Fit it"),
        ("pyspark.ml.pipeline.Pipeline", "it is an estimator", "Fit it"),
        ("org.apache.spark.ml.feature.StringIndexer", "it is an estimator", "Fit it"),
        ("pyspark.ml.tuning.CrossValidator", "it is an estimator", "Fit it"),
        ("org.apache.spark.ml.evaluation.RegressionEvaluator", "it measures", "Export the model"),
        ("org.apache.spark.ml.feature.NotYetMade", "this version does not know it", "VectorAssembler"),
        ("com.johnsnowlabs.nlp.DocumentAssembler", "not one of Spark's own stages", "without it"),
        ("org.apache.spark.mllib.clustering.KMeansModel", "older interface", "pyspark.ml"),
    ],
)
def test_a_saved_stage_is_refused_by_name(tmp_path: Path, spark_class: str, why: str, way_out: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        skewless.spark.convert(saved(tmp_path / "saved", spark_class), tmp_path / "m.zip")
    text = str(caught.value)
    assert spark_class in text
    assert "mllib" in spark_class or "stage Stage_1a2b:" in text
    assert why in text
    assert way_out in text
    assert not (tmp_path / "m.zip").exists()


class Same(Transformer, DefaultParamsWritable):
    """A stage in Python."""

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset


def test_fitted_models_are_refused_by_name(spark: SparkSession, tmp_path: Path) -> None:
    """As Spark really saves them, alone and inside a pipeline."""
    items = spark.createDataFrame([(["a", "b"],), (["a"],)], ["items"])
    counts = spark.createDataFrame([(Vectors.dense([1.0, 2.0]),), (Vectors.dense([0.0, 3.0]),)], ["features"])
    models: list[tuple[Any, str]] = [
        (FPGrowth(minSupport=0.1).fit(items), r"FPGrowth_\w+: .*FPGrowthModel .*its rules are not saved"),
        (LDA(k=2, maxIter=1, optimizer="em").fit(counts), r"LDA_\w+: .*DistributedLDAModel .*toLocal"),
        (PipelineModel([Binarizer(inputCol="x", outputCol="y"), Same()]), r"Same_\w+: .*Same .*own code"),
    ]
    for model, told in models:
        with pytest.raises(UnsupportedError, match=told):
            skewless.spark.export(model, tmp_path / "m.zip")


@pytest.mark.usefixtures("spark")
def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    for given, told in (
        (PrefixSpan(), "a PrefixSpan cannot be exported: it finds patterns"),
        (PowerIterationClustering(), "a PowerIterationClustering cannot be exported: it assigns"),
        (Pipeline(stages=[]), "a Pipeline cannot be exported: it is an estimator"),
        (OneVsRest(), "a OneVsRest cannot be exported: it is an estimator"),
        ("model.zip", "a str cannot be exported"),
    ):
        with pytest.raises(SettingError, match=told):
            skewless.spark.export(given, tmp_path / "m.zip")
