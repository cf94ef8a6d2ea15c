"""Train as the built-in XGBoost algorithm does: its hyperparameters, channels, log lines, early stopping and artifact.

The only module that imports the xgboost package; nothing that serves imports this one.
"""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import xgboost
from xgboost.callback import EarlyStopping, TrainingCallback

from skewless.errors import SkewlessError
from skewless.jobs.training.channel_files import same_content
from skewless.jobs.training.data import TrainingData, read_train, read_validation
from skewless.jobs.training.gaps import refuse_gaps
from skewless.jobs.training.hyperparameter_rules import Values, words
from skewless.jobs.training.hyperparameters import TABLE, validate
from skewless.jobs.training.library_errors import cleaned, refusal
from skewless.jobs.training.model_archive import check_output, write_archive
from skewless.jobs.training.parity_rows import PARITY_FILE, parity_file, sample

MODEL_FILE: Final = "xgboost-model"

Note = Callable[[str], None]


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
class TrainingResult:
    """What came of a training: the rounds in the saved model, and the scores of its last one."""

    output: Path
    rounds: int
    rounds_run: int
    best_iteration: int | None
    """The round early stopping chose, from 0; None where it was not watching."""
    metrics: Mapping[str, float]
    rows: int
    features: int
    notes: tuple[str, ...]


def print_round(done: Round) -> None:
    """One line on standard output, at once."""
    print(done.line, flush=True)


def train(
    train: Path | str,
    validation: Path | str | None,
    hyperparameters: Mapping[str, Any],
    output: Path | str,
    *,
    on_round: Callable[[Round], None] = print_round,
    on_note: Note = lambda note: None,
    stop: threading.Event | None = None,
) -> TrainingResult:
    """Train on one channel, judge on the other, and write the artifact.

    The training ends after the round in which ``stop`` is set; without one, SIGTERM may set it, as the hyperparameter
    ``save_model_on_termination`` says.
    HyperparameterError, UnsupportedError, SettingError or TrainingDataError say what was wrong; then nothing is
    written. Notes are things worth knowing that stop nothing: given to ``on_note`` as they arise, and in the result.
    """
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        on_note(text)

    output = Path(output)
    checked = validate(hyperparameters)
    for text in checked.notes:
        note(text)
    refuse_gaps(checked.values)
    check_output(output)
    data, judge = _channels(train, validation, checked.values, note)
    is_caught = checked.values.get("save_model_on_termination") == "true"
    with nullcontext(stop) if stop is not None else _termination(is_caught) as stopped:
        job = _Job(checked.values, data, judge, on_round, note)
        model, rounds = job.run(stopped)
        write_archive(output, {MODEL_FILE: model, PARITY_FILE: job.parity(model)})
    if stopped.is_set():
        note(f"told to stop: the model has the {len(job.scores)} rounds done until then")
    return TrainingResult(
        output=output,
        rounds=rounds,
        rounds_run=len(job.scores),
        best_iteration=job.best,
        metrics=job.scores[rounds - 1],
        rows=data.rows,
        features=data.width,
        notes=tuple(notes),
    )


def _channels(
    train: Path | str, validation: Path | str | None, values: Values, note: Note
) -> tuple[TrainingData, TrainingData | None]:
    data = read_train(Path(train), weighted=values.get("csv_weights") == 1)
    if validation is None:
        return data, None
    judge = read_validation(Path(validation), data)
    for one, other in same_content(data.files, judge.files):
        note(f"{one} and {other} have the same content: a score on rows trained on says nothing")
    return data, judge


