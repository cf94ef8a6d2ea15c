"""Values on their way to the user's functions and back, checked against the declared types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from skewless.schema import INTEGERS, Base, Field, Struct, Type, vector
from skewless.table import DTYPES, Column, column_from_arrow, to_arrow, vectors_of
from skewless.vectors import WIDE, Csr, SparseVector, dense

_NUMBER: Final = (int, float, np.integer, np.floating)


class Misfit(Exception):
    """A function gave something else than it declares; ``row`` counts from 1."""

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.row = row


def given_cell(type_: Type) -> Callable[[Any], Any]:
    """From a row kernel's value to what the user's function gets: a copy of anything that it could change."""
    if type_.is_vector:
        return lambda cell: None if cell is None else np.array(dense(cell), np.float64)
    if type_.struct is Struct.ARRAY:
        return lambda cell: None if cell is None else list(cell)
    if type_.base is Base.FLOAT:
        return lambda cell: None if cell is None else float(np.float32(cell))
    return lambda cell: cell


def given_column(column: Column) -> Any:
    """The same for a batch; None for vectors that have no plain array, some being null or all of them wide."""
    if not column.type.is_vector:
        return to_arrow(column)
    if isinstance(column.values, Csr) or (column.nulls is not None and column.nulls.any()):
        return None
    shown = column.dense().view()
    # Other stages read the same array.
    shown.flags.writeable = False
    return shown


def taken_cell(type_: Type) -> Callable[[Any], Any]:
    """From what the user's function gave for a row to the kernel's value; Misfit where it is of another type."""
    if type_.is_vector:
        return lambda value: _vector(value, type_)
    if type_.struct is Struct.BASIC:
        return _single(type_.base)
    item = _single(type_.base)

    def array(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, list | tuple | np.ndarray):
            return [item(one) for one in value]
        raise _misfit(value, str(type_))

    return array


def column_of(values: Any, field: Field, rows: int) -> Column:
    """From what the user's function gave for a batch to a column. Misfit or ValueRefused where it is something else."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, np.ndarray | pa.Array):
        raise Misfit(f"a {type(values).__name__} where an Arrow or numpy array belongs")
    if len(values) != rows:
        raise Misfit(f"{len(values)} rows for a batch of {rows}")
    if field.type.is_vector and isinstance(values, np.ndarray):
        return _vectors(values, field)
    if isinstance(values, np.ndarray):
        values = _arrow(values)
    if field.type.base in INTEGERS and pa.types.is_floating(values.type):
        raise Misfit(f"{values.type} where {field.type} is declared")
    return column_from_arrow(pa.table({field.name: values}), field)


def _vectors(values: Any, field: Field) -> Column:
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise Misfit(f"an array of {values.dtype} with {values.ndim} dimensions where rows by slots belong")
    size = values.shape[1]
    if field.type.size not in (None, size):
        raise Misfit(f"vectors of {size} slots where {field.type} is declared")
    slots = np.ascontiguousarray(values, np.float64)
    return vectors_of(slots.tolist(), field) if size > WIDE else Column(vector(size), slots)


def _arrow(values: Any) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise Misfit(f"an array of {values.dtype} that Arrow cannot hold: {error}") from None


def _single(base: Base) -> Callable[[Any], Any]:
    if base is Base.STRING:
        return _string
    if base is Base.BOOLEAN:
        return _boolean
    if base in INTEGERS:
        limit = 2 ** (8 * np.dtype(DTYPES[base]).itemsize - 1) - 1
        return lambda value: _integer(value, base, limit)
    return lambda value: _float(value, base)


def _string(value: Any) -> str | None:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return value.encode().decode()
    except UnicodeEncodeError:
        pass
    raise _misfit(value, "string")


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    raise _misfit(value, "boolean")


def _integer(value: Any, base: Base, limit: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and -limit - 1 <= value <= limit:
        return int(value)
    raise _misfit(value, str(base))


def _float(value: Any, base: Base) -> float | None:
    if value is None:
        return None
    if not isinstance(value, _NUMBER) or isinstance(value, bool):
        raise _misfit(value, str(base))
    try:
        number = float(value)
    except OverflowError:
        raise _misfit(value, str(base)) from None
    with np.errstate(over="ignore"):
        return number if base is Base.DOUBLE else float(np.float32(number))


def _vector(value: Any, type_: Type) -> Any:
    if value is None:
        return None
    if isinstance(value, SparseVector):
        made: Any = SparseVector(value.size, *_stored(value, type_))
    elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1):
        made = [_slot(slot, type_) for slot in value]
    else:
        raise _misfit(value, str(type_))
    if type_.size not in (None, len(made)):
        raise Misfit(f"a vector of {len(made)} slots where {type_} is declared")
    return made


def _stored(value: SparseVector, type_: Type) -> tuple[Sequence[int], Sequence[float]]:
    indices, slots = list(map(int, value.indices)), [_slot(slot, type_) for slot in value.values]
    ascending = all(one < other for one, other in zip([-1, *indices], [*indices, value.size], strict=True))
    if len(indices) != len(slots) or not ascending:
        raise Misfit(f"{value!r}, whose indices are not ascending, each with a value")
    return indices, slots


def _slot(value: Any, type_: Type) -> float:
    number = _float(value, Base.DOUBLE)
    if number is None:
        raise Misfit(f"a null among the slots of a {type_}")
    return number


def _misfit(value: Any, wanted: str) -> Misfit:
    text = repr(value)
    shown = text if len(text) <= 80 else f"{text[:80]}…"
    return Misfit(f"{shown} ({type(value).__name__}), which is no {wanted}")
