"""The data of a channel, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skewless.boosters.booster_model import MOST_FEATURES
from skewless.errors import TrainingDataError
from skewless.jobs.training import csv_data, libsvm_data, parquet_data, record_data
from skewless.jobs.training.channel_files import data_files, no_data
from skewless.jobs.training.content_types import Format
from skewless.jobs.training.rows import TrainingData


def read_train(path: Path, form: Format, *, weighted: bool = False) -> TrainingData:
    """The ``train`` channel; ``weighted`` as the hyperparameter ``csv_weights`` says. TrainingDataError."""
    return _read(path, "train", data_files(path, "train"), form, weighted)


def read_both(
    train: Path, validation: Path, forms: tuple[Format, Format], *, weighted: bool = False
) -> tuple[TrainingData, TrainingData]:
    """The ``train`` and the ``validation`` channel, with as many features in both. TrainingDataError.

    Sparse rows do not tell how many features there are: the channel with more of them does, as in the library. Where
    the training data are weighted CSV, the validation files may or may not have the column of weights: the number of
    columns tells. (The original reads it in the training data alone and takes it for a feature here.)
    """
    data = read_train(train, forms[0], weighted=weighted)
    files = data_files(validation, "validation")
    has_weights = (
        forms[1] is Format.CSV and data.weights is not None and csv_data.width_of(files) == data.width + 2
    )
    judge = _read(validation, "validation", files, forms[1], has_weights)
    width = max(data.width, judge.width)
    data, judge = (part.widened(width) if part.is_sparse else part for part in (data, judge))
    if data.width != judge.width:
        raise TrainingDataError(
            f"{judge.files[0]} has {judge.width} features, the training data have {data.width}",
            hint="Both channels need the same columns: the label, then the features.",
        )
    return data, judge


def _read(path: Path, channel: str, files: Sequence[Path], form: Format, weighted: bool) -> TrainingData:
    match form:
        case Format.CSV:
            data = csv_data.read(files, weighted=weighted)
        case Format.LIBSVM:
            data = libsvm_data.read(files)
        case Format.PARQUET:
            data = parquet_data.read(files)
        case Format.RECORDIO:
            data = record_data.read(files)
    if data is None:
        raise no_data(path, channel)
    if not data.width:
        raise TrainingDataError(f"{path} has no feature in any row", hint="There is nothing to learn from.")
    if data.width > MOST_FEATURES:
        raise TrainingDataError(
            f"{path} has {data.width:,} features, more than the {MOST_FEATURES:,} that a model may have",
            hint="Is an index wrong?",
        )
    return data
