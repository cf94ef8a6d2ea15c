"""The scikit-learn container's functions: JSON, CSV and npy as arrays of float32, and back.

The original drops dimensions of length one, so that a CSV of one line becomes what scikit-learn refuses. Here rows stay
rows: a line of CSV is one, a flat list of JSON is one, and an empty cell is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from skewless.scripts.hosting.defaults import Defaults
from skewless.scripts.toolkit import arrays
from skewless.scripts.toolkit.arrays import Array
from skewless.scripts.toolkit.content_types import CSV, JSON, NPY
from skewless.scripts.toolkit.errors import DecodeError, UnsupportedFormatError


def input_fn(body: Any, content_type: str) -> Array:
    """Rows of numbers. UnsupportedFormatError for any other type, to the letter; DecodeError names row and column."""
    if content_type not in _READERS:
        raise UnsupportedFormatError(content_type)
    return _READERS[content_type](body)


def original_input_fn(body: Any, content_type: str) -> Array:
    """As many dimensions as the original gives."""
    return _floats(arrays.decode(body, content_type))


def predict_fn(data: Any, model: Any) -> Any:
    """What the model predicts."""
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> tuple[Any, str]:
    """JSON, CSV and npy. UnsupportedFormatError for any other type, to the letter."""
    return arrays.encode(prediction, accept), accept


def _json(body: str) -> Array:
    return _rows(arrays.json_to_numpy(body))


def _npy(body: bytes) -> Array:
    return _rows(arrays.npy_to_numpy(body))


def _rows(array: Array) -> Array:
    numbers = _floats(array)
    if not numbers.ndim:
        raise DecodeError("the body is one value and no list of rows")
    if not numbers.size:
        raise DecodeError("the body has no row")
    return numbers.reshape(1, -1) if numbers.ndim == 1 else numbers


def _floats(array: Array) -> Array:
    try:
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(
            f"the body is no array of numbers: {error}. Write an input_fn to take anything else."
        ) from None


def _csv(body: str) -> Array:
    rows = arrays.csv_rows(body)
    if not rows:
        raise DecodeError("the body has no row")
    return _floats(arrays.numbers_of(rows))


_READERS: Final[Mapping[str, Callable[[Any], Array]]] = {JSON: _json, CSV: _csv, NPY: _npy}

DEFAULTS: Final = Defaults(input_fn, predict_fn, output_fn)
ORIGINAL: Final = Defaults(original_input_fn, predict_fn, output_fn)
