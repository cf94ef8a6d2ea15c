"""Bodies that the XGBoost container reads: CSV, libsvm, Parquet and recordio-protobuf, to tables of features.

A table has a column for each feature; or, where rows come with the entries that they have, one column of sparse rows,
whose absent entries are missing, as they are to XGBoost. Such rows are never spread out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import nan
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from skewless.boosters.booster import REFUSED
from skewless.codecs.arrowstream import ARROW, read_stream
from skewless.codecs.libsvm import read_libsvm
from skewless.codecs.recordio import read_examples
from skewless.containers import xgboost_csv
from skewless.containers.base import media_type
from skewless.errors import BodyError, ContentTypeError, EmptyBody, RequestError, ValueRefused
from skewless.lazy import resolve
from skewless.schema import DOUBLE, vector
from skewless.table import Column, Table
from skewless.vectors import Csr

SPARSE: Final = "features"
"""The only column of a table of sparse rows."""

CSV, LIBSVM, PARQUET, RECORDIO = "csv", "libsvm", "parquet", "recordio-protobuf"
FORMATS: Final[Mapping[str, str]] = {
    "": LIBSVM,
    CSV: CSV,
    LIBSVM: LIBSVM,
    PARQUET: PARQUET,
    RECORDIO: RECORDIO,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO,
}
"""Content types to formats. A body without a content type is taken for libsvm, as in the original."""

PARQUET_FILE: Final = "pyarrow.parquet:ParquetFile"
"""With it come file systems in clouds, which few requests are worth."""

_READ_HERE: Final = ", ".join(list(FORMATS)[1:])
_MOST_CELLS: Final = 1 << 27
"""Cells of a Parquet file, whose size on the wire says little of how many there are."""


class Taking(Protocol):
    """What a reader must know of the model."""

    @property
    def features(self) -> int:
        """How many there are."""

    def shape_error(self, got: int) -> ValueRefused:
        """The refusal of another number."""


class Requests:
    """Reads bodies for one model.

    ``strict`` follows the original: libsvm indices count from 1 where a body has no 0, and features may be missing at
    the end of rows, ``short`` of them (None for any number).
    """

    def __init__(self, model: Taking, *, strict: bool = False, short: int | None = None) -> None:
        self.model = model
        self.strict = strict
        self.short = model.features if short is None else short

    def read(self, body: bytes, content_type: str | None) -> Table:
        """A body. ContentTypeError, BodyError, EmptyBody; ValueRefused for a wrong number of features."""
        kind = media_type(content_type)
        if kind == ARROW and not self.strict:
            return self._columns(read_stream(body))
        if kind not in FORMATS:
            raise ContentTypeError(
                f"{kind} is not an accepted ContentType: {_READ_HERE}.",
                value=content_type,
                hint="Send text/csv, one record a line without a header; a container before this one sends it with "
                "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=text/csv in its environment.",
            )
        if not body:
            raise EmptyBody("the body has no record", hint="Send one record or more.")
        return _READERS[FORMATS[kind]](self, body)

    def csv(self, body: bytes) -> Table:
        """Numbers, without a header and without a label."""
        width = self.model.features
        if self.strict:
            width = self._taken(xgboost_csv.first_width(body))
        columns: list[Any] = list(xgboost_csv.columns_of(body, width, self.model.shape_error))
        return self._dense(columns, len(columns[0]))

    def csv_row(self, fields: Sequence[str]) -> list[float]:
        """The row path of `csv`."""
        width = self._taken(len(fields))
        numbers = xgboost_csv.numbers_of(fields, width, 1, self.model.shape_error)
        return numbers + [nan] * (self.model.features - width)

    def libsvm(self, body: bytes) -> Table:
        """``index:value`` pairs, with a label before them or without."""
        with _as(LIBSVM):
            try:
                found = read_libsvm(body, labelled=False)
            except ValueRefused as refused:
                refused.message = REFUSED + refused.message
                raise
        indices = found.indices
        if self.strict and len(indices) and indices.min() >= 1:
            indices = indices - 1
        hint = (
            f"Indices are those of training, from 0 to {self.model.features - 1}, whichever a body has; where yours "
            "count from 1 and the model's from 0, subtract 1."
        )
        return self._sparse(found.starts, indices, found.values, hint)

    def parquet(self, body: bytes) -> Table:
        """One column for each feature, by position; null is missing."""
        with _as(PARQUET):
            try:
                file = resolve(PARQUET_FILE)(pa.py_buffer(body))
                width, rows = file.metadata.num_columns, file.metadata.num_rows
                if width * rows > _MOST_CELLS:
                    raise BodyError(
                        f"the file has {rows:,} rows of {width:,} columns: over {_MOST_CELLS:,} cells"
                    )
                for name, kind in zip(file.schema_arrow.names, file.schema_arrow.types, strict=True):
                    _check_numbers(name, kind)
                table = file.read()
                columns = [_doubles(column) for column in table.columns]
            except (pa.ArrowException, OSError, OverflowError, MemoryError, UnicodeDecodeError) as error:
                raise BodyError(str(error).partition("\n")[0]) from None
        if not len(table):
            raise EmptyBody("the file has no row", hint="Send one record or more.")
        return self._dense(columns, len(table))

    def _columns(self, table: pa.Table) -> Table:
        """An Arrow table as a Parquet file's."""
        for name, kind in zip(table.column_names, table.schema.types, strict=True):
            _check_numbers(name, kind)
        return self._dense([_doubles(column) for column in table.columns], len(table))

    def recordio(self, body: bytes) -> Table:
        """Records whose feature ``values`` is a dense or a sparse tensor; labels are passed over."""
        with _as(RECORDIO):
            found = read_examples(body)
        if found.dense:
            whole = found.values.reshape(len(found), found.width).astype(np.float64)
            return self._dense(list(whole.T), len(found))
        hint = f"Keys count from 0 to {self.model.features - 1}."
        return self._sparse(found.starts, found.columns, found.values, hint)

    def table(self, columns: Sequence[Any], length: int, rows: Any) -> Table:
        """A column for each feature."""
        return Table(
            {f"f{place}": Column(DOUBLE, values) for place, values in enumerate(columns)}, length, rows
        )

    def _dense(self, columns: list[Any], length: int) -> Table:
        missing = self.model.features - len(columns)
        if self._taken(len(columns)) != len(columns):
            error = self.model.shape_error(len(columns))
            error.row = 1
            raise error
        return self.table([*columns, *[np.full(length, nan)] * missing], length, None)

    def _taken(self, width: int) -> int:
        """How many features a record must have where the first has so many."""
        short = self.model.features - width
        return width if self.strict and 0 < short <= self.short else self.model.features

    def _sparse(self, starts: Any, indices: Any, values: Any, hint: str) -> Table:
        size = self.model.features
        for wrong in np.flatnonzero(indices >= size)[:1]:
            error = self.model.shape_error(int(indices[wrong]) + 1)
            error.row, error.hint = int(np.searchsorted(starts, wrong, "right")), hint
            raise error
        rows = Csr(starts, indices, values.astype(np.float64), size)
        return Table({SPARSE: Column(vector(size), rows)}, len(rows))


_READERS: Final[Mapping[str, Callable[[Requests, bytes], Table]]] = {
    CSV: Requests.csv,
    LIBSVM: Requests.libsvm,
    PARQUET: Requests.parquet,
    RECORDIO: Requests.recordio,
}


@contextmanager
def _as(kind: str) -> Iterator[None]:
    """Refusals of a body begin as in the original."""
    try:
        yield
    except EmptyBody:
        raise
    except RequestError as error:
        if isinstance(error, BodyError):
            error.message = (
                f"Loading {kind} data failed with Exception, please ensure data is in {kind} format:\n "
                f"{ValueError}\n {error.message}"
            )
        raise


def _check_numbers(name: str, kind: pa.DataType) -> None:
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise BodyError(f"column {name[:80]!r} is of type {kind}, not numbers", column=name[:80])


def _doubles(column: pa.ChunkedArray) -> Any:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return column.cast(pa.float64(), safe=False).fill_null(nan).to_numpy()
