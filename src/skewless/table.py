"""`Table`: named, typed columns in memory, and the step to and from Arrow.

How a column keeps its values: numbers and booleans in a one-dimensional numpy array of the type's own width; strings
in an Arrow string or dictionary array; vectors in a two-dimensional float64 array (rows by slots) or, where they are
wide, a `Csr`; arrays in an Arrow list array; arrays of vectors, which all have as many, in a three-dimensional one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from skewless.arrow import pc
from skewless.errors import SettingError, ValueRefused
from skewless.javatext import value_text
from skewless.schema import Base, Field, Schema, Struct, Type, vector
from skewless.schema import vectors as vectors_type
from skewless.vectors import WIDE, Csr, SparseVector, Vector

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


_SPARK_VECTOR: Final = ["type", "size", "indices", "values"]


@dataclass(frozen=True, eq=False)
class Column:
    """The values of one column. (Without slots: `skewless.coded` has columns that find their values when asked.)

    ``nulls`` marks null rows of numbers and vectors (Arrow arrays keep their own). ``sparse`` marks the rows of vectors
    that Spark would hold in sparse form; None stands for none of a dense array, and for all of a `Csr`.
    """

    type: Type
    values: Any
    nulls: Mask | None = None
    sparse: Mask | None = None

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

    def dense(self) -> Numbers:
        """Vectors with all their slots, rows by slots."""
        slots: Numbers = self.values.dense() if isinstance(self.values, Csr) else self.values
        return slots

    def spread(self) -> Column:
        """Vectors, each in dense form."""
        return Column(self.type, self.dense(), self.nulls)

    def floats(self) -> Numbers:
        """Vectors with all their slots as a C-contiguous matrix of 32-bit floats."""
        return np.ascontiguousarray(self.dense(), np.float32)

    @property
    def sparse_rows(self) -> Mask:
        """Which rows of vectors are in sparse form."""
        if self.sparse is not None:
            return self.sparse
        return np.full(len(self), isinstance(self.values, Csr))

    def take(self, keep: Mask) -> Column:
        """The rows that ``keep`` marks."""
        if isinstance(self.values, pa.Array):
            return Column(self.type, self.values.filter(pa.array(keep)))
        values = self.values.take(np.flatnonzero(keep)) if isinstance(self.values, Csr) else self.values[keep]
        nulls = None if self.nulls is None else self.nulls[keep]
        return Column(self.type, values, nulls, None if self.sparse is None else self.sparse[keep])

    def cell(self, row: int) -> Any:
        """One value as a Python object: None, bool, int, float, str, list, or a `SparseVector`."""
        if isinstance(self.values, pa.Array):
            return self.values[row].as_py()
        if self.nulls is not None and self.nulls[row]:
            return None
        if not self.type.is_vector:
            return self.values[row].tolist()
        if isinstance(self.values, Csr):
            vector_ = self.values.row(row)
            return vector_ if self.sparse_rows[row] else vector_.dense()
        slots = self.values[row].tolist()
        if self.sparse is None or not self.sparse[row]:
            return slots
        stored = np.flatnonzero(self.values[row])
        return SparseVector(len(slots), stored.tolist(), [slots[index] for index in stored])


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
    times = source.column_names.count(field.name)
    if times != 1:
        raise ValueRefused(
            f"there are {times} columns of this name" if times else "the column is missing",
            column=field.name,
            hint=f"The table has: {', '.join(source.column_names) or 'no columns'}.",
        )
    chunks = source.column(field.name)
    array = chunks.combine_chunks() if isinstance(chunks, pa.ChunkedArray) else chunks
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if field.type.is_vector:
        return _vectors(array, field)
    if field.type.struct is Struct.VECTORS:
        return _arrays_of_vectors(array, field)
    return _basic_or_array(array, field)


def _basic_or_array(array: pa.Array, field: Field) -> Column:
    wanted = arrow_type(field.type)
    if pa.types.is_dictionary(array.type):
        if field.type.is_string:
            return Column(field.type, _texts_of(array, wanted, field))
        array = array.dictionary_decode()
    if array.type != wanted:
        array = _cast(array, wanted, field)
    if field.type.base is Base.STRING or field.type.struct is Struct.ARRAY:
        return Column(field.type, array)
    nulls = None
    if array.null_count:
        nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
        array = pc.fill_null(array, False if field.type.base is Base.BOOLEAN else 0)
    return Column(field.type, array.to_numpy(zero_copy_only=False), nulls)


def _texts_of(array: pa.DictionaryArray, wanted: pa.DataType, field: Field) -> pa.Array:
    """Texts by codes, those that differ as the wanted type; the text of each row where one of these is null."""
    texts = array.dictionary
    if texts.type != wanted:
        texts = _cast(texts, wanted, field)
        array = pa.DictionaryArray.from_arrays(array.indices, texts, safe=False)
    # Arrow counts as null those rows only that have no code.
    return array.dictionary_decode() if texts.null_count else array


def _cast(array: pa.Array, wanted: pa.DataType, field: Field) -> pa.Array:
    """The array as the wanted type. ValueRefused where its values are of another kind, or out of range.

    Arrow would make 1 of 1.0 where Spark makes "1.0", and read numbers out of strings: that is the caller's to decide.
    """
    given = array.type
    fit = _kind(given) in (_kind(wanted), "null")
    try:
        if fit and pa.types.is_integer(given) and pa.types.is_floating(wanted):
            # As Spark rounds what a double cannot hold.
            return array.cast(wanted, safe=False)
        if fit:
            return array.cast(wanted)
        why = ""
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        why = f" ({error})"
    raise ValueRefused(
        f"{given} cannot be read as {field.type}{why}",
        column=field.name,
        hint=f"Give a column of type {wanted}.",
    )


def _kind(type_: pa.DataType) -> str:
    """What kind of values an Arrow type holds; kinds are not converted into each other."""
    if _is_list(type_):
        return f"list of {_kind(type_.value_type)}"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "string"
    return str(type_)


def _is_list(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    )


def _vectors(array: pa.Array, field: Field) -> Column:
    kind = array.type
    if pa.types.is_struct(kind):
        return vectors_of([_spark_vector(cell) for cell in array.to_pylist()], field)
    if not _is_list(kind) or _kind(kind.value_type) not in ("number", "null"):
        raise ValueRefused(
            f"{kind} cannot be read as a vector",
            column=field.name,
            hint="Give list<double>, or Spark's struct of type, size, indices and values.",
        )
    nulls = None
    if array.null_count:
        nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    lengths, flat = flattened(array)
    size = field.type.size if field.type.size is not None else int(lengths[0]) if len(lengths) else 0
    wrong = np.flatnonzero(lengths != size)
    if len(wrong):
        position = int(wrong[0] if nulls is None else np.flatnonzero(~nulls)[wrong[0]])
        raise _wrong_length(int(lengths[wrong[0]]), size, field.name, position)
    if flat.type != pa.float64():
        flat = flat.cast(pa.float64())
    if flat.null_count:
        raise ValueRefused("a vector has a null inside", column=field.name)
    dense = flat.to_numpy(zero_copy_only=False).reshape(len(lengths), size)
    if nulls is None:
        return Column(vector(size), dense)
    whole = np.full((len(array), size), np.nan)
    whole[~nulls] = dense
    return Column(vector(size), whole, nulls)


def flattened(array: pa.Array) -> tuple[Numbers, pa.Array]:
    """The lengths of the lists that are there, and all their values behind each other."""
    kind = array.type
    if len(array) and not array.null_count and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        offsets = array.offsets.to_numpy()
        return np.diff(offsets), array.values.slice(offsets[0], offsets[-1] - offsets[0])
    present = array.drop_null()
    return pc.list_value_length(present).to_numpy(zero_copy_only=False), present.flatten()


def _arrays_of_vectors(array: pa.Array, field: Field) -> Column:
    if not _is_list(array.type):
        raise ValueRefused(
            f"{array.type} cannot be read as {field.type}",
            column=field.name,
            hint="Give lists of list<double>, or of Spark's struct of type, size, indices and values.",
        )
    counts, flat = flattened(array)
    count = int(counts[0]) if len(counts) else 0
    slots = _vectors(flat, Field(field.name, vector(field.type.size)))
    if (counts != count).any() or slots.nulls is not None:
        raise ValueRefused("its arrays have not all the same number of vectors", column=field.name)
    size = slots.values.shape[1]
    whole = slots.dense().reshape(len(counts), count, size)
    if not array.null_count:
        return Column(vectors_type(size), whole)
    nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    spread = np.full((len(array), count, size), np.nan)
    spread[~nulls] = whole
    return Column(vectors_type(size), spread, nulls)


def _spark_vector(cell: Mapping[str, Any] | None) -> Vector | None:
    """Spark's struct (type 0 is sparse) as a vector."""
    if cell is None:
        return None
    if cell["type"] == 1:
        return list(cell["values"])
    return SparseVector(cell["size"], cell["indices"], cell["values"])


