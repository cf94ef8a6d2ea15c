"""The metrics that the container adds to the library's, computed from labels and predictions.

As in the original: no row weighs more than another; the predicted class is the one of the greatest margin, or with one
margin a row, 1 above 0. Where a mean over classes meets a class without a prediction or a label, it counts as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from skewless.errors import HyperparameterError, TrainingDataError

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """For each class that is labelled or predicted: how many rows were so, rightly, and in all."""

    right: Numbers
    labelled: Numbers
    predicted: Numbers
    classes: npt.NDArray[np.int64]

    @property
    def precision(self) -> Numbers:
        return _share(self.right, self.predicted)

    @property
    def recall(self) -> Numbers:
        return _share(self.right, self.labelled)

    @property
    def f1(self) -> Numbers:
        return _share(2 * self.right, self.labelled + self.predicted)


def _share(some: Numbers, of: Numbers) -> Numbers:
    return np.divide(some, of, out=np.zeros_like(some), where=of > 0)


def _accuracy(counts: Counts) -> float:
    return float(counts.right.sum() / counts.labelled.sum())


def _balanced(counts: Counts) -> float:
    return float(counts.recall[counts.labelled > 0].mean())


def _mean(of: Callable[[Counts], Numbers]) -> Callable[[Counts], float]:
    return lambda counts: float(of(counts).mean())


def _binary(of: Callable[[Counts], Numbers]) -> Callable[[Counts], float]:
    """Of class 1, where there are no classes but 0 and 1."""

    def metric(counts: Counts) -> float:
        if not {*counts.classes.tolist()} <= {0, 1}:
            raise TrainingDataError(
                "Target is multiclass but average='binary'",
                hint="Choose the metric with _macro or _micro at its end.",
            )
        return float(of(counts)[counts.classes == 1].sum())

    return metric


_OF_CLASSES: Final[Mapping[str, Callable[[Counts], float]]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    "f1": _mean(lambda counts: counts.f1),
    "f1_binary": _binary(lambda counts: counts.f1),
    "f1_macro": _mean(lambda counts: counts.f1),
    "precision": _binary(lambda counts: counts.precision),
    "precision_macro": _mean(lambda counts: counts.precision),
    "precision_micro": _accuracy,
    "recall": _binary(lambda counts: counts.recall),
    "recall_macro": _mean(lambda counts: counts.recall),
    "recall_micro": _accuracy,
}
"""Each row has one class, so that precision and recall over all rows are the accuracy."""


def _mse(labels: Numbers, predictions: Numbers) -> float:
    return float(np.mean((labels - predictions) ** 2))


def _r2(labels: Numbers, predictions: Numbers) -> float:
    left, spread = np.sum((labels - predictions) ** 2), np.sum((labels - labels.mean()) ** 2)
    if not spread:
        return 1.0 if not left else 0.0
    return float(1 - left / spread)


_OF_NUMBERS: Final[Mapping[str, Callable[[Numbers, Numbers], float]]] = {"mse": _mse, "r2": _r2}

CUSTOM: Final = tuple(sorted({**_OF_CLASSES, **_OF_NUMBERS}))
"""Computed here and not by the library."""


def scores(
    names: Sequence[str], labels: npt.ArrayLike, margins: npt.ArrayLike, predictions: npt.ArrayLike
) -> dict[str, float]:
    """Some metrics of `CUSTOM` by name.

    ``margins`` has one number a row or one for each class, ``predictions`` what the objective makes of them.
    TrainingDataError for labels that are no classes, HyperparameterError for a metric of numbers on many a row.
    """
    wanted, found = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    counts = _counts(wanted, np.asarray(margins)) if any(name in _OF_CLASSES for name in names) else None
    made: dict[str, float] = {}
    for name in names:
        if counts is not None and name in _OF_CLASSES:
            made[name] = _OF_CLASSES[name](counts)
        elif found.ndim == 1:
            made[name] = _OF_NUMBERS[name](wanted, found)
        else:
            raise HyperparameterError(
                f"the metric {name} needs one prediction a row, not {found.shape[1]}",
                hint="Choose a metric of classes, such as accuracy or mlogloss.",
            )
    return made


def _counts(labels: Numbers, margins: npt.NDArray[Any]) -> Counts:
    if (labels != np.round(labels)).any():
        wrong = labels[labels != np.round(labels)][0]
        raise TrainingDataError(
            f"the label {wrong:g} is no class, and accuracy, f1, precision and recall need classes",
            hint="Choose a metric of numbers, such as rmse, mae, mse or r2.",
        )
    guessed = margins.argmax(axis=1) if margins.ndim > 1 else margins > 0
    classes, positions = np.unique(np.concatenate([labels, guessed]).astype(np.int64), return_inverse=True)
    actual, predicted = positions[: len(labels)], positions[len(labels) :]
    size = len(classes)
    return Counts(
        right=np.bincount(actual[actual == predicted], minlength=size).astype(np.float64),
        labelled=np.bincount(actual, minlength=size).astype(np.float64),
        predicted=np.bincount(predicted, minlength=size).astype(np.float64),
        classes=classes,
    )
