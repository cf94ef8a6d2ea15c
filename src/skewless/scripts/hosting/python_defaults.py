"""An own Python container's functions: bodies as plain Python values, and back.

JSON is what it says; JSON Lines a list of it; CSV a list of rows, whose cells are text, since a cell does not say what
it is; npy an array; other text is text. Parameters of content types do not matter.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from skewless.scripts.hosting.defaults import Defaults
from skewless.scripts.toolkit import arrays
from skewless.scripts.toolkit.content_types import CSV, JSON, JSON_LINES, NPY
from skewless.scripts.toolkit.errors import DecodeError, UnsupportedFormatError
from skewless.scripts.toolkit.response import plain_type

_JSON_LINES_TOO: Final = ("application/x-jsonlines", "application/x-ndjson")
TEXT: Final = "text/plain"


def input_fn(body: Any, content_type: str) -> Any:
    """A body's values. UnsupportedFormatError for a type that is not read, DecodeError for what is not of its type."""
    plain = plain_type(content_type)
    if plain not in _READERS:
        raise UnsupportedFormatError(content_type)
    return _READERS[plain](body)


def output_fn(prediction: Any, accept: str) -> tuple[Any, str]:
    """A body of the values. UnsupportedFormatError for a type that is not written."""
    plain = plain_type(accept)
    if plain not in _WRITERS:
        raise UnsupportedFormatError(accept)
    return _WRITERS[plain](prediction), accept


def writes(content_type: str) -> bool:
    """Whether values are written in this type."""
    return plain_type(content_type) in _WRITERS


def _read_lines(body: Any) -> list[Any]:
    values = []
    for number, line in enumerate(arrays.text_of(body).splitlines(), 1):
        if line.strip():
            try:
                values.append(arrays.json_of(line))
            except DecodeError as error:
                raise DecodeError(f"line {number}: {error}") from None
    return values


def _write_lines(prediction: Any) -> str:
    return "".join(f"{arrays.array_to_json(value)}\n" for value in _listed(prediction, "JSON Lines"))


def _write_csv(prediction: Any) -> str:
    stream = io.StringIO()
    rows = _listed(prediction, "CSV")
    csv.writer(stream, lineterminator="\n").writerows(
        list(row) if isinstance(row, Sequence) and not isinstance(row, str | bytes) else [row]
        for row in (_plain(row) for row in rows)
    )
    return stream.getvalue()


def _listed(prediction: Any, form: str) -> Any:
    """The rows. TypeError for what has none."""
    found = _plain(prediction)
    if isinstance(found, str | bytes | Mapping) or not hasattr(found, "__iter__"):
        raise TypeError(
            f"a {type(prediction).__name__} has no rows to write as {form}: give a list with an entry for each row"
        )
    return found


def _plain(value: Any) -> Any:
    """Arrays, frames and sparse matrices as arrays; their rows are sequences of numbers as they print."""
    if hasattr(value, "toarray") or hasattr(value, "to_numpy"):
        value = arrays.array_of(value)
    return list(value) if hasattr(value, "ndim") and value.ndim else value


def _write_text(prediction: Any) -> str | bytes:
    return prediction if isinstance(prediction, str | bytes) else str(prediction)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    JSON: arrays.json_of,
    **dict.fromkeys((JSON_LINES, *_JSON_LINES_TOO), _read_lines),
    CSV: arrays.csv_rows,
    NPY: arrays.npy_to_numpy,
    TEXT: arrays.text_of,
}
_WRITERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    JSON: arrays.array_to_json,
    **dict.fromkeys((JSON_LINES, *_JSON_LINES_TOO), _write_lines),
    CSV: _write_csv,
    NPY: arrays.array_to_npy,
    TEXT: _write_text,
}

DEFAULTS: Final = Defaults(input_fn, None, output_fn)
