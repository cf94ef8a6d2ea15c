"""Export from a live Spark: containers, samples, refusals, and MLeap's names."""

from __future__ import annotations

import json
import tarfile
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import IndexToString, SQLTransformer, StringIndexer, VectorAssembler
from pyspark.ml.linalg import Vectors

import skewless
from skewless.errors import (
    ArtifactError,
    ParityError,
    SettingError,
    SkewlessError,
    UnsupportedError,
    ValueRefused,
)
from skewless.export.spark import to_arrow
from skewless.mleap import SimpleSparkSerializer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    rows = [
        ("a", 1.0, Vectors.dense([1.0, 2.0])),
        ("b", 2.0, Vectors.sparse(2, [1], [3.0])),
        ("b", -0.0, None),
    ]
    return spark.createDataFrame(rows, ["t", "d", "v"]).cache()


@pytest.fixture(scope="module")
def model(frame: DataFrame) -> PipelineModel:
    return Pipeline(stages=[StringIndexer(inputCol="t", outputCol="i")]).fit(frame)


@pytest.mark.parametrize("name", ["m.zip", "m.tar.gz", "m"])
def test_the_path_picks_the_container(
    model: PipelineModel, frame: DataFrame, tmp_path: Path, name: str
) -> None:
    path = skewless.spark.export(model, tmp_path / name, sample=frame)
    kinds = {"m.zip": zipfile.is_zipfile, "m.tar.gz": tarfile.is_tarfile, "m": Path.is_dir}
    assert kinds[name](path)
    assert skewless.load(path).row({"t": "a"}) == {"t": "a", "i": 1.0}


def test_the_bundle_is_mleaps(model: PipelineModel, frame: DataFrame, tmp_path: Path) -> None:
    folder = skewless.spark.export(model, tmp_path / "m", sample=frame)
    told = json.loads((folder / "bundle.json").read_text())
    assert told.keys() == {"uid", "name", "format", "version", "timestamp"}
    assert str(uuid.UUID(told["uid"])) == told["uid"]
    (stage,) = model.stages
    node = folder / "root" / f"{stage.uid}.node"
    assert json.loads((node / "node.json").read_text()) == {
        "name": stage.uid,
        "shape": {
            "inputs": [{"port": "input", "name": "t"}],
            "outputs": [{"port": "output", "name": "i"}],
        },
    }
    written = json.loads((node / "model.json").read_text())
    assert written["op"] == "string_indexer"
    assert written["attributes"]["labels_length"] == {"int": 1}
    assert written["attributes"]["labels_array_0"] == {"type": "list", "string": ["b", "a"]}
    assert written["attributes"]["handle_invalid"] == {"string": "error"}


def test_parity_rows_hold_inputs_and_every_stage(
    model: PipelineModel, frame: DataFrame, tmp_path: Path
) -> None:
    folder = skewless.spark.export(model, tmp_path / "m", sample=frame)
    manifest = json.loads((folder / "skewless/manifest.json").read_text())
    assert manifest["parity"] == 2  # distinct rows of the columns that are read
    assert manifest["engine"].startswith("pyspark 4")
    assert manifest["input"] == [{"name": "t", "type": "string", "struct": "basic"}]


def test_a_changed_label_is_found_at_load(model: PipelineModel, frame: DataFrame, tmp_path: Path) -> None:
    folder = skewless.spark.export(model, tmp_path / "m", sample=frame)
    file = next(folder.glob("root/*.node/model.json"))
    file.write_text(file.read_text().replace('"a"', '"A"'))
    with pytest.raises(ParityError, match=r"stage StringIndexer_\w+, column 't', row \d") as caught:
        skewless.load(folder)
    assert caught.value.stage == model.stages[0].uid


def test_export_without_sample(model: PipelineModel, tmp_path: Path) -> None:
    transform = skewless.load(skewless.spark.export(model, tmp_path / "m.zip"))
    assert transform.table(pa.table({"t": ["b"]})).column("i").to_pylist() == [0.0]


