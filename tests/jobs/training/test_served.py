"""What was trained is served: the container answers with the library's own predictions, in every format and form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

import skewless
from skewless.jobs.training.train import train
from tests.jobs.training.channels import Channels, loaded

ROWS = [[0.5, -1.0, 0.25, 3.0], [-2.0, 1.5, 0.0, -0.75]]


def served(artifact: Path) -> Any:
    """What the pipeline of this model alone answers; loading it replays the parity rows."""
    file = artifact.with_name("pipeline.yaml")
    file.write_text(json.dumps({"containers": [{"image": "xgboost", "model_data": artifact.name}]}))
    body = "\n".join(",".join(map(repr, row)) for row in ROWS).encode()
    with skewless.load_pipeline(file) as pipeline:
        answer = pipeline.invoke(body, "text/csv", "application/json")
    return [one["score"] for one in json.loads(answer.body)["predictions"]]


def predicted(artifact: Path, file: str = "xgboost-model") -> Any:
    return loaded(artifact, file).predict(xgboost.DMatrix(np.array(ROWS, np.float32), nthread=1))


@pytest.mark.parametrize(
    "given",
    [
        {
            "objective": "binary:logistic",
            "eval_metric": "f1",
            "early_stopping_rounds": "2",
            "num_round": "20",
        },
        {"objective": "multi:softprob", "num_class": "2"},
        {"objective": "survival:aft"},
        {"objective": "reg:squarederror", "booster": "dart", "rate_drop": "0.3"},
        {"objective": "count:poisson", "booster": "gblinear", "updater": "coord_descent"},
    ],
    ids=lambda given: given["objective"],
)
def test_models(two: Channels, tmp_path: Path, given: dict[str, str]) -> None:
    file = two.train
    if given["objective"] == "survival:aft":
        file = tmp_path / "times.csv"
        file.write_text(two.train.read_text().replace("\n0.0,", "\n-2.0,").replace("0.0,", "3.0,", 1))
    values = {"num_round": "4", "nthread": "1", **given}
    artifact = tmp_path / "m.tar.gz"
    train(file, None, values, artifact, on_round=lambda done: None)
    np.testing.assert_array_equal(np.float32(served(artifact)), predicted(artifact))


def test_a_model_of_sparse_rows(tmp_path: Path) -> None:
    """What a row does not name was missing in training, and so is an empty cell in serving."""
    lines = [f"{row % 2} " + (f"0:{row % 5} 3:1" if row % 2 else f"1:{row % 3} 2:0") for row in range(80)]
    (tmp_path / "data").write_text("\n".join(lines))
    artifact = tmp_path / "m.tar.gz"
    given = {"num_round": "4", "nthread": "1", "objective": "binary:logistic"}
    train(tmp_path / "data", None, given, artifact, content_type="libsvm", on_round=lambda done: None)
    np.testing.assert_array_equal(np.float32(served(artifact)), predicted(artifact))


def test_folds_serve_as_one(two: Channels, tmp_path: Path) -> None:
    artifact = tmp_path / "m.tar.gz"
    given = {"num_round": "4", "nthread": "1", "objective": "binary:logistic", "_kfold": "3"}
    train(two.train, two.validation, given, artifact, on_round=lambda done: None)
    own = [predicted(artifact, f"xgboost-model-{number}") for number in range(3)]
    np.testing.assert_allclose(served(artifact), np.mean(own, axis=0), rtol=1e-6)
