"""``skewless train``: train a model by the rules of a built-in algorithm."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from skewless.lazy import resolve

# Looked up when the command runs: the library takes seconds to load, which `--help` need not wait for.
READ = "skewless.jobs.training.hyperparameter_file:read_hyperparameters"
TRAIN = "skewless.jobs.training.train:train"

_PATH: Final[Any] = click.Path(path_type=Path)


@click.group
def train() -> None:
    """Train a model by the rules of a built-in algorithm."""


@train.command()
@click.option(
    "--train", type=_PATH, required=True, help="File or folder; CSV has the label first and no header."
)
@click.option("--hyperparameters", type=_PATH, required=True, help="JSON object or YAML of names and values.")
@click.option("--output", type=_PATH, required=True, help="Where the model goes, for example xgb.tar.gz.")
@click.option("--validation", type=_PATH, help="File or folder that early stopping judges by.")
@click.option(
    "--content-type",
    default="text/csv",
    help="Of the data: text/csv, text/libsvm, parquet or recordio-protobuf.",
)
@click.option(
    "--checkpoints", type=_PATH, help="Folder that training goes on from, and keeps its last rounds in."
)
def xgboost(
    train: Path,
    hyperparameters: Path,
    output: Path,
    validation: Path | None,
    content_type: str,
    checkpoints: Path | None,
) -> None:
    """Train the built-in XGBoost algorithm; each round's scores go to standard output."""
    given = resolve(READ)(hyperparameters)
    done = resolve(TRAIN)(
        train,
        validation,
        given,
        output,
        content_type=content_type,
        checkpoints=checkpoints,
        on_note=_note,
    )
    scores = ", ".join(f"{name} {score:.5f}" for name, score in done.metrics.items())
    best = f", the best of {done.rounds_run}" if done.best_iteration is not None else ""
    made = f"{done.models} models" if done.models > 1 else f"{_count(done.rounds, 'round')}{best}"
    click.echo(
        f"{output}: {made}, on {_count(done.rows, 'row')} of {_count(done.features, 'feature')}; {scores}"
    )
    if done.predictions:
        click.echo(f"{done.predictions}: what each row's own models predict, which have not seen it")


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
