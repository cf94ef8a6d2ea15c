"""CSV of numbers as the XGBoost container reads it: any of five delimiters, no header, an empty cell is missing.

Two readers with the same results. Arrow's is quick and takes large bodies; whatever it does not take, or could take
otherwise, goes to the plain one, which says what is wrong and where. Numbers are read to float64.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from math import nan
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from skewless.arrow import pc
from skewless.errors import BodyError, EmptyBody, ValueRefused

Doubles: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

DELIMITERS: Final = ",\t;| "
"""Tried in this order on the first line, as in training."""
MALFORMED: Final = "Loading csv data failed with Exception, please ensure data is in csv format:\n "
"""How every refusal of text begins, as in the original container."""

_BULK: Final = 16384
"""Below so many bytes the plain reader is quicker than setting up Arrow's."""
_BLOCK: Final = 1 << 26
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_FIRST_LINE: Final = re.compile(rb"[^\r\n]*[^ \r\n][^\r\n]*")
# Quotes are rare, and Arrow reads "nan(1)" as NaN: both are the plain reader's.
_NOT_BULK: Final = re.compile(rb'["(]')
_MARK: Final = "\ufeff"
_SHOWN: Final = 80

ShapeError: TypeAlias = Callable[[int], ValueRefused]


def delimiter_of(line: str) -> str:
    """The delimiter, by the first line of a body."""
    return next((mark for mark in DELIMITERS if mark in line.strip(" ")), ",")


def fields_of(line: str, delimiter: str, row: int) -> Sequence[str]:
    """The fields of one line without its line end; ``row`` counts from 1."""
    if delimiter == " ":
        line = line.strip(" ")
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BodyError(f"{MALFORMED}{type(error)}\n {error}", row=row, value=line[:_SHOWN]) from None


def numbers_of(fields: Sequence[str], features: int, row: int, shape_error: ShapeError) -> list[float]:
    """One record's numbers. BodyError names row, column and text; ``shape_error`` makes the refusal of a count."""
    if len(fields) != features:
        error = shape_error(len(fields))
        error.row = row
        raise error
    joined = "".join(fields)
    if joined.isascii() and "_" not in joined:
        try:
            return [float(text) if text else nan for text in fields]
        except ValueError:
            pass
    if row == 1:
        fields = [fields[0].removeprefix(_MARK), *fields[1:]]
    return [_number(text, position, row) for position, text in enumerate(fields)]


def _number(text: str, position: int, row: int) -> float:
    if not text:
        return nan
    try:
        if text.isascii() and "_" not in text:
            return float(text)
    except ValueError:
        pass
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    raise BodyError(
        f"{MALFORMED}{ValueError}\n could not convert string to float: {shown!r}",
        column=f"f{position}",
        row=row,
        value=shown,
        hint="Send numbers only, without a header; leave the cell of a missing value empty.",
    )


def first_width(body: bytes) -> int:
    """How many fields the first record has; 0 where there is none."""
    found = _FIRST_LINE.search(body)
    if not found:
        return 0
    line = found[0].decode(errors="replace")
    return len(fields_of(line, delimiter_of(line), 1))


def columns_of(body: bytes, features: int, shape_error: ShapeError) -> list[Doubles]:
    """All columns of a body of one record or more. EmptyBody where there is none."""
    if len(body) >= _BULK and features > 1 and not _NOT_BULK.search(body):
        columns = _bulk(body, features)
        if columns is not None:
            return columns
    return _plain(body, features, shape_error)


def _plain(body: bytes, features: int, shape_error: ShapeError) -> list[Doubles]:
    delimiter = None
    rows: list[list[float]] = []
    for line in _LINE_END.split(body.decode(errors="replace")):
        if not line.strip(" "):
            continue
        if delimiter is None:
            delimiter = delimiter_of(line)
        fields = fields_of(line, delimiter, len(rows) + 1)
        rows.append(numbers_of(fields, features, len(rows) + 1, shape_error))
    if not rows:
        raise EmptyBody("the body has no record", hint="Send one record a line.")
    return list(np.ascontiguousarray(np.array(rows).T))


def _bulk(body: bytes, features: int) -> list[Doubles] | None:
    """The columns by Arrow's reader; None where it meets anything that the plain one must explain or decide."""
    first = _FIRST_LINE.search(body)
    delimiter = delimiter_of(first[0].decode(errors="replace")) if first else " "
    if delimiter == " ":
        return None  # blanks at the ends of lines would be cells to Arrow
    names = [f"f{position}" for position in range(features)]
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(body),
            arrow_csv.ReadOptions(column_names=names, block_size=min(len(body) + 1, _BLOCK)),
            arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64()), null_values=[""]),
        )
    except pa.ArrowInvalid:
        return None
    if not table.num_rows:
        return None
    return [pc.fill_null(column, nan).to_numpy() for column in table.columns]
