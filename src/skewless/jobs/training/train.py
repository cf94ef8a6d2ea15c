"""Train as the built-in XGBoost algorithm does: hyperparameters, channels, log lines, early stopping and artifact."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import xgboost

from skewless.errors import SettingError
from skewless.jobs.training.boosting import Boosting, Note, Round, predicted
from skewless.jobs.training.channel_files import same_content
from skewless.jobs.training.checkpoints import Checkpoints
from skewless.jobs.training.content_types import Format, format_of
from skewless.jobs.training.cross_validation import PREDICTIONS_FILE, CrossValidated, cross_validate
from skewless.jobs.training.data import read_both, read_train
from skewless.jobs.training.hyperparameter_rules import Values
from skewless.jobs.training.hyperparameters import validate
from skewless.jobs.training.model_archive import check_output, write_archive
from skewless.jobs.training.parity_rows import MOST_FEATURES, PARITY_FILE, parity_file, sample
from skewless.jobs.training.rows import TrainingData

__all__ = ["MODEL_FILE", "Round", "TrainingResult", "print_round", "train"]

MODEL_FILE: Final = "xgboost-model"
CSV: Final = "text/csv"


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
    models: int = 1
    """More than one after a cross-validation: the rounds are those of the last, the scores means over all."""
    predictions: Path | None = None
    """What the models of a cross-validation predicted for the rows that they had not seen."""


def print_round(done: Round) -> None:
    """One line on standard output, at once."""
    print(done.line, flush=True)


def train(
    train: Path | str,
    validation: Path | str | None,
    hyperparameters: Mapping[str, Any],
    output: Path | str,
    *,
    content_type: str = CSV,
    validation_content_type: str | None = None,
    checkpoints: Path | str | None = None,
    on_round: Callable[[Round], None] = print_round,
    on_note: Note = lambda note: None,
    stop: threading.Event | None = None,
) -> TrainingResult:
    """Train on one channel, judge on the other, and write the artifact.

    Both channels are of one content type, unless that of the validation data is given too.
    The training ends after the round in which ``stop`` is set; without one, SIGTERM may set it, as the hyperparameter
    ``save_model_on_termination`` says. With a folder of ``checkpoints`` it goes on after the newest there.
    A cross-validation writes its predictions beside the artifact, into `PREDICTIONS_FILE`.
    HyperparameterError, SettingError, TrainingDataError or TrainingFailed say what was wrong; then nothing is
    written. Notes are things worth knowing that stop nothing: given to ``on_note`` as they arise, and in the result.
    """
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        on_note(text)

    output = Path(output)
    values = _settled(hyperparameters, note)
    check_output(output)
    forms = format_of(content_type), format_of(validation_content_type or content_type)
    parts = _channels(Path(train), Path(validation) if validation else None, forms, values, note)
    kept = Checkpoints(Path(checkpoints)) if checkpoints else None
    is_caught = values.get("save_model_on_termination") == "true"
    with nullcontext(stop) if stop is not None else _termination(is_caught) as stopped:
        if "_kfold" in values:
            validated = cross_validate(values, parts, stopped, on_round, note, kept)
            facts = _write_folds(output, validated)
            rows = sum(part.rows for part in parts.values())
        else:
            facts = _train(
                output, Boosting(values, parts, on_round, note, kept), stopped, parts, values, note
            )
            rows = parts["train"].rows
    if stopped.is_set():
        note(f"told to stop: the model has the {facts['rounds']} rounds done until then")
    return TrainingResult(output, rows=rows, features=parts["train"].width, notes=tuple(notes), **facts)


def _settled(given: Mapping[str, Any], note: Note) -> Values:
    """The hyperparameters, checked, as this build of the library takes them."""
    checked = validate(given)
    for text in checked.notes:
        note(text)
    values = dict(checked.values)
    if values.get("tree_method") == "gpu_hist":
        values["tree_method"] = "hist"
        note(
            "tree_method gpu_hist is trained as hist, which seeks the same splits: this build has no GPU code"
        )
    return values


def _channels(
    train: Path, validation: Path | None, forms: tuple[Format, Format], values: Values, note: Note
) -> dict[str, TrainingData]:
    """The channels' rows by the channels' names; notes of what makes little sense."""
    weighted = values.get("csv_weights") == 1
    if weighted and forms[0] is not Format.CSV:
        note(f"csv_weights has no effect on {forms[0]} data")
        weighted = False
    if validation is None:
        parts = {"train": read_train(train, forms[0], weighted=weighted)}
    else:
        data, judge = read_both(train, validation, forms, weighted=weighted)
        parts = {"train": data, "validation": judge}
        for one, other in same_content(data.files, judge.files):
            note(f"{one} and {other} have the same content: a score on rows trained on says nothing")
    files = parts["train"].files
    for number, file in enumerate(files):
        for one, other in same_content(files[:number], [file]):
            note(f"{one} and {other} have the same content: their rows count twice")
    if str(values.get("objective", "")).startswith("rank:") and parts["train"].groups is None:
        note(
            "all rows are taken for one query: libsvm data can tell queries apart, by qid:number after the label"
        )
    return parts


def _train(
    output: Path,
    boosting: Boosting,
    stopped: threading.Event,
    parts: Mapping[str, TrainingData],
    values: Values,
    note: Note,
) -> dict[str, Any]:
    """Train one model, write its artifact, and tell of it."""
    done = boosting.run(stopped)
    members = {MODEL_FILE: done.model}
    if parts["train"].width <= MOST_FEATURES:
        rows = sample(list(parts.values()))
        _, predictions = predicted(done.model, rows, values, note)
        members[PARITY_FILE] = parity_file(rows, predictions, done.model, xgboost.__version__)
    else:
        note(f"the artifact has no parity rows, because its model has more than {MOST_FEATURES:,} features")
    write_archive(output, members)
    return {
        "rounds": done.rounds,
        "rounds_run": done.rounds_run,
        "best_iteration": done.best,
        "metrics": done.metrics,
    }


def _write_folds(output: Path, validated: CrossValidated) -> dict[str, Any]:
    """Write the artifact of a cross-validation and its predictions, and tell of it."""
    models = {f"{MODEL_FILE}-{number}": one.model for number, one in enumerate(validated.folds)}
    predictions = None
    if validated.predictions is not None:
        predictions = output.parent / PREDICTIONS_FILE
        try:
            predictions.write_text(validated.predictions)
        except OSError as error:
            raise SettingError(f"cannot write {predictions}: {error.strerror}") from None
    write_archive(output, models)
    last = validated.folds[-1]
    return {
        "rounds": last.rounds,
        "rounds_run": last.rounds_run,
        "best_iteration": last.best,
        "metrics": validated.metrics,
        "models": len(models),
        "predictions": predictions,
    }


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
