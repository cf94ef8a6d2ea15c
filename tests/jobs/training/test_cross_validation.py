"""k-fold cross-validation: its folds, its models, its predictions and its printed means."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.errors import TrainingDataError
from skewless.jobs.training.cross_validation import folds
from skewless.jobs.training.train import Round, TrainingResult, train
from tests.jobs.training.channels import Channels, loaded, unpacked, write_csv

BINARY = {"objective": "binary:logistic", "eval_metric": "logloss,accuracy", "num_round": "3", "nthread": "1"}


def run(channels: Channels, output: Path, given: dict[str, str], **more: Any) -> TrainingResult:
    quiet = {"on_round": lambda done: None}
    return train(channels.train, channels.validation, given, output, **{**quiet, **more})


def predictions(result: TrainingResult) -> Any:
    assert result.predictions is not None
    return np.loadtxt(result.predictions, delimiter=",")


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 2), min_size=5, max_size=60), size=st.integers(2, 5), seed=st.integers()
)
def test_folds(labels: list[int], size: int, seed: int) -> None:
    seed %= 2**31
    for classes in (labels, None):
        made = list(folds(classes, len(labels), size, seed))
        assert sorted(np.concatenate(made).tolist()) == list(range(len(labels)))
        assert {len(fold) for fold in made} <= {len(labels) // size, -(-len(labels) // size)}
        again = list(folds(classes, len(labels), size, seed))
        assert [fold.tolist() for fold in made] == [fold.tolist() for fold in again]
    for number in range(3):
        counts = [
            sum(labels[row] == number for row in fold) for fold in folds(labels, len(labels), size, seed)
        ]
        assert max(counts) - min(counts) <= 1, "every class is spread evenly"


def test_models_predictions_and_means(two: Channels, tmp_path: Path) -> None:
    rounds: list[Round] = []
    given = {**BINARY, "_kfold": "3", "_num_cv_round": "2"}
    result = run(two, tmp_path / "m.tar.gz", given, on_round=rounds.append)
    assert list(unpacked(result.output)) == [f"xgboost-model-{number}" for number in range(6)]
    assert (result.models, result.rounds, result.rows) == (6, 3, 400)
    assert result.predictions == tmp_path / "predictions.csv"
    # Three rounds of each of three models and their means, twice, then the means over both.
    assert [done.number for done in rounds] == ([0, 1, 2] * 3 + [3]) * 2 + [3]
    last = [rounds[place].scores for place in (2, 5, 8, 12, 15, 18)]
    assert rounds[9].scores == pytest.approx({name: np.mean([s[name] for s in last[:3]]) for name in last[0]})
    assert result.metrics == rounds[-1].scores
    assert result.metrics == pytest.approx({name: np.mean([s[name] for s in last]) for name in last[0]})
    number = r"\d\.\d{5}"
    assert re.fullmatch(
        rf"\[3\]\ttrain-logloss:{number}\tvalidation-logloss:{number}"
        rf"\ttrain-accuracy:{number}\tvalidation-accuracy:{number}",
        rounds[-1].line,
    )


def test_a_row_is_predicted_by_models_that_have_not_seen_it(two: Channels, tmp_path: Path) -> None:
    result = run(two, tmp_path / "m.tar.gz", {**BINARY, "_kfold": "4", "seed": "5"})
    models = [loaded(result.output, f"xgboost-model-{number}") for number in range(4)]
    answers = np.stack([model.predict(two.matrix(slice(None))) for model in models])
    own = np.empty(400, np.intp)
    for number, fold in enumerate(folds(two.labels, 400, 4, 5)):
        own[fold] = number
    expected = answers[own, np.arange(400)]
    text = (tmp_path / "predictions.csv").read_text().splitlines()
    assert text == [
        f"{label:f},{answer:f},{float(answer > 0.5):f}"
        for label, answer in zip(two.labels.tolist(), expected.tolist(), strict=True)
    ]
    held = [float(np.mean((expected[own == fold] > 0.5) == two.labels[own == fold])) for fold in range(4)]
    assert result.metrics["validation-accuracy"] == pytest.approx(np.mean(held))


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_classes(three: Channels, tmp_path: Path, objective: str) -> None:
    """The class most often predicted, and the mean of the probabilities of the predicted ones."""
    given = {"objective": objective, "num_class": "3", "num_round": "4", "nthread": "1"}
    result = run(three, tmp_path / "m.tar.gz", {**given, "_kfold": "2", "_num_cv_round": "3"})
    found = predictions(result)
    votes, chances = np.zeros((400, 3)), np.zeros(400)
    for repeat in range(3):
        for number, fold in enumerate(folds(three.labels, 400, 2, repeat)):
            model = loaded(result.output, f"xgboost-model-{2 * repeat + number}")
            rows = xgboost.DMatrix(three.features[fold])
            margins = model.predict(rows, output_margin=True).astype(np.float64)
            shares = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
            votes[fold, margins.argmax(axis=1)] += 1
            chances[fold] += shares.max(axis=1) / 3
    assert found[:, 0].tolist() == three.labels.tolist()
    np.testing.assert_allclose(found[:, 1], chances, atol=2e-6)
    assert found[:, 2].tolist() == votes.argmax(axis=1).tolist()


@pytest.mark.parametrize(
    "objective", ["reg:squarederror", "binary:hinge", "binary:logitraw", "count:poisson"]
)
def test_other_objectives(two: Channels, tmp_path: Path, objective: str) -> None:
    given = {"objective": objective, "num_round": "5", "nthread": "1", "_kfold": "2", "eta": "0.8"}
    found = predictions(run(two, tmp_path / "m.tar.gz", given))
    assert found.shape == (400, 3 if objective.startswith("binary:") else 2)
    assert ((found[:, -1] > 0.5) == two.labels).mean() > 0.7
    if objective.startswith("binary:"):
        assert ((found[:, 1] > 0.5) == found[:, 2]).all()
        assert (found[:, 1].min(), found[:, 1].max()) >= (0, 0.5)


def test_without_validation_and_with_early_stopping(two: Channels, tmp_path: Path) -> None:
    given = {**BINARY, "_kfold": "2", "early_stopping_rounds": "2", "num_round": "80", "eta": "1"}
    result = train(two.train, None, given, tmp_path / "m.tar.gz", on_round=lambda done: None)
    assert len(predictions(result)) == 300
    rounds = [loaded(result.output, f"xgboost-model-{number}").num_boosted_rounds() for number in range(2)]
    assert max(rounds) < 80


def test_checkpoints_of_folds(two: Channels, tmp_path: Path) -> None:
    given = {**BINARY, "_kfold": "2", "subsample": "0.5"}
    whole = run(two, tmp_path / "a.tar.gz", given, checkpoints=tmp_path / "all")
    stop = threading.Event()
    seen: list[Round] = []

    def note(done: Round) -> None:
        seen.append(done)
        if len(seen) == 5:
            stop.set()

    half = run(two, tmp_path / "b.tar.gz", given, checkpoints=tmp_path / "kept", on_round=note, stop=stop)
    assert (half.models, half.rounds, half.predictions) == (2, 2, None)
    assert half.notes[-1] == "told to stop: the model has the 2 rounds done until then"
    assert not (tmp_path / "kept" / "model-1" / "xgboost-checkpoint.2").exists()
    (tmp_path / "predictions.csv").unlink()
    again = run(two, tmp_path / "c.tar.gz", given, checkpoints=tmp_path / "kept")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "c.tar.gz").read_bytes()
    assert again.metrics == pytest.approx(whole.metrics)
    assert len(predictions(again)) == 400


def test_what_cannot_be_cross_validated(two: Channels, tmp_path: Path) -> None:
    few = write_csv(tmp_path / "few.csv", two.labels[:3], two.features[:3])
    with pytest.raises(TrainingDataError, match=r"3 row\(s\) cannot be put into 4 folds"):
        train(few, None, {**BINARY, "_kfold": "4"}, tmp_path / "m.tar.gz")
    queries = tmp_path / "queries"
    queries.write_text("".join(f"{row % 2} qid:{row // 4} 0:{row}\n" for row in range(40)))
    given = {"objective": "rank:pairwise", "num_round": "2", "_kfold": "2"}
    with pytest.raises(TrainingDataError, match="rows in queries cannot be cross-validated"):
        train(queries, None, given, tmp_path / "m.tar.gz", content_type="libsvm")
    assert [file.name for file in tmp_path.iterdir() if "m.tar" in file.name] == []
