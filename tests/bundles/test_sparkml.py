"""Reading what Spark saved: the names that stages get, and folders in which something is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.tuning import CrossValidator, TrainValidationSplit

from skewless.bundles import sparkml
from skewless.errors import ArtifactError
from tests.parity import cases_tuning

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_best_model_stands_under_the_name_of_what_tuned_it(spark: SparkSession, tmp_path: Path) -> None:
    """As MLeap writes it. The sub-models beside it are not read."""
    model, _ = cases_tuning.saved_by_python(TrainValidationSplit, False, spark)
    PipelineModel([model]).write().save((tmp_path / "saved").as_uri())
    (tuned,) = (tmp_path / "saved" / "stages").iterdir()
    shutil.rmtree(tuned / "subModels")
    stages = sparkml.read(tmp_path / "saved").root.stages
    assert [stage.name for stage in stages] == [f"{model.uid}_0", f"{model.uid}_1"]
    shutil.rmtree(tuned / "bestModel")
    with pytest.raises(ArtifactError, match="bestModel: no such folder"):
        sparkml.read(tmp_path / "saved")


def test_a_best_pipeline_too(spark: SparkSession, tmp_path: Path) -> None:
    model, _ = cases_tuning.saved_by_python(CrossValidator, True, spark)
    model.write().save((tmp_path / "saved").as_uri())
    root = sparkml.read(tmp_path / "saved").root
    (indexer,) = model.bestModel.stages
    assert (root.name, root.model.op) == (model.uid, "pipeline")
    assert [stage.name for stage in root.stages] == [f"{indexer.uid}_0", f"{indexer.uid}_1"]
