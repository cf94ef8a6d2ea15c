"""Saved ``xgboost.spark`` models are read from their folders as Spark wrote them; what cannot be equal is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import xgboost

from skewless.bundles import sparkml
from skewless.errors import ArtifactError, UnsupportedError
from skewless.schema import DOUBLE, Field, Schema, vector
from skewless.spec import Stage
from skewless.transforms.bind import bind
from tests.boosters.xgboost_models import FEATURES, saved

DEFAULTS: dict[str, Any] = {
    "featuresCol": "features",
    "features_cols": [],
    "predictionCol": "prediction",
    "missing": float("nan"),
    "iteration_range": None,
}
CLASSIFIER = {"rawPredictionCol": "raw", "probabilityCol": "probability"}
COLUMNS = [f"c{number}" for number in range(FEATURES)]


def folder(path: Path, kind: str, booster: bytes | str, **params: Any) -> Path:
    """A folder with metadata, and the booster in pieces as Spark divides it."""
    (path / "metadata").mkdir()
    defaults = {**DEFAULTS, **(CLASSIFIER if kind == "Classifier" else {})}
    about = {
        "class": f"xgboost.spark.estimator.SparkXGB{kind}Model",
        "uid": f"SparkXGB{kind}_1",
        "paramMap": params,
        "defaultParamMap": defaults,
    }
    (path / "metadata/part-00000").write_text(json.dumps(about) + "\n")
    (path / "model").mkdir()
    text = saved(booster, "json").decode() if isinstance(booster, str) else booster.decode()
    half = len(text) // 2
    (path / "model/part-00000").write_text(f"{text[:half]}\n{text[half:-9]}\n")
    (path / "model/part-00001").write_text(f"{text[-9:]}\n")
    return path


def read(path: Path, *known: Field) -> Stage:
    return sparkml.read(path, inputs=Schema(known) if known else None).root


def test_the_pieces_make_the_booster(tmp_path: Path) -> None:
    stage = read(folder(tmp_path, "Classifier", "softprob", missing=-999.0))
    assert stage.model.files["xgboost.model"] == saved("softprob", "json")
    assert stage.model.attributes.double("missing") == -999.0
    assert {socket.port: socket.column for socket in stage.outputs} == {
        "raw_prediction": "raw",
        "probability": "probability",
        "prediction": "prediction",
    }


@pytest.mark.parametrize(
    ("known", "read_from"),
    [
        ((), COLUMNS),
        ((Field("features", vector(FEATURES)),), ["features"]),
        ((Field("features", vector(FEATURES)), *(Field(name, DOUBLE) for name in COLUMNS)), COLUMNS),
    ],
)
def test_columns_or_the_one_with_all(tmp_path: Path, known: tuple[Field, ...], read_from: list[str]) -> None:
    """As the model itself chooses: its columns where they are there."""
    stage = read(folder(tmp_path, "Regressor", "regression", features_cols=COLUMNS), *known)
    assert [socket.column for socket in stage.inputs] == read_from


@pytest.mark.parametrize(("given", "limit"), [(None, 3), ([0, 0], 3), ([0, 2], 2), ([1, 2], 2)])
def test_rounds(tmp_path: Path, given: list[int] | None, limit: int) -> None:
    """Those up to the best, unless the user asked for others."""
    model = xgboost.Booster(model_file=bytearray(saved("forest")))
    model.set_attr(best_iteration="2")
    params = {"iteration_range": given}
    stage = read(folder(tmp_path, "Classifier", bytes(model.save_raw("json")), **params))
    attributes = stage.model.attributes
    # Each round of this forest has two trees for each of four classes, and MLeap divides by the former.
    assert attributes.integer("tree_limit") == 2 * limit
    assert attributes.integer("first_round", 0) == (given or [0])[0]


def test_contributions_are_bound_where_they_are_asked_for(tmp_path: Path) -> None:
    graph = sparkml.read(folder(tmp_path, "Ranker", "pairwise", pred_contrib_col="parts"))
    (stage,) = bind(graph).stages
    assert stage.produced == (Field("prediction", DOUBLE), Field("parts", vector(FEATURES + 1)))


@pytest.mark.parametrize(
    ("kind", "booster", "params", "said"),
    [
        ("Classifier", "softprob", {"pred_contrib_col": "c"}, "an array of arrays"),
        ("Classifier", "softprob", {"base_margin_col": "m"}, "cannot take its base margin from one column"),
        ("Classifier", "softmax", {}, "gives classes, not their probabilities"),
        ("Regressor", "quantile", {}, "predicts 2 numbers for a row"),
        ("Regressor", "regression", {"iteration_range": [0, 9]}, "Out of range for tree layers"),
        (
            "Regressor",
            "regression",
            {"iteration_range": [0, 2], "pred_contrib_col": "c"},
            "are of other rounds",
        ),
    ],
)
def test_what_is_refused_names_the_stage(
    tmp_path: Path, kind: str, booster: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnsupportedError, match=rf"stage SparkXGB{kind}_1 .*{said}") as refused:
        read(folder(tmp_path, kind, booster, **params))
    assert refused.value.hint


def test_a_damaged_booster_names_the_stage(tmp_path: Path) -> None:
    path = folder(tmp_path, "Regressor", "regression")
    (path / "model/part-00001").unlink()
    with pytest.raises(ArtifactError, match=r"SparkXGBRegressor_1 .*damaged: its JSON ends early"):
        read(path)