def vectors_of(cells: Sequence[Vector | None], field: Field) -> Column:
    """A column of vectors, each in its own form. ValueRefused names a row of another length."""
    present = [cell for cell in cells if cell is not None]
    size = field.type.size if field.type.size is not None else len(present[0]) if present else 0
    for position, cell in enumerate(cells):
        if cell is not None and len(cell) != size:
            raise _wrong_length(len(cell), size, field.name, position)
    nulls = np.array([cell is None for cell in cells], np.bool_)
    sparse = np.array([isinstance(cell, SparseVector) for cell in cells], np.bool_)
    some_null = nulls if nulls.any() else None
    if size > WIDE:
        rows = [cell if isinstance(cell, SparseVector) else _stored(cell, size) for cell in cells]
        return Column(vector(size), Csr.of_rows(rows, size), some_null, None if sparse.all() else sparse)
    whole = np.full((len(cells), size), np.nan)
    for position, cell in enumerate(cells):
        if cell is not None:
            whole[position] = cell.dense() if isinstance(cell, SparseVector) else cell
    return Column(vector(size), whole, some_null, sparse if sparse.any() else None)


def _stored(slots: list[float] | None, size: int) -> SparseVector:
    """A dense row with every slot stored, zeros too, so that -0.0 is kept."""
    return SparseVector(size, range(size), slots) if slots is not None else SparseVector(size, (), ())


