"""Bodies as XGBoost's own matrices: ``sagemaker_xgboost_container.encoder``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import xgboost
from scipy.sparse import csr_matrix

from skewless.codecs.libsvm import read_libsvm
from skewless.codecs.recordio import read_examples
from skewless.containers.xgboost_csv import delimiter_of, fields_of
from skewless.errors import RequestError
from skewless.scripts.toolkit import content_types
from skewless.scripts.toolkit.arrays import numbers_of, text_of
from skewless.scripts.toolkit.errors import DecodeError, UnsupportedFormatError
from skewless.scripts.toolkit.response import plain_type


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> xgboost.DMatrix:
    """Lines of numbers, the delimiter told by the first; an empty cell is missing. DecodeError, a ValueError, else."""
    lines = [line for line in text_of(input).splitlines() if line.strip(" ")]
    if not lines:
        raise DecodeError("the body has no line")
    delimiter = delimiter_of(lines[0])
    try:
        rows = [fields_of(line, delimiter, row) for row, line in enumerate(lines, 1)]
    except RequestError as error:
        raise DecodeError(str(error)) from None
    return xgboost.DMatrix(numbers_of(rows).astype(dtype or np.float64))


def libsvm_to_dmatrix(string_like: str | bytes) -> xgboost.DMatrix:
    """libsvm, with labels or without. DecodeError names the row."""
    body = string_like.encode() if isinstance(string_like, str) else bytes(string_like)
    try:
        rows = read_libsvm(body, labelled=False)
    except RequestError as error:
        raise DecodeError(str(error)) from None
    # Indices as they are: get_dmatrix, and XGBoost's own reader of files, train on the same columns.
    matrix = csr_matrix((rows.values, rows.indices, rows.starts), shape=(rows.rows, rows.width))
    return xgboost.DMatrix(matrix)


def recordio_protobuf_to_dmatrix(string_like: bytes) -> xgboost.DMatrix:
    """Records of one tensor each; labels are passed over. DecodeError names the record."""
    try:
        found = read_examples(bytes(string_like))
    except RequestError as error:
        raise DecodeError(str(error)) from None
    if found.dense:
        return xgboost.DMatrix(found.values.reshape(len(found), found.width))
    return xgboost.DMatrix(
        csr_matrix((found.values, found.columns, found.starts), shape=(len(found), found.width))
    )


DECODERS: Final[Mapping[str, Callable[[Any], xgboost.DMatrix]]] = {
    content_types.CSV: csv_to_dmatrix,
    content_types.LIBSVM: libsvm_to_dmatrix,
    content_types.X_LIBSVM: libsvm_to_dmatrix,
    content_types.X_RECORDIO_PROTOBUF: recordio_protobuf_to_dmatrix,
}


def decode(obj: Any, content_type: str) -> xgboost.DMatrix:
    """A body by its content type, whose parameters do not matter. UnsupportedFormatError for another."""
    plain = plain_type(content_type)
    if plain not in DECODERS:
        raise UnsupportedFormatError(plain)
    return DECODERS[plain](obj)


def json_to_jsonlines(json_data: Any) -> bytes:
    """``{"predictions": [...]}`` as a line for each. ValueError for any other key beside it."""
    found = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(found) != 1:
        raise ValueError(f"one key becomes lines, and there are {len(found)}: {', '.join(sorted(found))}")
    (entries,) = found.values()
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()
