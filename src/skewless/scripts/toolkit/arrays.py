"""Bodies to numpy arrays and back, as ``sagemaker_containers`` and ``sagemaker_inference`` do it.

Nothing is unpickled: an array of Python objects, which the originals would load, is refused.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.lib import format as npy_format

from skewless.codecs.recordio import VALUES, Record, Tensor, write_records
from skewless.scripts.toolkit.content_types import CSV, JSON, NPY
from skewless.scripts.toolkit.errors import ClientError, DecodeError, UnsupportedFormatError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_SHOWN: Final = 40
"""Characters of a cell in an error."""
_MOST_TEXT: Final = 1 << 30
"""Bytes of an array of texts."""
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')

_HEADERS: Final = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}


def text_of(body: str | bytes) -> str:
    """A body as text. DecodeError names the first byte that is no UTF-8."""
    if isinstance(body, str):
        return body
    try:
        return bytes(body).decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"the body is no UTF-8: byte 0x{body[error.start]:02x} at {error.start}") from None


def array_to_npy(array_like: Any) -> bytes:
    """As an .npy file. ValueError for Python objects."""
    buffer = io.BytesIO()
    np.save(buffer, array_of(array_like), allow_pickle=False)
    return buffer.getvalue()


def npy_to_numpy(npy_array: bytes) -> Array:
    """An .npy file's array. DecodeError for Python objects, and for a header that promises more than there is."""
    stream = io.BytesIO(npy_array)
    try:
        shape, _, dtype = _HEADERS[npy_format.read_magic(stream)](stream)
        if dtype.hasobject:
            raise DecodeError("the array holds pickled Python objects, which are never loaded")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > len(npy_array) - stream.tell():
            raise DecodeError(f"the array's header tells of the shape {shape}, and there is less")
        stream.seek(0)
        return np.asarray(npy_format.read_array(stream, allow_pickle=False))
    except DecodeError:
        raise
    except Exception as error:  # numpy's reader meets damage with whatever its parts raise
        raise DecodeError(f"the body is no .npy file: {type(error).__name__}: {error}") from None


def array_to_json(array_like: Any) -> str:
    """As JSON; arrays anywhere in it become lists."""

    def listed(value: Any) -> Any:
        found = array_of(value) if hasattr(value, "toarray") or hasattr(value, "to_numpy") else value
        if hasattr(found, "tolist"):
            return found.tolist()
        raise TypeError(f"a {type(value).__name__} cannot be written as JSON")

    return json.dumps(array_like, default=listed)