def _wrong_length(length: int, size: int, column: str, position: int) -> ValueRefused:
    return ValueRefused(
        f"the vector has {length} values where {size} are expected", column=column, row=position + 1
    )


def to_arrow(column: Column, vectors: str = "auto") -> pa.Array:
    """A column as an Arrow array: vectors as list<double> (``dense``), or as Spark's struct (``sparse``).

    ``auto`` takes the struct for vectors of more than 1,024 slots. Arrays of vectors are lists of either.
    """
    if vectors not in ("auto", "dense", "sparse"):
        raise SettingError(f"vectors={vectors!r} is not known", hint="Use auto, dense or sparse.")
    if isinstance(column.values, pa.DictionaryArray):
        return column.values.dictionary_decode()
    if isinstance(column.values, pa.Array):
        return column.values
    if column.type.struct in (Struct.BASIC, Struct.ARRAY):
        return pa.array(column.values, arrow_type(column.type), mask=column.nulls)
    mask = None if column.nulls is None else pa.array(column.nulls)
    if column.type.struct is Struct.VECTORS:
        rows, count, size = column.values.shape
        inner = to_arrow(Column(vector(size), column.values.reshape(rows * count, size)), vectors)
        return _lists(rows, count, inner, mask)
    rows, size = column.values.shape
    if vectors == "sparse" or (vectors == "auto" and size > WIDE):
        return _structs(column, mask)
    return _lists(rows, size, pa.array(np.ascontiguousarray(column.dense()).reshape(-1)), mask)


