"""The container's own metrics: its tests' vectors, and scikit-learn's numbers for whatever else there is."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from skewless.errors import HyperparameterError, TrainingDataError
from skewless.jobs.training import metric_names
from skewless.jobs.training.metrics import CUSTOM, scores
from skewless.jobs.training.stopping import MAXIMISED, EarlyStopping

TWO = np.array([0] * 5 + [1] * 5)
THREE = np.array([0] * 2 + [1] * 5 + [2] * 3)
ONES = np.ones(10)
ALL_ONE = np.tile([0.0, 1.0, 0.0], (10, 1))


def score(name: str, labels: Any, margins: Any, predictions: Any = None) -> float:
    return scores([name], labels, margins, margins if predictions is None else predictions)[name]


@pytest.mark.parametrize(
    ("name", "labels", "margins", "wanted"),
    [
        ("accuracy", TWO, ONES, 0.5),
        ("balanced_accuracy", TWO, ONES, 0.5),
        ("f1", TWO, ONES, 1 / 3),
        ("f1_macro", TWO, ONES, 1 / 3),
        ("f1_binary", TWO, ONES, 2 / 3),
        ("precision", TWO, ONES, 0.5),
        ("recall", TWO, ONES, 1.0),
        ("accuracy", THREE, ALL_ONE, 0.5),
        ("balanced_accuracy", THREE, ALL_ONE, 1 / 3),
        ("f1", THREE, ALL_ONE, 2 / 9),
        ("f1_macro", THREE, ALL_ONE, 2 / 9),
        ("precision_macro", THREE, ALL_ONE, 1 / 6),
        ("precision_micro", THREE, ALL_ONE, 1 / 2),
        ("recall_macro", THREE, ALL_ONE, 1 / 3),
        ("recall_micro", THREE, ALL_ONE, 1 / 2),
        ("mse", TWO, ONES, 0.5),
        ("r2", TWO, ONES, -1.0),
    ],
)
def test_vectors(name: str, labels: Any, margins: Any, wanted: float) -> None:
    assert score(name, labels, margins) == pytest.approx(wanted)


def test_every_custom_metric_can_be_named() -> None:
    assert set(CUSTOM) == set(metric_names.CUSTOM)
    assert {name.partition("@")[0] for name in metric_names.NAMES} >= MAXIMISED


SKLEARN = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "f1": lambda y, p: theirs.f1_score(y, p, average="macro"),
    "f1_macro": lambda y, p: theirs.f1_score(y, p, average="macro"),
    "precision_macro": lambda y, p: theirs.precision_score(y, p, average="macro"),
    "precision_micro": lambda y, p: theirs.precision_score(y, p, average="micro"),
    "recall_macro": lambda y, p: theirs.recall_score(y, p, average="macro"),
    "recall_micro": lambda y, p: theirs.recall_score(y, p, average="micro"),
}
BINARY = {
    "f1_binary": theirs.f1_score,
    "precision": theirs.precision_score,
    "recall": theirs.recall_score,
}


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_classes_as_scikit_learn_counts_them(rows: list[tuple[int, int]]) -> None:
    labels, guessed = (np.array(column) for column in zip(*rows, strict=True))
    margins = np.eye(4)[guessed]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes without a label or a prediction
        for name, function in SKLEARN.items():
            assert score(name, labels, margins) == pytest.approx(function(labels, guessed)), name
        for name, function in BINARY.items():
            wanted = function(labels % 2, guessed % 2)
            assert score(name, labels % 2, guessed % 2 - 0.5) == pytest.approx(wanted), name


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=12))
def test_numbers_as_scikit_learn_counts_them(rows: list[tuple[int, int]]) -> None:
    labels, predictions = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    assert score("mse", labels, predictions) == pytest.approx(theirs.mean_squared_error(labels, predictions))
    assert score("r2", labels, predictions) == pytest.approx(theirs.r2_score(labels, predictions))


def test_a_class_is_told_by_the_margin() -> None:
    assert score("accuracy", [0, 1, 0, 1], [-1e-9, 1e-9, 0.0, 3.0], [0.5, 0.5, 0.5, 0.9]) == 1


@pytest.mark.parametrize("name", BINARY)
def test_metrics_of_two_classes(name: str) -> None:
    with pytest.raises(TrainingDataError, match="Target is multiclass but average='binary'"):
        score(name, THREE, ALL_ONE)


def test_labels_that_are_no_classes() -> None:
    with pytest.raises(TrainingDataError, match=r"the label 0\.5 is no class"):
        score("accuracy", [1, 0.5], [1.0, 0.0])


def test_numbers_need_one_prediction() -> None:
    with pytest.raises(HyperparameterError, match="the metric r2 needs one prediction a row, not 3"):
        score("r2", THREE, ALL_ONE)


@pytest.mark.parametrize(
    ("metric", "history", "best", "last"),
    [
        ("rmse", [3, 2, 2, 2.5, 1], 1, 3),
        ("auc", [3, 2, 2, 2.5, 1], 0, 2),
        ("mape", [3, 2, 4, 4], 1, 3),
        ("map@2", [1, 2, 3, 3, 3], 2, 4),
        ("error@0.7", [1, 2, 3, 3, 3], 0, 2),
        ("interval-regression-accuracy", [0.1, 0.2, 0.2, 0.1], 1, 3),
        ("rmse", [float("nan"), 1, 1], 0, 2),
    ],
)
def test_when_it_stops(metric: str, history: list[float], best: int, last: int) -> None:
    stopping = EarlyStopping(metric, 2)
    ran = -1
    for number, value in enumerate(history):
        ran = number
        assert stopping.improves(number, float(value)) is (stopping.best == number)
        if stopping.is_over(number):
            break
    assert (stopping.best, ran) == (best, last)
    again = EarlyStopping(metric, 2)
    again.resume(*stopping.attributes.values())
    assert again.attributes == stopping.attributes
    assert again.is_over(last)
