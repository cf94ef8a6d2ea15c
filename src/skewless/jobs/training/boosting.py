"""One training by the library: round after round, judged, stopped early, kept in checkpoints."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import xgboost

from skewless.errors import SkewlessError
from skewless.jobs.training import metrics
from skewless.jobs.training.checkpoints import Checkpoints
from skewless.jobs.training.hyperparameter_rules import Values, words
from skewless.jobs.training.hyperparameters import TABLE
from skewless.jobs.training.library_errors import cleaned, refusal
from skewless.jobs.training.matrices import matrix_of
from skewless.jobs.training.rows import Features, TrainingData
from skewless.jobs.training.stopping import EarlyStopping

Note = Callable[[str], None]

_TOGGLES: Final = {
    False: ("tree_method", ("exact", "hist")),
    True: ("updater", ("grow_colmaker", "grow_quantile_histmaker")),
}
_SPREAD: Final = 1_000_003
"""A prime: the rounds of neighbouring seeds draw different numbers."""
_WARNINGS: Final = 1
"""The library's verbosity where nobody asks for another: its warnings, and what is worse."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round, counted from 0, with its scores by ``train-rmse`` and the like."""

    number: int
    scores: Mapping[str, float]

    @property
    def line(self) -> str:
        """As the built-in algorithm logs it; dashboards and tuning jobs read these lines."""
        return "\t".join(
            [f"[{self.number}]", *(f"{name}:{score:.5f}" for name, score in self.scores.items())]
        )


@dataclass(frozen=True, slots=True)
class Boosted:
    """A trained model; ``metrics`` are the scores of the last of its ``rounds``, ``best`` early stopping's choice."""

    model: bytes
    rounds: int
    rounds_run: int
    best: int | None
    metrics: Mapping[str, float]


class _Metrics(NamedTuple):
    """What is computed each round: by the library, by ourselves; and the one that early stopping watches."""

    library: list[str]
    custom: list[str]
    watched: str | None


