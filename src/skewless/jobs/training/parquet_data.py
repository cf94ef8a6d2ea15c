"""Parquet files of a channel: the first column is the label, all others are features; a null is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from skewless.errors import TrainingDataError
from skewless.jobs.training.csv_matrix import Matrix
from skewless.jobs.training.rows import TrainingData, joined

_ROWS: Final = 1 << 16
"""Rows converted at once."""


def read(files: Sequence[Path]) -> TrainingData | None:
    """The rows of all files, None where there is none. TrainingDataError names file, column and row."""
    parts = [part for file in files if (part := _read(file))]
    return joined(parts) if parts else None


def _read(file: Path) -> TrainingData | None:
    try:
        with parquet.ParquetFile(file) as source:
            names = _columns(file, source.schema_arrow)
            matrix = np.empty((source.metadata.num_rows, len(names)), np.float32)
            at = 0
            for batch in source.iter_batches(_ROWS):
                part = matrix[at : at + batch.num_rows]
                _fill(part, batch)
                _refuse(file, at, names, part)
                at += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(
            f"cannot read {file} as Parquet: {error}", hint="Is its content type parquet?"
        ) from None
    if not len(matrix):
        return None
    return TrainingData(np.ascontiguousarray(matrix[:, 0]), matrix[:, 1:], None, (file,))


def _columns(file: Path, schema: Any) -> list[str]:
    """The columns' names, all of which hold numbers."""
    for field in schema:
        kind = field.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            if pa.types.is_decimal(kind) or pa.types.is_null(kind):
                continue
            raise TrainingDataError(
                f"{file}, column {field.name!r} is of the type {kind}",
                hint="Labels and features must be columns of numbers; give each entry of a vector its own.",
            )
    if len(schema) < 2:
        raise TrainingDataError(
            f"{file} has {len(schema)} column(s)", hint="Write the label first, then at least one feature."
        )
    return list(schema.names)


def _fill(part: Matrix, batch: Any) -> None:
    with np.errstate(over="ignore"):  # too large becomes infinite, which is refused by its place
        for number, column in enumerate(batch.columns):
            part[:, number] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _refuse(file: Path, before: int, names: Sequence[str], part: Matrix) -> None:
    """TrainingDataError for numbers that nothing can be learnt from."""
    wrong = np.isinf(part)
    wrong[:, 0] |= np.isnan(part[:, 0])
    if wrong.any():
        row, column = divmod(int(wrong.argmax()), len(names))
        what = "the label is missing" if np.isnan(part[row, column]) else "infinite, or too large for 32 bits"
        raise TrainingDataError(f"{file}, row {before + row + 1}, column {names[column]!r}: {what}")