def json_of(body: str | bytes) -> Any:
    """The parsed JSON. DecodeError tells where it is none."""
    try:
        return json.loads(text_of(body))
    except RecursionError:
        raise DecodeError("the body is no JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise DecodeError(f"the body is no JSON: {error}") from None


def json_to_numpy(string_like: str | bytes, dtype: Any = None) -> Array:
    """A JSON value as an array. DecodeError for lists of different lengths."""
    text = text_of(string_like)
    _check_texts(text.count(",") + 1, max((len(found[0]) for found in _STRING.finditer(text)), default=0))
    try:
        return np.array(json_of(text), dtype=dtype)
    except DecodeError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DecodeError(f"the JSON is no array: {error}") from None


def csv_rows(body: str | bytes) -> list[list[str]]:
    """The fields of every line that is not blank. DecodeError for quotes that do not end, and so on."""
    reader = csv.reader(io.StringIO(text_of(body), newline=""), strict=True)
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise DecodeError(f"the body is no CSV, line {reader.line_num}: {error}") from None


def numbers_of(rows: Sequence[Sequence[str]]) -> Array:
    """The cells as float64, an empty one as NaN. DecodeError names the row and column of one that is no number."""
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DecodeError(f"row {number} has {len(row)} cells where row 1 has {len(rows[0])}")
    return np.array(
        [
            [_number(cell, number, column) for column, cell in enumerate(row, 1)]
            for number, row in enumerate(rows, 1)
        ]
    )


def _number(cell: str, row: int, column: int) -> float:
    try:
        if "_" not in cell:  # which Python takes between digits
            return float(cell) if cell else math.nan
    except ValueError:
        pass
    shown = cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…"
    raise DecodeError(f"row {row}, column {column}: {shown!r} is no number. Send numbers, without a header")


def _check_texts(cells: int, longest: int) -> None:
    """DecodeError where an array of texts, which gives each cell the room of the longest, would be huge."""
    if cells * longest * 4 > _MOST_TEXT:
        raise DecodeError(
            f"{cells:,} cells, one of them of {longest:,} characters, are too much for an array"
        )


def csv_to_numpy(string_like: str | bytes, dtype: Any = None) -> Array:
    """A CSV as numbers, or as text where it holds any; one line, or one column, gives one dimension."""
    rows = csv_rows(string_like)
    _check_texts(sum(map(len, rows)), max((len(cell) for row in rows for cell in row), default=0))
    try:
        array: Array = np.array(rows).squeeze()
    except ValueError:
        raise DecodeError("the CSV's lines have different numbers of fields") from None
    try:
        return array.astype(dtype or np.float64)
    except ValueError as error:
        if dtype is None:
            return array
        raise DecodeError(f"the CSV cannot be read as {np.dtype(dtype)}: {error}") from None


def array_to_csv(array_like: Any) -> str:
    """As CSV: a row a line, or a value a line where there is one dimension. ClientError for any other."""
    array = array_of(array_like)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise ClientError(f"CSV is written of one or two dimensions, and this has {array.ndim}")
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(array)
    return stream.getvalue()


def array_of(array_like: Any) -> Array:
    """As an array; of a sparse matrix all entries."""
    return np.asarray(array_like.toarray() if hasattr(array_like, "toarray") else array_like)


def array_to_recordio_protobuf(array_like: Any, labels: Any = None) -> bytes:
    """Rows as records, with their labels where given. ClientError for more than two dimensions."""
    array = array_of(array_like)
    array = array.reshape(1, -1) if array.ndim == 1 else array
    if array.ndim != 2:
        raise ClientError(f"records are written of one or two dimensions, and this has {array.ndim}")
    named = [{}] * len(array) if labels is None else [{VALUES: Tensor(np.atleast_1d(one))} for one in labels]
    return write_records(
        Record({VALUES: Tensor(row)}, label) for row, label in zip(array, named, strict=True)
    )


ENCODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    NPY: array_to_npy,
    CSV: array_to_csv,
    JSON: array_to_json,
}
DECODERS: Final[Mapping[str, Callable[[Any], Array]]] = {
    NPY: npy_to_numpy,
    CSV: csv_to_numpy,
    JSON: json_to_numpy,
}


def decode(obj: Any, content_type: str) -> Array:
    """A body of exactly one of the three types. UnsupportedFormatError for another, DecodeError."""
    array: Array = _of(DECODERS, content_type)(obj)
    return array


def encode(array_like: Any, content_type: str) -> Any:
    """A body of exactly one of the three types. UnsupportedFormatError for another."""
    return _of(ENCODERS, content_type)(array_like)


def inference_decode(obj: Any, content_type: str) -> Array:
    """The same as ``sagemaker_inference`` has it: of text in CSV it makes NaN."""
    if content_type != CSV:
        return decode(obj, content_type)
    try:
        return np.asarray(np.genfromtxt(io.StringIO(text_of(obj)), delimiter=","))
    except ValueError as error:
        raise DecodeError(f"the body is no CSV of numbers: {error}") from None


def inference_encode(array_like: Any, content_type: str) -> Any:
    """The same as ``sagemaker_inference`` has it: without quotes in CSV."""
    if content_type != CSV:
        return encode(array_like, content_type)
    stream = io.StringIO()
    np.savetxt(stream, array_of(array_like), delimiter=",", fmt="%s")
    return stream.getvalue()


def _of(table: Mapping[str, Callable[[Any], Any]], content_type: str) -> Callable[[Any], Any]:
    if content_type not in table:
        raise UnsupportedFormatError(content_type)
    return table[content_type]