def _lists(rows: int, count: int, items: pa.Array, mask: pa.Array | None) -> pa.Array:
    """Lists of as many items each."""
    offsets = np.arange(rows + 1, dtype=np.int32) * count
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=mask)


def _structs(column: Column, mask: pa.Array | None) -> pa.Array:
    """Vectors as Spark keeps them: type 0 with the stored slots, type 1 with all of them."""
    size, sparse = column.values.shape[1], column.sparse_rows
    csr = column.values if isinstance(column.values, Csr) else _csr(column.values, sparse)
    starts = pa.array(csr.starts.astype(np.int32))
    parts = [
        pa.array((~sparse).astype(np.int8)),
        pa.array(np.full(len(csr), size, np.int32), mask=~sparse),
        # A dense row has neither size nor indices; a null offset would give them to the row before it.
        pa.ListArray.from_arrays(starts, pa.array(csr.indices), mask=pa.array(~sparse)),
        pa.ListArray.from_arrays(starts, pa.array(csr.values)),
    ]
    fields = [
        pa.field("type", pa.int8(), nullable=False),
        *(pa.field(name, part.type) for name, part in zip(_SPARK_VECTOR[1:], parts[1:], strict=True)),
    ]
    return pa.StructArray.from_arrays(parts, fields=fields, mask=mask)


def _csr(slots: Numbers, sparse: Mask) -> Csr:
    """Sparse rows with their slots that are not zero, dense rows with all."""
    stored = (slots != 0.0) | ~sparse[:, None]
    rows, indices = np.nonzero(stored)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(slots)))]).astype(np.int64)
    return Csr(starts, indices.astype(np.int32), slots[rows, indices], slots.shape[1])


def arrow_type(type_: Type) -> pa.DataType:
    """The Arrow type that this type has outside."""
    base = _ARROW[type_.base]
    if type_.struct is Struct.VECTORS:
        return pa.list_(pa.list_(base))
    return base if type_.struct is Struct.BASIC else pa.list_(base)


def from_cells(type_: Type, cells: Sequence[Any]) -> Column:
    """A column from Python objects, None for null; vectors as lists of floats or `SparseVector`s."""
    if type_.is_vector:
        return vectors_of(cells, Field("cells", type_))
    array = pa.table({"cells": pa.array(cells, arrow_type(type_))})
    return column_from_arrow(array, Field("cells", type_))


def one_row(cells: Sequence[Any], schema: Schema) -> Table:
    """A table of one row's Python objects."""
    return Table(
        {field.name: from_cells(field.type, [cell]) for field, cell in zip(schema, cells, strict=True)}, 1
    )


def schema_of(source: pa.Table) -> Schema:
    """The schema that an Arrow table would have; a list<double> is taken for a vector."""
    return Schema(tuple(Field(field.name, _type_of(field.type, field.name)) for field in source.schema))


def _type_of(kind: pa.DataType, name: str) -> Type:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_list(kind):
        inner = _type_of(kind.value_type, name)
        if inner.struct is Struct.BASIC:
            return vector() if inner.base is Base.DOUBLE else Type(inner.base, Struct.ARRAY)
        if inner.is_vector:
            return vectors_type()
    elif pa.types.is_struct(kind) and [kind.field(n).name for n in range(kind.num_fields)] == _SPARK_VECTOR:
        return vector()
    elif pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Type(Base.STRING)
    for base, arrow in _ARROW.items():
        if kind == arrow:
            return Type(base)
    raise ValueRefused(f"columns of {kind} are not supported", column=name)
