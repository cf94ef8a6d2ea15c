"""One CSV file of numbers as a float32 matrix; any fault is named by file, line, column and value.

A number is read to the nearest float64 and that to the nearest float32, because serving does the same; reading to
float32 at once can differ in the last bit. An empty cell and NaN are missing and become NaN; zero is a number.

Two readers give the same values: Arrow's, quick, which only says that something is wrong, and a plain one that says
what. Whatever the quick one refuses, the plain one decides.
"""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from skewless.errors import TrainingDataError
from skewless.jobs.training.channel_files import opened
from skewless.jobs.training.content_types import Format

Matrix = npt.NDArray[np.float32]

DELIMITERS: Final = ",\t;| "
"""Tried in this order on the first line."""

_BLOCK: Final = 1 << 24
_NUMBER: Final = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
_TOO_LARGE: Final = 2.0**128 - 2.0**103
"""From here on a number is nearer to 2**128, which float32 has not, than to its greatest."""
_MAGIC: Final = {b"PAR1": Format.PARQUET, b"\x0a\x23\xd7\xce": Format.RECORDIO}
_LIBSVM: Final = re.compile(rb"[-+.\deE]+(?::[-+.\deE]+)?(?: +\d+:[-+.\deE]+)+ *\r?(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first line of a file tells. ``weighted``: column 1 is a weight."""

    file: Path
    delimiter: str
    width: int
    weighted: bool

    @property
    def first_feature(self) -> int:
        return 2 if self.weighted else 1

    def role(self, column: int) -> str:
        """How a column (from 0) is called in an error, where columns count from 1."""
        what = "label" if column == 0 else "weight" if column < self.first_feature else None
        return f"column {column + 1} (the {what or f'feature f{column - self.first_feature}'})"


def first_line(file: Path) -> tuple[str, int] | None:
    """Delimiter and number of columns by the first line that is not blank; None where there is none.

    TrainingDataError where the file is of another format.
    """
    with opened(file) as stream:
        start = stream.read(4)
        stream.seek(0)
        raw = next((line for line in stream if line.strip(b"\r\n")), None)
    other = _MAGIC.get(start) or (Format.LIBSVM if raw and _LIBSVM.match(raw) else None)
    if other:
        raise TrainingDataError(
            f"{file} is read as CSV and looks like {other}", hint=f"Say that its content type is {other}."
        )
    if raw is None:
        return None
    line = raw.decode("utf-8-sig", "replace").strip("\r\n").splitlines()[0]
    delimiter = next((mark for mark in DELIMITERS if mark in line), DELIMITERS[0])
    try:
        return delimiter, len(next(csv.reader([line], delimiter=delimiter)))
    except csv.Error as error:
        raise TrainingDataError(f"{file}, line 1: {error}", hint="Is this a CSV file?") from None


def read_matrix(layout: Layout) -> Matrix:
    """All columns of a file. TrainingDataError names the first fault."""
    matrix = _quick(layout)
    if matrix is None or _faulty(matrix, layout):
        return _plain(layout)
    return matrix


def _quick(layout: Layout) -> Matrix | None:
    """The matrix by Arrow's reader; None where it meets anything it does not take for a number."""
    names = [f"f{column}" for column in range(layout.width)]
    with opened(layout.file) as stream:
        try:
            table = arrow_csv.read_csv(
                stream,
                arrow_csv.ReadOptions(column_names=names, block_size=_BLOCK),
                arrow_csv.ParseOptions(delimiter=layout.delimiter),
                arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64()), null_values=[""]),
            )
        except pa.ArrowInvalid:
            return None
    matrix = np.empty((table.num_rows, layout.width), np.float32)
    with np.errstate(over="ignore"):  # too large becomes infinite, which is refused by its place
        for number, column in enumerate(table.columns):
            matrix[:, number] = column.to_numpy()
    return matrix


def _faulty(matrix: Matrix, layout: Layout) -> bool:
    """Whether there are numbers that nothing can be learnt from."""
    labels, features = matrix[:, 0], matrix[:, layout.first_feature :]
    weights = matrix[:, 1 : layout.first_feature]
    usable = np.isfinite(labels).all() and np.isfinite(weights).all() and (weights >= 0).all()
    return not usable or bool(np.isinf(features).any())


def _plain(layout: Layout) -> Matrix:
    """The matrix line by line."""
    numbers = array("d")
    with opened(layout.file) as stream, closing(_records(layout, stream)) as records:
        for line, fields in records:
            if len(fields) != layout.width:
                raise _fault(
                    layout,
                    line,
                    f"it has {len(fields)} values where the first line has {layout.width}",
                    "Every line needs as many; put nothing between two delimiters for a missing value.",
                )
            numbers.extend(_row(layout, line, [field.strip() for field in fields]))
    return np.array(numbers, np.float64).astype(np.float32).reshape(-1, layout.width)


def _row(layout: Layout, line: int, cells: list[str]) -> list[float]:
    for column, text in enumerate(cells):
        wrong = _wrong(text, column, layout)
        if wrong:
            is_words = line == 1 and not _NUMBER.fullmatch(cells[0] or "0")
            hint = (
                "This looks like a header line or a label in words: remove the header, write labels as numbers."
                if is_words
                else "Features, labels and weights must be numbers; leave a missing feature empty."
            )
            raise _fault(layout, line, f"{layout.role(column)} is {_shown(text)}: {wrong}", hint)
    return [float(text) if text else math.nan for text in cells]


def _wrong(text: str, column: int, layout: Layout) -> str | None:
    """What is wrong with one cell, or None."""
    if text and not _NUMBER.fullmatch(text):
        return "not a number"
    number = float(text) if text else math.nan
    if abs(number) >= _TOO_LARGE:
        return "infinite, or too large for a 32-bit number"
    if column < layout.first_feature and math.isnan(number):
        return "it must not be missing"
    if 0 < column < layout.first_feature and number < 0:
        return "a weight must not be negative"
    return None


def _records(layout: Layout, stream: IO[bytes]) -> Generator[tuple[int, list[str]]]:
    """Lines that are not blank, split, each with its number."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text, delimiter=layout.delimiter)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise _fault(layout, reader.line_num, str(error), "Is this a CSV file?") from None
    finally:
        text.detach()  # the stream belongs to whoever opened it


def _fault(layout: Layout, line: int, what: str, hint: str) -> TrainingDataError:
    return TrainingDataError(f"{layout.file}, line {line}: {what}", hint=hint)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…") if text else "empty"
