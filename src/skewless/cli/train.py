"""``skewless train``: train a model by the rules of a built-in algorithm."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skewless.lazy import resolve

app = typer.Typer(help="Train a model by the rules of a built-in algorithm.", no_args_is_help=True)

# Looked up when the command runs: the library takes seconds to load, which `--help` need not wait for.
READ = "skewless.jobs.training.hyperparameter_file:read_hyperparameters"
TRAIN = "skewless.jobs.training.train:train"


@app.callback()
def group() -> None:
    """Keeps `xgboost` a command of its own while it is the only one."""


@app.command()
def xgboost(
    train: Annotated[Path, typer.Option(help="File or folder; CSV has the label first and no header.")],
    hyperparameters: Annotated[Path, typer.Option(help="JSON object or YAML of names and values.")],
    output: Annotated[Path, typer.Option(help="Where the model goes, for example xgb.tar.gz.")],
    validation: Annotated[
        Path | None, typer.Option(help="File or folder that early stopping judges by.")
    ] = None,
    content_type: Annotated[
        str, typer.Option(help="Of the data: text/csv, text/libsvm, parquet or recordio-protobuf.")
    ] = "text/csv",
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that training goes on from, and keeps its last rounds in.")
    ] = None,
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
    typer.echo(
        f"{output}: {made}, on {_count(done.rows, 'row')} of {_count(done.features, 'feature')}; {scores}"
    )
    if done.predictions:
        typer.echo(f"{done.predictions}: what each row's own models predict, which have not seen it")


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
