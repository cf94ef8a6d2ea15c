"""What the ops over numeric vectors share: refusals of rows, rows put together, scaling of stored slots, infinities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skewless import spec
from skewless.ops.op import Refused, RowKernel, TypeRefused
from skewless.schema import Field, Type, vector
from skewless.spec import Attributes, Value
from skewless.table import Column, Numbers, vectors_of
from skewless.vectors import WIDE, Csr, SparseVector, Vector


def present(column: Column, size: int | None = None) -> Column:
    """The column, whose vectors are all there and of the fitted length. Refused where not, as Spark fails there."""
    if not len(column):
        fits = size is None or column.values.shape[1] == size
        return column if fits else Column(vector(size), np.zeros((0, size or 0)))
    nulls = column.null_mask
    wrong = size is not None and column.values.shape[1] != size
    if wrong or (nulls is not None and nulls.any()):
        first = 0 if wrong or nulls is None else int(np.argmax(nulls))
        check(column.cell(first), size, first)
    return column


def check(cell: Vector | None, size: int | None = None, position: int = 0, input: int = 0) -> None:
    """Refused where a vector is null or not of the fitted length."""
    if cell is None:
        raise Refused(
            "the vector is null",
            value=None,
            position=position,
            input=input,
            hint="Fill it in before this stage; Spark fails on it too.",
        )
    if size is not None and len(cell) != size:
        raise Refused(
            f"the vector has {len(cell)} slots where {size} are expected",
            value=cell,
            position=position,
            input=input,
            hint="Give the features that the stage was fitted on.",
        )


def vector_type(inputs: Sequence[Type], size: int | None = None) -> Type:
    """The type of the single vector input, checked. TypeRefused where it is none, or of another length."""
    type_ = inputs[0]
    if not type_.is_vector:
        raise TypeRefused(f"the input must be a vector, not {type_}")
    if size is not None and type_.size is not None and type_.size != size:
        raise TypeRefused(f"a {vector(size)} was fitted here, not a {type_}")
    return vector(type_.size if size is None else size)


def each_row(kernel: RowKernel, type_: Type, *columns: Column) -> Column:
    """The row kernel's rows, put together: wide vectors never stand in memory with all their slots."""
    cells = []
    for row in range(len(columns[0])):
        try:
            cells.append(kernel(*[column.cell(row) for column in columns]))
        except Refused as refused:
            refused.position = row
            raise
    return vectors_of(cells, Field("output", type_))


def is_wide(*columns: Column) -> bool:
    """Whether a column is kept in sparse storage."""
    return any(isinstance(column.values, Csr) for column in columns) or any(
        column.type.is_vector and column.values.shape[1] > WIDE for column in columns
    )


def multiply(column: Column, factors: Numbers) -> Column:
    """Stored slots times their factors; the slots that a sparse row leaves out stay zero."""
    with np.errstate(all="ignore"):
        if isinstance(column.values, Csr):
            rows = column.values
            made: Any = Csr(rows.starts, rows.indices, rows.values * factors[rows.indices], rows.size)
        else:
            made = column.values * factors
            if column.sparse is not None:
                made = np.where((column.values == 0.0) & column.sparse[:, None], 0.0, made)
    return Column(vector(column.values.shape[1]), made, None, column.sparse)


def multiply_row(cell: Vector, factors: Sequence[float]) -> Vector:
    """`multiply` of one row."""
    if isinstance(cell, SparseVector):
        pairs = zip(cell.indices, cell.values, strict=True)
        # A stored zero is treated as one that is left out: a batch does not tell them apart.
        return SparseVector(
            cell.size, cell.indices, [value * factors[slot] if value else 0.0 for slot, value in pairs]
        )
    return [value * factor for value, factor in zip(cell, factors, strict=True)]


def reciprocal(number: float) -> float:
    """1 / number in Java: a denormal's is infinite."""
    return math.copysign(math.inf, number) if number == 0.0 else 1.0 / number


def infinite(name: str, values: Sequence[float]) -> Mapping[str, Value]:
    """An attribute that says which values are infinite, where some are: MLeap's JSON writes them as null.

    Positions are counted from 1, with the sign of the infinity.
    """
    found = [
        int(math.copysign(position, value)) for position, value in enumerate(values, 1) if math.isinf(value)
    ]
    return {f"{name}_infinite": spec.integers(found)} if found else {}


def restored(attributes: Attributes, name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Values of an attribute with the infinities that `infinite` noted."""
    made = list(values)
    for position in attributes.integers(f"{name}_infinite", ()):
        if not 0 < abs(position) <= len(made):
            raise attributes.error(f"{name}_infinite names position {position} of {len(made)}")
        made[abs(position) - 1] = math.copysign(math.inf, position)
    return tuple(made)


def tensor(name: str, values: Sequence[float]) -> Mapping[str, Value]:
    """One fitted vector as attributes."""
    return {name: spec.tensor(values, (len(values),)), **infinite(name, values)}


def fitted_tensor(attributes: Attributes, name: str) -> tuple[float, ...]:
    """One fitted vector from attributes, null standing for NaN."""
    data = attributes.tensor(name).data
    values = [math.nan if value is None else float(value) for value in data]
    return restored(attributes, name, values)


def saved_vector(cell: Mapping[str, Any]) -> tuple[float, ...]:
    """A vector out of a saved Spark table, or out of parameters, where infinities are texts."""
    if cell["type"] == 1:
        return tuple(map(float, cell["values"]))
    values = [float(value) for value in cell["values"]]
    return tuple(SparseVector(cell["size"], cell["indices"], values).dense())
