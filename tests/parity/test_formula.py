"""Formulas and interactions beside what each stage's cases show: live export, labels that are missing, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.feature import Bucketizer, Interaction, RFormula, StringIndexer

import skewless
from skewless.errors import UnsupportedError, ValueRefused
from skewless.export.spark import to_arrow
from tests.parity.cases_formula import FITTED, FORMULA

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(FITTED, FORMULA).cache()


def test_a_formula_serves_without_its_label(rows: DataFrame, tmp_path: Path) -> None:
    """Exported with the label, so that parity rows have it; asked with and without."""
    model = RFormula(formula="y ~ s:t + x").fit(rows)
    transform = skewless.load(skewless.spark.export(model, tmp_path / "m", sample=rows))
    assert transform.input_schema.names == ("y", "s", "t", "x")
    assert transform.output_schema.names == ("y", "s", "t", "x", "features", "label")
    assert transform.answer.name == "features"
    with_label = to_arrow(rows)
    whole, bare = transform.table(with_label), transform.table(with_label.drop_columns(["y"]))
    assert whole.column("label").to_pylist() == [row["label"] for row in model.transform(rows).collect()]
    assert bare.column_names == ["s", "t", "x", "n", "b", "features"]
    assert bare.column("features") == whole.column("features")
    row = {"s": "a", "t": "p", "x": 1.0}
    assert transform.row(row) == {**row, "features": bare.column("features")[0].as_py()}
    assert transform.row({**row, "y": "no"})["label"] == 0.0
    with pytest.raises(ValueRefused, match=r"column 's'.* the value is missing"):
        transform.row({"y": "no", "t": "p", "x": 1.0})


def test_attributes_come_from_what_the_model_makes_of_the_sample(rows: DataFrame, tmp_path: Path) -> None:
    """Live, Spark tells of every column; from a folder, only some stages are known to make indices."""
    stages: list[Any] = [
        Bucketizer(splits=[-10.0, 0.0, 1.0, 10.0], inputCol="x", outputCol="bucket"),
        Interaction(inputCols=["bucket", "x"], outputCol="product"),
    ]
    model = Pipeline(stages=stages).fit(rows)
    transform = skewless.load(skewless.spark.export(model, tmp_path / "m", sample=rows))
    assert transform.row({"x": 0.5})["product"] == [0.0, 0.5, 0.0]
    model.write().overwrite().save((tmp_path / "saved").as_uri())
    with pytest.raises(UnsupportedError, match=r"Interaction_\w+ .*'bucket' are not known here.*sample=df"):
        skewless.spark.convert(tmp_path / "saved", tmp_path / "c", inputs=transform.input_schema)
    assert not (tmp_path / "c").exists()


def test_indices_are_known_without_java(rows: DataFrame, tmp_path: Path) -> None:
    stages: list[Any] = [
        StringIndexer(inputCols=["s", "t"], outputCols=["si", "ti"]),
        Interaction(inputCols=["si", "ti"], outputCol="product"),
    ]
    model = Pipeline(stages=stages).fit(rows)
    model.write().overwrite().save((tmp_path / "saved").as_uri())
    transform = skewless.load(skewless.spark.convert(tmp_path / "saved", tmp_path / "c"))
    expected = model.transform(rows).first()
    assert expected is not None
    assert transform.row({"s": "a", "t": "p"})["product"] == expected["product"].toArray().tolist()
