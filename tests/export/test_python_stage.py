"""Python of one's own in real Spark: a stage like any other, and the same bits when it is served."""

# ruff: noqa: RUF012 - columns are declared as users write them

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.ml import Pipeline, PipelineModel

import skewless.spark
from skewless.errors import SettingError, SkewlessError, TrustError, UnsupportedError
from skewless.export.spark import to_arrow
from skewless.python_stage import PythonStage
from tests.conftest import ROOT
from tests.parity import own_stages
from tests.parity.own_stages import Clip, Fails, Shift, Unlike
from tests.test_docs import BLOCK

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS = [(1.0,), (None,), (math.inf,), (-7.5,)]


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, "x double")


def test_a_stage_like_any_other(frame: DataFrame, tmp_path: Path) -> None:
    stage = skewless.spark.stage(Clip(low=-2.0), outputs={"y": "z"})
    assert (stage.getInputCols(), stage.getOutputCols()) == (["x"], ["z", "sign", "above"])
    unfitted = Pipeline(stages=[stage])
    unfitted.write().overwrite().save((tmp_path / "unfitted").as_uri())
    model = Pipeline.load((tmp_path / "unfitted").as_uri()).fit(frame)
    model.write().overwrite().save((tmp_path / "fitted").as_uri())
    wanted = [(1.0, "+", False), (None, "ü", None), (1.0, "+", True), (-2.0, "-", False)]
    for one in (model, model.copy(), PipelineModel.load((tmp_path / "fitted").as_uri())):
        assert [tuple(row[1:]) for row in one.transform(frame).collect()] == wanted
    copied = stage.copy({stage.getParam("outputCols"): ["a", "b", "c"]}).fit(frame)
    assert copied.transform(frame).columns == ["x", "a", "b", "c"]
    assert copied.uid == stage.uid
    assert "high" not in vars(Clip(low=-2.0))


def test_live_and_saved_give_the_same_bundle(frame: DataFrame, tmp_path: Path) -> None:
    model = Pipeline(stages=[skewless.spark.stage(Clip())]).fit(frame)
    model.write().overwrite().save((tmp_path / "saved").as_uri())
    digests = set()
    for path in (
        skewless.spark.export(model, tmp_path / "live.zip", sample=frame),
        skewless.spark.convert(tmp_path / "saved", tmp_path / "converted.zip"),
    ):
        with pytest.raises(TrustError) as refused:
            skewless.load(path)
        digests.add(refused.value.digest)
        served = skewless.load(path, trust=digests)
        assert served.table(to_arrow(frame)).to_pylist() == to_arrow(model.transform(frame)).to_pylist()
    assert len(digests) == 1


def test_code_that_is_not_here_needs_trust(
    frame: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A saved model brings code along, too; the process that loads it may have another."""
    text = Path(own_stages.__file__).read_text()
    (tmp_path / "strange.py").write_text(text.replace("Unlike", "Strange"))
    monkeypatch.syspath_prepend(tmp_path)
    stage = skewless.spark.stage(importlib.import_module("strange").Fails())
    saved = (tmp_path / "saved").as_uri()
    stage.write().save(saved)
    some = frame.where("x < 0")
    assert type(stage).load(saved).transform(some).count() == 1
    (tmp_path / "strange.py").write_text(text)
    with pytest.raises(TrustError, match="import the module that defines it before loading") as refused:
        type(stage).load(saved).transform(some)
    monkeypatch.setenv("SKEWLESS_TRUST", refused.value.digest)
    assert type(stage).load(saved).transform(some).count() == 1


def test_functions_that_differ_are_found_in_training(spark: SparkSession, tmp_path: Path) -> None:
    frame = spark.createDataFrame([(float(number),) for number in range(50)], "x double")
    model = PipelineModel([skewless.spark.stage(Unlike())])
    said = r"column 'y'.*: Unlike\.columns gives \S+ where Unlike\.row gives \S+, for \d+\.0\. Both must"
    with pytest.raises(PySparkException, match=said):
        model.transform(frame).collect()
    with pytest.raises(SkewlessError, match=said):
        skewless.spark.export(model, tmp_path / "m.zip", sample=frame)
    assert not (tmp_path / "m.zip").exists()


def test_faults_are_told(spark: SparkSession, frame: DataFrame) -> None:
    model = skewless.spark.stage(Fails(), inputs={"x": "number"})
    said = r"stage Fails_\w+, column 'number': Fails\.row raised ZeroDivisionError: .* \(stage\.py, line \d+: ret"
    with pytest.raises(PySparkException, match=said):
        model.transform(spark.createDataFrame([(0.0,)], "number double")).collect()
    with pytest.raises(
        SettingError, match=r"column 'number' is int, but Fails declares x: double\. Cast it before"
    ):
        model.transform(spark.createDataFrame([(1,)], "number int"))
    with pytest.raises(SettingError, match=r"there is no column 'number'\. The frame has: x"):
        model.transform(frame)
    with pytest.raises(SettingError, match="there is already a column 'x'"):
        skewless.spark.stage(Unlike(), outputs={"y": "x"}).transform(frame)
    with pytest.raises(
        SkewlessError, match=r"stage Clip_\w+: Clip\.fit raised ValueError: .*stage\.py, line \d+"
    ):
        skewless.spark.stage(Clip()).fit(frame.where("x is null"))


class Unnamed(PythonStage):
    def row(self, x: Any) -> Any:
        return x


class Batches(PythonStage):
    inputs = {"x": "double"}
    outputs = {"y": "dubble"}


@pytest.mark.parametrize(
    ("own", "names", "said"),
    [
        (Unnamed(), {}, "Unnamed declares no inputs"),
        (Batches(), {}, "Batches.outputs: y has the type 'dubble', which does not exist"),
        (Clip(), {"z": "x"}, "Clip.inputs has no 'z' to rename. It has: x"),
        (Clip, {}, "a type is no PythonStage"),
        (Shift([1.0]), {}, None),
    ],
)
def test_what_is_declared_wrongly_is_named(own: Any, names: dict[str, str], said: str | None) -> None:
    if said is None:
        assert skewless.spark.stage(own, inputs=names).getInputCols() == ["slots"]
        return
    with pytest.raises(SettingError) as refused:
        skewless.spark.stage(own, inputs=names)
    assert said in str(refused.value)


def test_a_class_that_cannot_travel_is_refused_at_once() -> None:
    class Own(Clip):
        pass

    with pytest.raises(UnsupportedError, match="it is defined inside a function"):
        skewless.spark.stage(Own())


def test_the_pages_examples_run(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/own-python.md").read_text()
    module, *rest = [found["text"] for found in BLOCK.finditer(page) if found["kind"] == "python"]
    (tmp_path / "ratios.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    # Spark would save beside where it was started.
    text = "\n".join(rest).replace("ratios-model", (tmp_path / "ratios-model").as_uri())
    seen: dict[str, Any] = {}
    exec(text, seen)
    assert seen["spark"] is spark
    assert (tmp_path / "ratios-model").is_dir()