def test_a_vector_input_takes_its_length_from_the_sample(frame: DataFrame, tmp_path: Path) -> None:
    model = PipelineModel([VectorAssembler(inputCols=["v", "d"], outputCol="x", handleInvalid="skip")])
    present = frame.where("v is not null")
    transform = skewless.load(skewless.spark.export(model, tmp_path / "m.zip", sample=present))
    assert str(transform.input_schema) == "d: double, v: vector[2]"


def test_a_vector_of_unknown_length_is_refused(frame: DataFrame, tmp_path: Path) -> None:
    model = PipelineModel([VectorAssembler(inputCols=["v"], outputCol="x", handleInvalid="keep")])
    model.write().overwrite().save((tmp_path / "saved").as_uri())
    with pytest.raises(SkewlessError, match=r"x|v"):
        skewless.spark.export(model, tmp_path / "m.zip", sample=frame.limit(0))


def test_what_cannot_be_exported_is_named(frame: DataFrame, tmp_path: Path) -> None:
    model = PipelineModel([SQLTransformer(statement="SELECT sum(d) AS s FROM __THIS__")])
    with pytest.raises(
        UnsupportedError,
        match=r"SQLTransformer_\w+ \(org.apache.spark.ml.feature.SQLTransformer\): sum\(…\) aggregates",
    ):
        skewless.spark.export(model, tmp_path / "m.zip", sample=frame)
    assert not (tmp_path / "m.zip").exists()


@pytest.mark.parametrize("ansi", ["true", "false"])
def test_a_select_keeps_the_rules_of_its_session_and_what_it_leaves_out(
    spark: SparkSession, frame: DataFrame, tmp_path: Path, ansi: str
) -> None:
    statement = "SELECT d, 2147483647 + CAST(d AS INT) AS n FROM __THIS__ WHERE t <> 'b' OR d <= 0"
    model = PipelineModel([SQLTransformer(statement=statement)])
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        path = skewless.spark.export(model, tmp_path / "m.zip", sample=frame.where("d <= 0"))
    finally:
        spark.conf.unset("spark.sql.ansi.enabled")
    transform = skewless.load(path)
    assert set(transform.input_schema.names) == {"d", "t"}
    if ansi == "true":
        with pytest.raises(ValueRefused, match=r"column 'd'.*overflows"):
            transform.row({"t": "a", "d": 1.0})
    else:
        assert transform.row({"t": "a", "d": 1.0})["n"] == -2147483648


def test_an_estimator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="it is an estimator"):
        skewless.spark.export(StringIndexer(inputCol="t", outputCol="i"), tmp_path / "m.zip")


def test_a_sample_without_the_column_is_refused(
    model: PipelineModel, frame: DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="the sample has no column 't'"):
        skewless.spark.export(model, tmp_path / "m.zip", sample=frame.select("d"))


def test_a_sample_that_spark_refuses_is_refused(
    spark: SparkSession, model: PipelineModel, tmp_path: Path
) -> None:
    unseen = spark.createDataFrame([("new",)], "t string")
    with pytest.raises(SkewlessError, match="Spark itself cannot transform the sample"):
        skewless.spark.export(model, tmp_path / "m.zip", sample=unseen)


def test_convert_refuses_what_is_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such folder"):
        skewless.spark.convert(tmp_path / "nothing", tmp_path / "m.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="no saved Spark ML model"):
        skewless.spark.convert(tmp_path / "empty", tmp_path / "m.zip")


def test_mleaps_serializer(model: PipelineModel, frame: DataFrame, tmp_path: Path) -> None:
    serializer = SimpleSparkSerializer()
    path = f"jar:file:{tmp_path}/model.zip"
    serializer.serializeToBundle(model, path, model.transform(frame))
    again = serializer.deserializeFromBundle(path)
    assert to_arrow(again.transform(frame)).to_pylist() == to_arrow(model.transform(frame)).to_pylist()


def test_mleaps_serializer_takes_a_stage_that_is_no_pipeline(frame: DataFrame, tmp_path: Path) -> None:
    converter = IndexToString(inputCol="d", outputCol="cat", labels=["x", "y", "z"])
    SimpleSparkSerializer().serializeToBundle(converter, f"jar:file:{tmp_path}/post.zip", frame)
    transform = skewless.load(tmp_path / "post.zip")
    assert transform.row({"d": 2.0})["cat"] == "z"
