"""XGBoost's models in Spark as they are exported from a live session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import skewless
from skewless.export.spark import to_arrow
from tests.parity.cases_xgboost import pipeline
from tests.parity.harness import plain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_live_pipeline_travels_with_parity_rows(spark: SparkSession, tmp_path: Path) -> None:
    """Loading replays what the Python workers answered, through both kernels."""
    model, frame = pipeline(spark)
    transform = skewless.load(skewless.spark.export(model, tmp_path / "model.tar.gz", sample=frame))
    expected = to_arrow(model.transform(frame.coalesce(1)))
    made = transform.table(to_arrow(frame))
    for column in ("rawPrediction", "probability", "prediction"):
        assert plain(made.select([column])).equals(plain(expected.select([column])))