class Boosting:
    """One run of the library on the parts ``train`` and, where there is one, ``validation``."""

    def __init__(
        self,
        values: Values,
        parts: Mapping[str, TrainingData],
        on_round: Callable[[Round], None],
        note: Note,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._values = values
        self._parts = parts
        self._on_round = on_round
        self._note = note
        self._checkpoints = checkpoints
        self._metrics = _metrics(values)
        self._is_slice = values.get("booster", "gbtree") == "gbtree"
        self._kept = b""
        self._stopping = self._early_stopping()
        self._scores: dict[int, Mapping[str, float]] = {}

    def run(self, stopped: threading.Event) -> Boosted:
        """Train, until ``stopped`` is set at the most, which is looked at after each round.

        HyperparameterError, TrainingDataError or TrainingFailed where the library refuses.
        """
        with library(self._values, self._note):
            matrices = {name: matrix_of(part, name, self._values) for name, part in self._parts.items()}
            booster, start = self._begun(matrices)
            for number in range(start, _integer(self._values, "num_round") or 0):
                if self._is_over(number - 1):
                    break
                if self._checkpoints:
                    self._seed(booster, number)
                booster.update(matrices["train"], number)
                self._judge(booster, number, matrices)
                if stopped.is_set():
                    break
            return self._boosted(booster.reset(), start, matrices)

    def _begun(self, matrices: Mapping[str, xgboost.DMatrix]) -> tuple[xgboost.Booster, int]:
        """The booster to train on with, and the round it begins with: after the newest checkpoint."""
        found = self._checkpoints.newest(self._note) if self._checkpoints else None
        if found is None:
            return xgboost.Booster(self._parameters(), list(matrices.values())), 0
        number, model = found
        booster = xgboost.Booster(self._parameters(), list(matrices.values()), bytearray(model))
        self._note(f"training goes on from the checkpoint of round {number}")
        if self._stopping:
            self._stopping.resume(booster.attr("best_iteration"), booster.attr("best_score"))
            if not self._is_slice and self._stopping.best is not None and self._checkpoints:
                self._kept = self._checkpoints.model(self._stopping.best)
        return booster, number + 1

    def _judge(self, booster: xgboost.Booster, number: int, matrices: Mapping[str, xgboost.DMatrix]) -> None:
        """Score a round, tell of it, and keep it."""
        scores, watched = self._evaluated(booster, number, matrices)
        self._scores[number] = scores
        improved = False
        if self._stopping and watched is not None:
            improved = self._stopping.improves(number, watched)
            booster.set_attr(**self._stopping.attributes)
        # Trees of gbtree never change later, so that the best model is cut from the last. A later round of dart or
        # gblinear does change what was: their model is kept as it is at its best.
        is_kept = improved and not self._is_slice
        if is_kept or self._checkpoints:
            model = bytes(booster.save_raw("ubj"))
            if is_kept:
                self._kept = model
            if self._checkpoints:
                best = self._stopping.best if self._stopping and not self._is_slice else None
                self._checkpoints.save(number, model, best=best)
        self._on_round(Round(number, scores))

    def _evaluated(
        self, booster: xgboost.Booster, number: int, matrices: Mapping[str, xgboost.DMatrix]
    ) -> tuple[dict[str, float], float | None]:
        """A round's scores, and the one that early stopping watches."""
        found: dict[str, float] = {}
        watched = None
        for name, matrix in matrices.items():
            # The library's name of a metric is not always the one that was asked for: error@0.5 is its error.
            for part in booster.eval_set([(matrix, name)], number).split("\t")[1:]:
                key, _, score = part.rpartition(":")
                found[key] = watched = float(score)
            if self._metrics.custom:
                own = metrics.scores(
                    self._metrics.custom,
                    matrix.get_label(),
                    booster.predict(matrix, output_margin=True),
                    booster.predict(matrix),
                )
                found |= {f"{name}-{metric}": score for metric, score in own.items()}
                if self._metrics.watched in own:
                    watched = own[self._metrics.watched]
        return found, watched

    def _boosted(
        self, booster: xgboost.Booster, start: int, matrices: Mapping[str, xgboost.DMatrix]
    ) -> Boosted:
        best = self._stopping.best if self._stopping else None
        run = len(self._scores)
        last = start + run - 1 if best is None else best
        if best is None:
            model = bytes(booster.save_raw("ubj"))
        elif self._is_slice:
            # Updated trees are those of a checkpoint anew, from its first.
            first = start if self._values.get("process_type") == "update" else 0
            chosen = booster[: best + 1 - first]
            chosen.set_attr(**{name: booster.attr(name) for name in ("best_iteration", "best_score")})
            model = bytes(chosen.save_raw("ubj"))
        else:
            model = self._kept
        saved = xgboost.Booster(model_file=bytearray(model))
        scores = self._scores.get(last)
        if scores is None:
            for name in self._metrics.library:
                saved.set_param("eval_metric", name)
            scores, _ = self._evaluated(saved, last, matrices)
        return Boosted(model, saved.num_boosted_rounds(), run, best, scores)

    def _parameters(self) -> dict[str, Any]:
        """The hyperparameters the library knows; it keeps its own defaults for the others."""
        given: dict[str, Any] = {
            name: value for name, value in self._values.items() if TABLE[name].for_library
        }
        if "updater" in given:
            given["updater"] = ",".join(words(self._values, "updater"))
        given.pop("eval_metric", None)
        if self._metrics.library:
            given["eval_metric"] = self._metrics.library
        return given

    def _seed(self, booster: xgboost.Booster, number: int) -> None:
        """Let a round draw numbers that depend on nothing but the seed and the round.

        A training that goes on from a checkpoint would draw others than one that was never interrupted. The library
        has no word for it (its seed_per_iteration does not reach what samples rows and columns), but it makes its
        updaters anew, and with them their generators, where they become others and the former again.
        """
        if self._values.get("booster") == "gblinear":
            return  # it draws none, and would lose its eta
        name, others = _TOGGLES["updater" in self._values]
        mine = str(self._parameters().get(name, "auto"))
        booster.set_param(name, next(other for other in others if other != mine))
        booster.save_config()
        booster.set_param(name, mine)
        seed = _integer(self._values, "seed") or 0
        booster.set_param("seed", str((seed * _SPREAD + number) % 2**31))

    def _early_stopping(self) -> EarlyStopping | None:
        """Early stopping, where the built-in algorithm would have it: on one metric of the validation data."""
        rounds = _integer(self._values, "early_stopping_rounds")
        if rounds is None:
            return None
        if "validation" not in self._parts:
            self._note("early_stopping_rounds has no effect without validation data")
            return None
        if self._metrics.watched is None:
            self._note("early_stopping_rounds has no effect without eval_metric")
            return None
        return EarlyStopping(self._metrics.watched, rounds)

    def _is_over(self, number: int) -> bool:
        return self._stopping is not None and self._stopping.is_over(number)


def predicted(model: bytes, features: Features, values: Values, note: Note) -> tuple[Any, Any]:
    """Margins and predictions of a model as any reader will load it."""
    with library(values, note):
        loaded = xgboost.Booster()
        loaded.load_model(bytearray(model))
        matrix = xgboost.DMatrix(features, missing=np.nan)
        return loaded.predict(matrix, output_margin=True), loaded.predict(matrix)


@contextmanager
def library(values: Values, note: Note) -> Iterator[None]:
    """The library's errors as ours and its warnings as notes; what it changes in its own settings is undone."""
    error: SkewlessError | None = None
    # An earlier training in this process may have asked it to be silent, which it stays.
    with warnings.catch_warnings(record=True) as said, xgboost.config_context(verbosity=_WARNINGS):
        warnings.simplefilter("always")
        try:
            yield
        except xgboost.core.XGBoostError as refused:
            error = refusal(str(refused), values)
    for text in dict.fromkeys(cleaned(str(warning.message)) for warning in said):
        note(f"XGBoost {xgboost.__version__}: {text}")
    if error:
        raise error


def _metrics(values: Values) -> _Metrics:
    """The metrics to compute, each once; the one that early stopping watches is the last of its kind."""
    tuned = str(values.get("_tuning_objective_metric", "")).removeprefix("validation:")
    asked = [*words(values, "eval_metric"), *([tuned] if tuned else [])]
    names = list(dict.fromkeys(reversed(asked)))[::-1]
    custom = [name for name in names if name in metrics.CUSTOM]
    return _Metrics([name for name in names if name not in custom], custom, names[-1] if names else None)


def _integer(values: Values, name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) else None
