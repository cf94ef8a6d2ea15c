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
    train: Annotated[Path, typer.Option(help="CSV file or folder: label first, no header.")],
    hyperparameters: Annotated[Path, typer.Option(help="JSON object or YAML of names and values.")],
    output: Annotated[Path, typer.Option(help="Where the model goes, for example xgb.tar.gz.")],
    validation: Annotated[
        Path | None, typer.Option(help="CSV file or folder that early stopping judges by.")
    ] = None,
) -> None:
    """Train the built-in XGBoost algorithm; each round's scores go to standard output."""
    given = resolve(READ)(hyperparameters)
    done = resolve(TRAIN)(train, validation, given, output, on_note=_note)
    scores = ", ".join(f"{name} {score:.5f}" for name, score in done.metrics.items())
    best = f", the best of {done.rounds_run}" if done.best_iteration is not None else ""
    typer.echo(
        f"{output}: {_count(done.rounds, 'round')}{best}, on {_count(done.rows, 'row')} "
        f"of {_count(done.features, 'feature')}; {scores}"
    )


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
