"""Features for XGBoost, whose numbers are 32-bit floats: from a vector, an array, or a column for each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from skewless.arrow import pc
from skewless.boosters.library import Floats
from skewless.ops.blas import check_row, checked
from skewless.ops.classifiers import check_type
from skewless.ops.op import Refused, TypeRefused
from skewless.schema import Base, Struct, Type
from skewless.table import Column
from skewless.vectors import Csr, SparseVector

MOST_CELLS: Final = 1 << 24
"""Wide vectors are spread out so many slots at a time: 64 MB."""
_ARRAYS: Final = (Base.DOUBLE, Base.FLOAT, Base.LONG, Base.INT, Base.SHORT)


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """How feature columns become rows of ``size`` floats.

    Null numbers are NaN, which XGBoost takes for missing. A slot that a sparse vector leaves out is 0.0, or NaN where
    ``absent_missing``. With ``refuses_infinity`` an infinite float is Refused, as by XGBoost's own matrix.
    """

    size: int
    absent_missing: bool = False
    refuses_infinity: bool = False

    def check(self, types: Sequence[Type]) -> None:
        """TypeRefused where columns of these types cannot hold the features."""
        if len(types) > 1 or types[0].is_number:
            for position, type_ in enumerate(types):
                if not type_.is_number:
                    raise TypeRefused(f"a feature must be a number, not {type_}", input=position)
        elif types[0].struct is not Struct.ARRAY or types[0].base not in _ARRAYS:
            check_type(types[0], self.size)

    def parts(self, columns: Sequence[Column]) -> Iterator[tuple[slice, Floats]]:
        """The columns' rows, some at a time. Refused with the first row that will not do."""
        length, step = len(columns[0]), max(1, MOST_CELLS // self.size)
        if columns[0].type.is_vector:
            checked(columns[0], self.size)
        for start in range(0, max(length, 1), step):
            part = slice(start, min(start + step, length))
            with np.errstate(over="ignore"):
                rows = self._matrix(columns, part)
            if self.refuses_infinity and np.isinf(rows).any():
                row, slot = np.argwhere(np.isinf(rows))[0].tolist()
                raise _infinite(slot, float(rows[row, slot]), start + row)
            yield part, rows

    def _matrix(self, columns: Sequence[Column], part: slice) -> Floats:
        first = columns[0]
        if first.type.is_number:
            made: Floats = np.stack([narrow_column(column)[part] for column in columns], axis=1)
        elif first.type.is_vector:
            made = self._vectors(first, part)
        else:
            made = self._arrays(first.values[part], part.start)
        return np.ascontiguousarray(made)

    def _vectors(self, column: Column, part: slice) -> Floats:
        if isinstance(column.values, Csr):
            stored = column.values.take(np.arange(part.start, part.stop))
            absent = np.where(column.sparse_rows[part] & self.absent_missing, math.nan, 0.0)
            made = np.repeat(absent.astype(np.float32), self.size).reshape(-1, self.size)
            rows = np.repeat(np.arange(len(stored)), np.diff(stored.starts))
            kept = (stored.values != 0.0) | ~column.sparse_rows[part][rows]
            made[rows[kept], stored.indices[kept]] = stored.values[kept]
            return made
        slots: Floats = column.values[part].astype(np.float32)
        if self.absent_missing and column.sparse is not None:
            slots[(column.values[part] == 0.0) & column.sparse[part][:, None]] = math.nan
        return slots

    def _arrays(self, array: pa.ListArray, start: int) -> Floats:
        lengths = pc.fill_null(pc.list_value_length(array), -1).to_numpy(zero_copy_only=False)
        if (lengths != self.size).any():
            wrong = int(np.argmax(lengths != self.size))
            check_row(array[wrong].as_py(), self.size, start + wrong)
        flat = array.flatten()
        numbers = flat.drop_null().to_numpy(zero_copy_only=False).astype(np.float32)
        made = np.full(len(flat), math.nan, np.float32)
        made[flat.is_valid().to_numpy(zero_copy_only=False)] = numbers
        shaped: Floats = made.reshape(-1, self.size)
        return shaped

    def cells(self, types: Sequence[Type]) -> Callable[..., Sequence[float]]:
        """The function from a row's cells to its numbers, NaN for null; Refused as in `parts`."""
        size = self.size
        narrows = [_whole if type_.base is Base.LONG else float for type_ in types]

        def columns(*cells: Any) -> list[float]:
            return [
                math.nan if cell is None else narrow(cell)
                for cell, narrow in zip(cells, narrows, strict=True)
            ]

        def array(cells: Sequence[Any] | None) -> list[float]:
            if cells is None or len(cells) != size:
                check_row(cells, size)  # type: ignore[arg-type]
            return [math.nan if cell is None else narrows[0](cell) for cell in cells or ()]

        def vector(features: Any) -> list[float]:
            if features is None or len(features) != size:
                check_row(features, size)
            return self._spread(features) if isinstance(features, SparseVector) else features

        if types[0].is_number:
            made: Callable[..., list[float]] = columns
        else:
            made = vector if types[0].is_vector else array
        return self._finite(made) if self.refuses_infinity else made

    def _spread(self, features: SparseVector) -> list[float]:
        made = [math.nan if self.absent_missing else 0.0] * features.size
        for index, value in zip(features.indices, features.values, strict=True):
            # A stored zero is treated as one that is left out: a batch does not tell them apart.
            if value != 0.0:
                made[index] = value
        return made

    def _finite(self, made: Callable[..., list[float]]) -> Callable[..., list[float]]:
        def kernel(*cells: Any) -> list[float]:
            numbers = made(*cells)
            narrow = narrow_row(numbers)
            if np.isinf(narrow).any():
                slot = int(np.argmax(np.isinf(narrow)))
                raise _infinite(slot, float(narrow[slot]), 0)
            return numbers

        return kernel


def narrow_column(column: Column) -> Floats:
    """A column of numbers as 32-bit floats, rounded once; NaN where it is null."""
    with np.errstate(over="ignore"):
        made: Floats = np.asarray(column.values).astype(np.float32)
    return made if column.nulls is None else np.where(column.nulls, np.float32(math.nan), made)


def narrow_row(numbers: Sequence[float]) -> Floats:
    """One row as 32-bit floats; too large a number is infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(numbers, np.float64).astype(np.float32)


def _whole(number: int) -> float:
    """A long as a 32-bit float, rounded once: by way of a double it would be rounded twice."""
    return float(np.int64(number).astype(np.float32))


def _infinite(slot: int, value: float, position: int) -> Refused:
    return Refused(
        f"feature {slot} is {value} as a 32-bit float, which XGBoost refuses here",
        value=value,
        position=position,
        hint="Send NaN where the value is missing; numbers go up to 3.4028235e38.",
    )
