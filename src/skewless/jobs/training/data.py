"""The data of a channel as the library wants them: labels, features and, where there are any, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skewless.errors import TrainingDataError
from skewless.jobs.training.channel_files import data_files, no_data
from skewless.jobs.training.csv_matrix import Layout, Matrix, first_line, read_matrix


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Rows to learn from or to judge by; NaN is a missing feature, zero is not."""

    labels: Matrix
    features: Matrix
    weights: Matrix | None
    files: tuple[Path, ...]

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        """How many features there are."""
        return int(self.features.shape[1])


def read_train(path: Path, *, weighted: bool) -> TrainingData:
    """The ``train`` channel; ``weighted`` as the hyperparameter ``csv_weights`` says."""
    return _read(path, "train", _layouts(path, "train", weighted))


def read_validation(path: Path, train: TrainingData) -> TrainingData:
    """The ``validation`` channel, with as many features as the training data have.

    Where those are weighted, the files may or may not have the column of weights: the number of columns tells. (The
    original reads it in the training data alone and takes it for a feature here.)
    """
    layouts = _layouts(path, "validation", False)
    if train.weights is not None and layouts[0].width == train.width + 2:
        layouts = _layouts(path, "validation", True)
    first = layouts[0]
    if first.width - first.first_feature != train.width:
        raise TrainingDataError(
            f"{first.file} has {first.width - first.first_feature} features, the training data have {train.width}",
            hint="Both channels need the same columns: the label, then the features.",
        )
    return _read(path, "validation", layouts)


def _layouts(path: Path, channel: str, weighted: bool) -> Sequence[Layout]:
    """The layouts of the files that have a row; all have as many columns."""
    layouts = [
        Layout(file, *shape, weighted) for file in data_files(path, channel) if (shape := first_line(file))
    ]
    if not layouts:
        raise no_data(path, channel)
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


def _read(path: Path, channel: str, layouts: Sequence[Layout]) -> TrainingData:
    matrices = [read_matrix(layout) for layout in layouts]
    whole = matrices[0] if len(matrices) == 1 else np.concatenate(matrices)
    if not len(whole):
        raise no_data(path, channel)
    first = layouts[0].first_feature
    return TrainingData(
        labels=np.ascontiguousarray(whole[:, 0]),
        features=np.ascontiguousarray(whole[:, first:]),
        weights=np.ascontiguousarray(whole[:, 1]) if layouts[0].weighted else None,
        files=tuple(layout.file for layout in layouts),
    )
