"""k-fold cross-validation: a model for each fold, trained on all other rows, and what it predicts for its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from skewless.errors import TrainingDataError
from skewless.jobs.training.boosting import Boosted, Boosting, Note, Round, predicted
from skewless.jobs.training.checkpoints import Checkpoints
from skewless.jobs.training.hyperparameter_rules import Values
from skewless.jobs.training.rows import TrainingData, joined

PREDICTIONS_FILE: Final = "predictions.csv"

Rows = npt.NDArray[np.intp]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """One model for each fold of each repeat; ``predictions`` is the text of the file, None where it was stopped."""

    folds: Sequence[Boosted]
    metrics: Mapping[str, float]
    predictions: str | None


def cross_validate(
    values: Values,
    parts: Mapping[str, TrainingData],
    stopped: threading.Event,
    on_round: Callable[[Round], None],
    note: Note,
    checkpoints: Checkpoints | None,
) -> CrossValidated:
    """Train on all channels together, ``_kfold`` times in each of ``_num_cv_round`` repeats.

    Each model is judged on the rows that it has not seen. TrainingDataError where the rows are too few, or in queries.
    """
    data = joined(list(parts.values()))
    size, repeats = _integer(values, "_kfold"), _integer(values, "_num_cv_round")
    _check(data, size)
    by_class = _is_classification(values)
    record = _Record(data.labels, repeats, str(values.get("objective", "")) if by_class else None)
    done: list[Boosted] = []
    for repeat in range(repeats):
        for held in folds(
            data.labels if by_class else None, data.rows, size, _integer(values, "seed", 0) + repeat
        ):
            rest = np.setdiff1d(np.arange(data.rows), held, assume_unique=True)
            note(
                f"fold {len(done) % size + 1} of {size}"
                + (f", repeat {repeat + 1} of {repeats}" if repeats > 1 else "")
            )
            own = checkpoints.of_fold(len(done)) if checkpoints else None
            pair = {"train": data.taken(rest), "validation": data.taken(held)}
            done.append(Boosting(values, pair, on_round, note, own).run(stopped))
            if stopped.is_set():
                return CrossValidated(done, _means(done), None)
            record.add(repeat, held, *predicted(done[-1].model, pair["validation"].features, values, note))
        on_round(Round(_integer(values, "num_round"), _means(done[-size:])))
    if repeats > 1:
        on_round(Round(_integer(values, "num_round"), _means(done)))
    return CrossValidated(done, _means(done), record.text())


def folds(labels: npt.ArrayLike | None, rows: int, size: int, seed: int) -> Iterator[Rows]:
    """The rows of each fold, in order: shuffled, and with labels every class spread evenly over the folds."""
    order = np.random.default_rng(abs(seed)).permutation(rows)
    if labels is not None:
        order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    for fold in range(size):
        yield np.sort(order[fold::size])


class _Record:
    """What was predicted for each row, once a repeat; ``objective`` where it is a class."""

    def __init__(self, labels: npt.ArrayLike, repeats: int, objective: str | None) -> None:
        self._labels = np.asarray(labels, np.float64)
        self._objective = objective
        self._predicted = np.zeros((len(self._labels), repeats))
        self._probable = np.zeros_like(self._predicted)

    def add(self, repeat: int, rows: Rows, margins: Numbers, predictions: Numbers) -> None:
        if self._objective is None:
            self._predicted[rows, repeat] = predictions
        elif margins.ndim > 1:
            powers = np.exp(margins - margins.max(axis=1, keepdims=True))
            self._predicted[rows, repeat] = margins.argmax(axis=1)
            self._probable[rows, repeat] = 1 / powers.sum(axis=1)
        else:
            self._predicted[rows, repeat] = margins > 0
            is_raw = self._objective == "binary:logitraw"
            self._probable[rows, repeat] = 1 / (1 + np.exp(-margins)) if is_raw else predictions

    def text(self) -> str:
        """Label, for classes the mean probability, and the prediction: the mean, or the class most often predicted."""
        if self._objective is None:
            columns = [self._labels, self._predicted.mean(axis=1)]
        else:
            columns = [self._labels, self._probable.mean(axis=1), _most_frequent(self._predicted)]
        return "".join(",".join(f"{value:f}" for value in row) + "\n" for row in zip(*columns, strict=True))


def _most_frequent(predicted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The most frequent value of each row, of equally frequent ones the least."""
    classes = np.unique(predicted)
    counts = np.stack([(predicted == one).sum(axis=1) for one in classes])
    return np.asarray(classes[counts.argmax(axis=0)])


def _means(done: Sequence[Boosted]) -> Mapping[str, float]:
    """Of each metric, the mean score of the training and of the held rows."""
    metrics = [name.removeprefix("train-") for name in done[0].metrics if name.startswith("train-")]
    names = [f"{part}-{metric}" for metric in metrics for part in ("train", "validation")]
    return {name: float(np.mean([one.metrics[name] for one in done])) for name in names}


def _is_classification(values: Values) -> bool:
    return "num_class" in values or str(values.get("objective", "")).startswith("binary:")


def _check(data: TrainingData, size: int) -> None:
    if data.groups is not None:
        raise TrainingDataError(
            "rows in queries cannot be cross-validated", hint="Leave _kfold or the qid out."
        )
    if data.rows < size:
        raise TrainingDataError(
            f"{data.rows} row(s) cannot be put into {size} folds", hint="Give _kfold less."
        )


def _integer(values: Values, name: str, default: int = 1) -> int:
    value = values.get(name, default)
    assert isinstance(value, int)
    return value
