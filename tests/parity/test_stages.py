"""Each stage, fitted in real Spark, on hostile rows, in every mode; the cases stand in ``cases_*.py``."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.ml.feature import IndexToString, StringIndexer

import skewless
from skewless.export.spark import to_arrow
from skewless.ops import SPARK_READERS
from tests.parity.asked import lists_in_the_driver, settings
from tests.parity.generated import check_generated
from tests.parity.harness import Case, check

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES = [case for name in FAMILIES for case in importlib.import_module(f"tests.parity.{name}").cases()]
# Batches of generated rows for each case; `make parity` asks for more, with another seed each time.
BATCHES = int(os.environ.get("PARITY_EXAMPLES", "1"))
SEED = int(os.environ.get("PARITY_SEED", "0"))
# Spark 2.3's name for what became OneHotEncoderModel; no Spark 4 makes it.
GONE = {"OneHotEncoderEstimatorModel"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_stage(spark: SparkSession, tmp_path: Path, case: Case) -> None:
    with settings(spark, {"spark.sql.ansi.enabled": str(case.ansi).lower()}):
        with lists_in_the_driver():
            model, frame = case.build(spark)
        transform = check(model, frame, tmp_path)
        if BATCHES and case.generated:
            try:
                check_generated(case, model, frame, transform, BATCHES, SEED)
            except Exception as error:
                error.add_note(f"Again with PARITY_EXAMPLES={BATCHES} PARITY_SEED={SEED}.")
                raise


@pytest.mark.parametrize("spark_class", sorted(SPARK_READERS))
def test_every_stage_has_a_case(spark_class: str) -> None:
    short = spark_class.rpartition(".")[2]
    assert short in GONE or any(short in case.covers for case in CASES)


def test_labels_are_taken_from_the_column_where_the_stage_has_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    rows = spark.createDataFrame([("b",), ("a",), ("a",)], "x string")
    indexed = StringIndexer(inputCol="x", outputCol="i").fit(rows).transform(rows)
    model = IndexToString(inputCol="i", outputCol="y")
    path = skewless.spark.export(model, tmp_path / "m.zip", sample=indexed.select("i"))
    assert skewless.load(path).table(to_arrow(indexed)).column("y").to_pylist() == ["b", "a", "a"]
