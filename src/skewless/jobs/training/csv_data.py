"""CSV files of a channel: the label first, then perhaps a weight, then the features; no header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skewless.errors import TrainingDataError
from skewless.jobs.training.csv_matrix import Layout, first_line, read_matrix
from skewless.jobs.training.rows import TrainingData


def width_of(files: Sequence[Path]) -> int | None:
    """How many columns the first file has that has a row; None where none has one."""
    return next((shape[1] for file in files if (shape := first_line(file))), None)


def read(files: Sequence[Path], *, weighted: bool) -> TrainingData | None:
    """The rows of all files, None where there is none. TrainingDataError names file, line, column and value."""
    layouts = _layouts(files, weighted)
    matrices = [read_matrix(layout) for layout in layouts]
    if not sum(map(len, matrices)):
        return None
    whole = matrices[0] if len(matrices) == 1 else np.concatenate(matrices)
    return TrainingData(
        labels=np.ascontiguousarray(whole[:, 0]),
        features=np.ascontiguousarray(whole[:, layouts[0].first_feature :]),
        weights=np.ascontiguousarray(whole[:, 1]) if weighted else None,
        files=tuple(layout.file for layout in layouts),
    )


def _layouts(files: Sequence[Path], weighted: bool) -> Sequence[Layout]:
    """The layouts of the files that have a row; all have as many columns."""
    layouts = [Layout(file, *shape, weighted) for file in files if (shape := first_line(file))]
    for layout in layouts:
        if layout.width <= layout.first_feature:
            columns = "a label and a weight" if weighted else "a label"
            raise TrainingDataError(
                f"{layout.file}, line 1: {layout.width} value(s), where {columns} and at least one feature must be",
                hint="Put commas between the values: the label first, no header.",
            )
        if layout.width != layouts[0].width:
            raise TrainingDataError(
                f"{layout.file}, line 1: it has {layout.width} columns where {layouts[0].file} has {layouts[0].width}",
                hint="All files of a channel need the same columns.",
            )
    return layouts
