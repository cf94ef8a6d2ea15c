"""``skewless datasets``: write example data."""

from __future__ import annotations

from pathlib import Path

import click

from skewless.datasets import CAR_COLUMNS, write_car_evaluation


@click.group
def datasets() -> None:
    """Write example data sets."""


@datasets.command("car-evaluation")
@click.argument("file", type=click.Path(path_type=Path))
def car_evaluation(file: Path) -> None:
    """Write the Car Evaluation set into the CSV file FILE: 1,728 cars, six attributes and a label."""
    rows = write_car_evaluation(file)
    print(f"{file}: {rows:,} rows of {','.join(CAR_COLUMNS)},class")
