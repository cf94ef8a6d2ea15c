"""`Table`: named, typed columns in memory, and the step to and from Arrow.

How a column keeps its values: numbers and booleans in a one-dimensional numpy array of the type's own width; strings
in an Arrow string or dictionary array; vectors in a two-dimensional float64 array (rows by slots); arrays in an Arrow
list array.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skewless.errors import ValueRefused
from skewless.javatext import value_text
from skewless.schema import Base, Field, Schema, Struct, Type, vector

Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]

DTYPES: Final[Mapping[Base, type[np.generic]]] = {
    Base.BOOLEAN: np.bool_,
    Base.BYTE: np.int8,
    Base.SHORT: np.int16,
    Base.INT: np.int32,
    Base.LONG: np.int64,
    Base.FLOAT: np.float32,
    Base.DOUBLE: np.float64,
}
_ARROW: Final[Mapping[Base, pa.DataType]] = {
    **{base: pa.from_numpy_dtype(dtype) for base, dtype in DTYPES.items()},
    Base.STRING: pa.string(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of one column. ``nulls`` marks null rows of numbers and vectors (Arrow arrays keep their own)."""

    type: Type
    values: Any
    nulls: Mask | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def null_mask(self) -> Mask | None:
        """Which rows are null, or None where none is."""
        if isinstance(self.values, pa.Array):
            if self.values.null_count == 0:
                return None
            return np.asarray(self.values.is_null().to_numpy(zero_copy_only=False))
        return self.nulls

    def numbers(self) -> Numbers:
        """Numbers or booleans as float64, the way Spark casts to double; null rows hold NaN."""
        values: Numbers = np.asarray(self.values).astype(np.float64)
        if self.nulls is not None:
            values[self.nulls] = np.nan
        return values

    def texts(self) -> pa.Array:
        """Strings; or the values cast to strings as Spark does."""
        if isinstance(self.values, pa.Array):
            return self.values
        texts = [value_text(value, self.type.base) for value in self.values.tolist()]
        return pa.array(texts, pa.string(), mask=self.nulls)

    def take(self, keep: Mask) -> Column:
        """The rows that ``keep`` marks."""
        values = (
            self.values.filter(pa.array(keep)) if isinstance(self.values, pa.Array) else self.values[keep]
        )
        return Column(self.type, values, None if self.nulls is None else self.nulls[keep])

    def cell(self, row: int) -> Any:
        """One value as a Python object: None, bool, int, float, str, or a list."""
        if isinstance(self.values, pa.Array):
            return self.values[row].as_py()
        if self.nulls is not None and self.nulls[row]:
            return None
        return self.values[row].tolist()


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of equal length. ``rows`` are the rows' numbers in the input, counted from 0, where some were skipped."""

    columns: Mapping[str, Column]
    length: int
    rows: Numbers | None = None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    @property
    def schema(self) -> Schema:
        """The columns' names and types."""
        return Schema(tuple(Field(name, column.type) for name, column in self.columns.items()))

    def plus(self, columns: Mapping[str, Column]) -> Table:
        """This table with more columns after its own."""
        return Table({**self.columns, **columns}, self.length, self.rows)

    def select(self, names: Sequence[str]) -> Table:
        """Some columns, in this order."""
        return Table({name: self.columns[name] for name in names}, self.length, self.rows)

    def keep(self, mask: Mask) -> Table:
        """The rows that ``mask`` marks, each remembering its number in the input."""
        if mask.all():
            return self
        rows = np.flatnonzero(mask) if self.rows is None else self.rows[mask]
        columns = {name: column.take(mask) for name, column in self.columns.items()}
        return Table(columns, int(mask.sum()), rows)

    def row_number(self, position: int) -> int:
        """The number, from 0, that the row at this position had in the input."""
        return position if self.rows is None else int(self.rows[position])

    def to_rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples of Python objects."""
        for position in range(self.length):
            yield tuple(column.cell(position) for column in self.columns.values())

    def to_arrow(self) -> pa.Table:
        """An Arrow table; vectors as list<double>."""
        return pa.table({name: to_arrow(column) for name, column in self.columns.items()})


def from_arrow(source: pa.Table, schema: Schema) -> Table:
    """The columns of an Arrow table that ``schema`` names, with its types.

    ValueRefused names the column that is missing or cannot be read as its type, and the row.
    """
    columns = {field.name: column_from_arrow(source, field) for field in schema}
    return Table(columns, source.num_rows)


def column_from_arrow(source: pa.Table, field: Field) -> Column:
    """One column of an Arrow table."""
    if field.name not in source.column_names:
        raise ValueRefused(
            "the column is missing",
            column=field.name,
            hint=f"The table has: {', '.join(source.column_names) or 'no columns'}.",
        )
    chunks = source.column(field.name)
    array = chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if field.type.is_vector:
        return _vectors(array, field)
    return _basic_or_array(array, field)


def _basic_or_array(array: pa.Array, field: Field) -> Column:
    wanted = arrow_type(field.type)
    if field.type.base is Base.STRING and pa.types.is_dictionary(array.type):
        return Column(field.type, array)
    if array.type != wanted:
        try:
            array = array.cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueRefused(
                f"{array.type} cannot be read as {field.type} ({error})", column=field.name
            ) from None
    if field.type.base is Base.STRING or field.type.struct is Struct.ARRAY:
        return Column(field.type, array)
    nulls = None
    if array.null_count:
        nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
        array = pc.fill_null(array, False if field.type.base is Base.BOOLEAN else 0)
    return Column(field.type, array.to_numpy(zero_copy_only=False), nulls)


def _vectors(array: pa.Array, field: Field) -> Column:
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise ValueRefused(f"{kind} cannot be read as a vector", column=field.name, hint="Give list<double>.")
    nulls = None
    if array.null_count:
        nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    present = array.drop_null()
    lengths = pc.list_value_length(present).to_numpy(zero_copy_only=False)
    size = field.type.size if field.type.size is not None else int(lengths[0]) if len(lengths) else 0
    wrong = np.flatnonzero(lengths != size)
    if len(wrong):
        position = int(wrong[0] if nulls is None else np.flatnonzero(~nulls)[wrong[0]])
        raise ValueRefused(
            f"the vector has {lengths[wrong[0]]} values where {size} are expected",
            column=field.name,
            row=position + 1,
        )
    flat = present.flatten().cast(pa.float64())
    if flat.null_count:
        raise ValueRefused("a vector has a null inside", column=field.name)
    dense = flat.to_numpy(zero_copy_only=False).reshape(len(present), size)
    if nulls is None:
        return Column(vector(size), dense)
    whole = np.full((len(array), size), np.nan)
    whole[~nulls] = dense
    return Column(vector(size), whole, nulls)


def to_arrow(column: Column) -> pa.Array:
    """A column as an Arrow array."""
    if isinstance(column.values, pa.DictionaryArray):
        return column.values.dictionary_decode()
    if isinstance(column.values, pa.Array):
        return column.values
    if not column.type.is_vector:
        return pa.array(column.values, arrow_type(column.type), mask=column.nulls)
    rows, size = column.values.shape
    offsets = np.arange(0, (rows + 1) * size, size, dtype=np.int32) if size else np.zeros(rows + 1, np.int32)
    flat = pa.array(np.ascontiguousarray(column.values).reshape(-1))
    mask = None if column.nulls is None else pa.array(column.nulls)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=mask)


def arrow_type(type_: Type) -> pa.DataType:
    """The Arrow type that this type has outside."""
    base = _ARROW[type_.base]
    return base if type_.struct is Struct.BASIC else pa.list_(base)


def from_cells(type_: Type, cells: Sequence[Any]) -> Column:
    """A column from Python objects, None for null; vectors as sequences of floats."""
    array = pa.table({"cells": pa.array(cells, arrow_type(type_))})
    return column_from_arrow(array, Field("cells", type_))


def schema_of(source: pa.Table) -> Schema:
    """The schema that an Arrow table would have; a list<double> is taken for a vector."""
    return Schema(tuple(Field(field.name, _type_of(field.type, field.name)) for field in source.schema))


def _type_of(kind: pa.DataType, name: str) -> Type:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _type_of(kind.value_type, name)
        if inner.struct is Struct.BASIC:
            return vector() if inner.base is Base.DOUBLE else Type(inner.base, Struct.ARRAY)
    elif pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Type(Base.STRING)
    for base, arrow in _ARROW.items():
        if kind == arrow:
            return Type(base)
    raise ValueRefused(f"columns of {kind} are not supported", column=name)
