"""Columns kept in less room than their values take: by each row's code, or by the parts of a vector.

They are columns like any other, and are spread out when somebody asks for their values. Who knows them works on the
few distinct cells instead, or writes the parts straight to where they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.native.placing import place
from skewless.schema import Type, vector
from skewless.table import Column, Mask, Numbers
from skewless.vectors import Csr, is_sparse

Codes: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""Positions of cells among the distinct ones."""

_MOST_MERGED: Final = 512
"""Rows of a table that stands for two: as many as leave it in the nearest cache."""


class Coded(Column):
    """A column of numbers or vectors whose cells are few: row r's is cell ``codes[r]`` of ``distinct``."""

    def __init__(self, distinct: Column, codes: Codes) -> None:
        self.distinct = distinct
        self.codes = codes.astype(np.int32, copy=False)

    @property
    def type(self) -> Type:
        return self.distinct.type

    @property
    def values(self) -> Any:
        return self._whole.values

    @property
    def nulls(self) -> Mask | None:
        marks = self.distinct.nulls
        return None if marks is None or not marks.any() else marks[self.codes]

    @property
    def sparse(self) -> Mask | None:
        # None would say that all rows of a `Csr` are sparse.
        return None if self.distinct.sparse is None else self.distinct.sparse[self.codes]

    @cached_property
    def _whole(self) -> Column:
        values = self.distinct.values
        if isinstance(values, Csr):
            return Column(self.type, values.take(self.codes.astype(np.int64)))
        return Column(self.type, values.take(self.codes, axis=0))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def null_mask(self) -> Mask | None:
        return self.nulls

    def take(self, keep: Mask) -> Column:
        return Coded(self.distinct, self.codes[keep])


class Joined(Column):
    """Numbers and vectors side by side in one dense matrix, -0.0 as 0.0 and null as NaN in every slot.

    ``forms``: whether rows that take less room so are in sparse form, as Spark's ``compressed`` decides.
    """

    nulls: None = None

    def __init__(self, parts: Sequence[Column], rows: int, *, forms: bool = True) -> None:
        self.parts = tuple(parts)
        self.rows = rows
        self.forms = forms
        self.width = sum(map(_width, self.parts))

    @property
    def type(self) -> Type:
        return vector(self.width)

    @property
    def values(self) -> Any:
        return self._matrix

    @cached_property
    def _matrix(self) -> Numbers:
        return self._filled("f8")

    @property
    def sparse(self) -> Mask | None:
        return self._sparse if self.forms else None

    @cached_property
    def _sparse(self) -> Mask:
        stored = np.zeros(self.rows, np.int64)
        for part in self.parts:
            stored += _by_distinct(part, lambda cells: np.count_nonzero(_slots(cells), axis=1))
        mask: Mask = is_sparse(stored, self.width)
        return mask

    def __len__(self) -> int:
        return self.rows

    @property
    def null_mask(self) -> None:
        return None

    def take(self, keep: Mask) -> Column:
        kept = int(np.count_nonzero(keep))
        return Joined([part.take(keep) for part in self.parts], kept, forms=self.forms)

    def spread(self) -> Column:
        return Joined(self.parts, self.rows, forms=False)

    def floats(self) -> Numbers:
        return self._filled("f4")

    def _filled(self, dtype: str) -> Numbers:
        whole: Numbers = np.empty((self.rows, self.width), dtype)
        start = 0
        for part in _merged(self.parts):
            end = start + _width(part)
            if isinstance(part, Coded):
                place(part.codes, _slots(part.distinct).astype(dtype), whole, start)
            else:
                whole[:, start:end] = _slots(part)
            start = end
        return whole


def _merged(parts: Sequence[Column]) -> list[Column]:
    """The same slots from fewer parts: coded neighbours become one, as long as their cells are few together."""
    made: list[Column] = []
    for part in parts:
        before = made[-1] if made else None
        if isinstance(part, Coded) and isinstance(before, Coded):
            many = len(part.distinct)
            if len(before.distinct) * many <= _MOST_MERGED:
                cells = [np.repeat(_slots(before.distinct), many, axis=0)]
                cells.append(np.tile(_slots(part.distinct), (len(before.distinct), 1)))
                both = np.concatenate(cells, axis=1)
                made[-1] = Coded(Column(vector(both.shape[1]), both), before.codes * many + part.codes)
                continue
        made.append(part)
    return made


def _by_distinct(column: Column, work: Callable[[Column], Numbers]) -> Numbers:
    return work(column.distinct)[column.codes] if isinstance(column, Coded) else work(column)


def _width(column: Column) -> int:
    if isinstance(column, Joined):
        return column.width
    cells = column.distinct if isinstance(column, Coded) else column
    return int(cells.values.shape[1]) if cells.type.is_vector else 1


def _slots(column: Column) -> Numbers:
    """A column's part of the matrix."""
    slots: Numbers = column.dense() if column.type.is_vector else column.numbers()[:, None]
    slots = slots + 0.0  # turns -0.0 into 0.0 and changes nothing else
    if column.nulls is not None:
        slots[column.nulls] = np.nan
    return slots