class _Job:
    """One run of the library. ``scores`` holds those of every round, ``best`` the round early stopping chose."""

    def __init__(
        self,
        values: Values,
        data: TrainingData,
        judge: TrainingData | None,
        on_round: Callable[[Round], None],
        note: Note,
    ) -> None:
        self.values = values
        self.parts = {"train": data} | ({"validation": judge} if judge else {})
        self.scores: list[Mapping[str, float]] = []
        self.best: int | None = None
        self._on_round = on_round
        self._note = note
        self._metrics = _metrics(values)

    def run(self, stopped: threading.Event) -> tuple[bytes, int]:
        """Train, until ``stopped`` is set at the most; gives the model to be saved and how many rounds it has."""
        stopping = self._stopping()
        with self._library():
            watched = [(self._matrix(part), name) for name, part in self.parts.items()]
            booster = xgboost.train(
                self._parameters(),
                watched[0][0],
                _integer(self.values, "num_round") or 0,
                evals=watched,
                verbose_eval=False,
                # In this order: a callback that ends the training keeps those after it from being called.
                callbacks=[_Reporter(self._report), *stopping, _Stop(stopped)],
            )
            if stopping:
                self.best = booster.best_iteration
                return stopping[1].best(booster), self.best + 1
            return bytes(booster.save_raw("ubj")), len(self.scores)

    def parity(self, model: bytes) -> bytes:
        """The parity file, predicted by the model as any reader will load it."""
        rows = sample([part.features for part in self.parts.values()])
        with self._library():
            loaded = xgboost.Booster()
            loaded.load_model(bytearray(model))
            predictions = loaded.predict(xgboost.DMatrix(rows, missing=np.nan))
        return parity_file(rows, predictions, model, xgboost.__version__)

    def _matrix(self, part: TrainingData) -> xgboost.DMatrix:
        return xgboost.DMatrix(
            part.features,
            part.labels,
            weight=part.weights,
            missing=np.nan,
            nthread=_integer(self.values, "nthread"),
        )

    def _parameters(self) -> dict[str, Any]:
        """The hyperparameters the library knows; it keeps its own defaults for the others."""
        given: dict[str, Any] = {
            name: value for name, value in self.values.items() if TABLE[name].for_library
        }
        if "updater" in given:
            given["updater"] = ",".join(words(self.values, "updater"))
        if self._metrics:
            given["eval_metric"] = self._metrics
        return given

    def _stopping(self) -> tuple[()] | tuple[EarlyStopping, _Keeper]:
        """Early stopping, where the built-in algorithm would have it: on the last metric of the validation data."""
        rounds = _integer(self.values, "early_stopping_rounds")
        if rounds is None:
            return ()
        for missing, there in (
            ("validation data", "validation" in self.parts),
            ("eval_metric", self._metrics),
        ):
            if not there:
                self._note(f"early_stopping_rounds has no effect without {missing}")
                return ()
        is_slice = self.values.get("booster", "gbtree") == "gbtree"
        return EarlyStopping(rounds=rounds, data_name="validation"), _Keeper(is_slice)

    def _report(self, number: int, scores: Mapping[str, float]) -> None:
        self.scores.append(scores)
        self._on_round(Round(number, scores))

    @contextmanager
    def _library(self) -> Iterator[None]:
        """The library's errors as ours and its warnings as notes; what it changes in its own settings is undone."""
        objective = str(self.values.get("objective", "reg:squarederror"))
        error: SkewlessError | None = None
        with warnings.catch_warnings(record=True) as said, xgboost.config_context():
            warnings.simplefilter("always")
            try:
                yield
            except xgboost.core.XGBoostError as refused:
                error = refusal(str(refused), objective)
        for text in dict.fromkeys(cleaned(str(warning.message)) for warning in said):
            self._note(f"XGBoost {xgboost.__version__}: {text}")
        if error:
            raise error


def _metrics(values: Values) -> list[str]:
    """The metrics to compute, each once; the one that early stopping watches is the last."""
    tuned = str(values.get("_tuning_objective_metric", "")).removeprefix("validation:")
    asked = [*words(values, "eval_metric"), *([tuned] if tuned else [])]
    return list(dict.fromkeys(reversed(asked)))[::-1]


class _Reporter(TrainingCallback):
    """Tells the scores of each round."""

    def __init__(self, report: Callable[[int, Mapping[str, float]], None]) -> None:
        super().__init__()
        self._report = report

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        scores = {
            f"{data}-{metric}": float(history[-1])
            for data, metrics in evals_log.items()
            for metric, history in metrics.items()
        }
        self._report(epoch, scores)
        return False


class _Keeper(TrainingCallback):
    """Keeps the best model. It comes after early stopping, which marks the best round."""

    def __init__(self, is_slice: bool) -> None:
        super().__init__()
        self._is_slice = is_slice
        self._raw = b""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        # Trees of gbtree never change later, so that the best model is cut from the last. A later round of dart or
        # gblinear does change what was: their model is kept as it is at its best.
        if not self._is_slice and model.attr("best_iteration") == str(epoch):
            self._raw = bytes(model.save_raw("ubj"))
        return False

    def best(self, booster: xgboost.Booster) -> bytes:
        """The model of the best round."""
        if not self._is_slice:
            return self._raw
        model = booster[: booster.best_iteration + 1]
        model.set_attr(best_iteration=booster.attr("best_iteration"), best_score=booster.attr("best_score"))
        return bytes(model.save_raw("ubj"))


class _Stop(TrainingCallback):
    """Ends the training after the round in which it was told to stop."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__()
        self._stopped = stopped

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        return self._stopped.is_set()


@contextmanager
def _termination(is_caught: bool) -> Iterator[threading.Event]:
    """An event that SIGTERM sets, where it is to be caught; only a main thread can."""
    stopped = threading.Event()
    if not is_caught or threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)


def _integer(values: Values, name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) else None
