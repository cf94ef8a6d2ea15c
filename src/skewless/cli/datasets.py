"""``skewless datasets``: write example data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skewless.datasets import CAR_COLUMNS, write_car_evaluation

app = typer.Typer(help="Write example data sets.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Write example data sets."""


@app.command("car-evaluation")
def car_evaluation(file: Annotated[Path, typer.Argument(help="The CSV file to write.")]) -> None:
    """Write the Car Evaluation set: 1,728 cars, six attributes and a label."""
    rows = write_car_evaluation(file)
    print(f"{file}: {rows:,} rows of {','.join(CAR_COLUMNS)},class")
