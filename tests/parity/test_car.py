"""The car example, whole: every one of the 1,728 cars, through every way there is."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from pyspark.ml import PipelineModel

import skewless
from skewless.datasets import CAR_COLUMNS, car_evaluation
from skewless.export.spark import to_arrow
from skewless.transforms.parity import bits
from tests.conftest import Cars
from tests.parity.harness import plain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CARS = [row[:-1] for row in car_evaluation()]


@pytest.fixture(scope="module")
def by_spark(spark: SparkSession, cars: Cars) -> pa.Table:
    """Spark's own transform of all cars, in the file's order, by the model it saved itself."""
    frame = spark.createDataFrame(CARS, list(CAR_COLUMNS)).coalesce(1)
    model = PipelineModel.load((cars.folder / "saved").as_uri())
    return plain(to_arrow(model.transform(frame)))


def test_the_data_is_the_published_set(cars: Cars) -> None:
    digest = hashlib.sha256(cars.data.read_bytes()).hexdigest()
    assert digest == "b703a9ac69f11e64ce8c223c0a40de4d2e9d769f7fb20be5f8f2e8a619893d83"


def features(table: pa.Table) -> Any:
    return np.array(table.column("features").to_pylist(), np.float64)


def test_row_table_and_spark_give_the_same_bits(cars: Cars, by_spark: pa.Table) -> None:
    transform = skewless.load(cars.folder / "model.tar.gz")
    source = pa.table({name: [car[slot] for car in CARS] for slot, name in enumerate(CAR_COLUMNS)})
    by_table = transform.table(source)
    by_row = [transform.row(dict(zip(CAR_COLUMNS, car, strict=True))) for car in CARS]
    assert by_table.column_names == by_spark.column_names == list(by_row[0])
    for name in by_spark.column_names:
        assert by_table.column(name).to_pylist() == by_spark.column(name).to_pylist()
        assert [row[name] for row in by_row] == by_spark.column(name).to_pylist()
    expected = bits(features(by_spark))
    assert (bits(features(by_table)) == expected).all()
    assert (bits(np.array([row["features"] for row in by_row])) == expected).all()


def test_both_ways_of_export_give_the_same_model(cars: Cars) -> None:
    live = skewless.load(cars.folder / "model.tar.gz")
    converted = skewless.load(skewless.spark.convert(cars.folder / "saved", cars.folder / "converted.zip"))
    assert [stage.op for stage in live.stages] == [stage.op for stage in converted.stages]
    assert live.output_schema == converted.output_schema


def test_all_ways_of_running_give_the_same_labels(
    cars: Cars, car_pipeline: Path, by_spark: pa.Table, tmp_path: Path
) -> None:
    shutil.unpack_archive(cars.folder / "xgb.tar.gz", tmp_path)
    booster = xgboost.Booster(model_file=bytearray((tmp_path / "xgboost-model").read_bytes()))
    indices = booster.predict(xgboost.DMatrix(features(by_spark).astype(np.float32)))
    labels = (cars.folder / "labels.txt").read_text().split("\n")
    expected = [labels[int(index)] for index in indices]

    lines = [",".join(car) for car in CARS]
    body = "\n".join(lines).encode()
    with (
        skewless.load_pipeline(car_pipeline) as fused,
        skewless.load_pipeline(car_pipeline, fused=False) as hop_by_hop,
    ):
        assert fused.invoke(body) == hop_by_hop.invoke(body)
        assert fused.invoke(body)[0].decode().split("\n") == expected
        assert [fused.invoke(line.encode())[0].decode() for line in lines] == expected
        sample = range(0, len(lines), 61)
        assert [hop_by_hop.invoke(lines[n].encode())[0].decode() for n in sample] == [
            expected[n] for n in sample
        ]


def test_training_reads_what_spark_wrote(cars: Cars, by_spark: pa.Table) -> None:
    """The rows that XGBoost learns from are the features that serving makes, zeros included."""
    parts = [*(cars.folder / "train").glob("part-*"), *(cars.folder / "validation").glob("part-*")]
    rows = [line.split(",")[1:] for part in parts for line in part.read_text().split()]
    written = sorted(tuple(map(float, row)) for row in rows)
    assert written == sorted(map(tuple, by_spark.column("features").to_pylist()))


def test_the_published_row_is_a_very_good_car(car_pipeline: Path) -> None:
    with skewless.load_pipeline(car_pipeline) as pipeline:
        assert pipeline.invoke(b"low,low,5more,more,big,high")[:2] == (b"vgood", "text/csv")
