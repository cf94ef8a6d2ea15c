"""Columns put together and taken apart, as scikit-learn makes matrices of data frames and stacks the parts of one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import check, present, vector_type
from skewless.schema import BOOLEAN, DOUBLE, LONG, Base, Field, Struct, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells, vectors_of
from skewless.vectors import WIDE, SparseVector, Vector, nonzero

NO_MISSING: Final = "Give a number: the column was whole numbers or booleans, which have no missing value."


def no_null(cell: Any, position: int = 0, input: int = 0) -> Any:
    """The value of a column without missing values. Refused where it is null."""
    if cell is None:
        raise Refused("the value is null", value=None, position=position, input=input, hint=NO_MISSING)
    return cell


@register
@dataclass(frozen=True, slots=True)
class Stack(Op):
    """Numbers, booleans and vectors side by side in one vector, whose rows are all sparse or all dense.

    ``sizes`` has a vector's length, and None for a single value; a null single double is NaN, as pandas reads it.
    Source: numpy's hstack and scipy.sparse's, which do not change values.
    """

    name: ClassVar[str] = "sklearn_stack"
    bad_values: ClassVar[str] = (
        "A null double is NaN; null in whole numbers, booleans and vectors fails; whole numbers beyond 2**53 are "
        "rounded, as in an array that holds floats."
    )
    mleap: ClassVar[str] = "absent"

    sizes: tuple[int | None, ...]
    sparse: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.sizes)))

    @property
    def _size(self) -> int:
        return sum(1 if size is None else size for size in self.sizes)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        sizes = attributes.integers("sizes", ())
        if any(size < -1 for size in sizes):
            raise attributes.error(f"sizes has {min(sizes)}, where -1 stands for a single value")
        return cls(tuple(None if size < 0 else size for size in sizes), attributes.boolean("sparse", False))

    def encode(self) -> Mapping[str, Value]:
        sizes = [-1 if size is None else size for size in self.sizes]
        return {"sizes": spec.integers(sizes), "sparse": spec.boolean(self.sparse)}

    def default_types(self) -> tuple[Type, ...]:
        return tuple(DOUBLE if size is None else vector(size) for size in self.sizes)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (type_, size) in enumerate(zip(inputs, self.sizes, strict=True)):
            if size is not None:
                if not type_.is_vector or type_.size not in (size, None):
                    raise TypeRefused(f"a {vector(size)} was fitted here, not a {type_}", input=position)
            elif not type_.is_number and type_ != BOOLEAN:
                raise TypeRefused(f"a number was fitted here, not a {type_}", input=position)
        return (vector(self._size),)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        return [np.max(np.stack(list(given)), axis=0)] if given else [np.zeros(0)]

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        rows, made = len(inputs[0]) if inputs else 0, vector(self._size)
        self._check(inputs)
        if self._size > WIDE:
            kernel = self.row([column.type for column in inputs])
            cells = [kernel(*[column.cell(row) for column in inputs]) for row in range(rows)]
            return (vectors_of(cells, Field("output", made)),)
        whole = np.empty((rows, self._size))
        start = 0
        for column, size in zip(inputs, self.sizes, strict=True):
            width = 1 if size is None else size
            whole[:, start : start + width] = column.numbers()[:, None] if size is None else column.dense()
            start += width
        if not self.sparse:
            return (Column(made, whole),)
        # A slot that is not stored is 0.0, whichever zero was given.
        return (Column(made, whole + 0.0, None, np.ones(rows, np.bool_)),)

    def _check(self, inputs: Sequence[Column]) -> None:
        """Refuse the first bad row, and in it the first bad input, as the row kernel does."""
        found = [
            (int(np.argmax(nulls)), position)
            for position, column in enumerate(inputs)
            if not _may_be_null(column.type) and (nulls := column.null_mask) is not None and nulls.any()
        ]
        if found:
            row, position = min(found)
            if self.sizes[position] is None:
                no_null(None, row, position)
            check(None, None, row, position)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        parts = [(size, _may_be_null(type_)) for size, type_ in zip(self.sizes, inputs, strict=True)]
        total, sparse = self._size, self.sparse

        def kernel(*cells: Any) -> Vector:
            pairs: list[tuple[int, float]] = []
            start = 0
            for position, (cell, (size, nullable)) in enumerate(zip(cells, parts, strict=True)):
                if size is None:
                    single = math.nan if cell is None and nullable else float(no_null(cell, 0, position))
                    pairs.append((start, single))
                else:
                    check(cell, size, 0, position)
                    stored = nonzero(cell) if isinstance(cell, SparseVector) else enumerate(cell)
                    pairs.extend((start + slot, value) for slot, value in stored)
                start += 1 if size is None else size
            if sparse:
                pairs = [pair for pair in pairs if pair[1] != 0.0]
                return SparseVector(total, [slot for slot, _ in pairs], [value for _, value in pairs])
            slots = [0.0] * total
            for slot, value in pairs:
                slots[slot] = value
            return slots

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        doubles = from_cells(DOUBLE, [1.5, None, math.nan, -0.0, math.inf])
        flags = from_cells(BOOLEAN, [True, False, True, False, False])
        wholes = from_cells(LONG, [1, 2**53 + 1, -(2**63), 0, 5])
        cells = [
            [1.0, -0.0],
            SparseVector(2, (1,), (math.nan,)),
            SparseVector(2, (), ()),
            [0.0, 5e-324],
            [-1.0, 2.0],
        ]
        vectors = from_cells(vector(2), cells)
        for sparse in (False, True):
            op = cls((None, None, None, 2), sparse)
            yield Example(op, (doubles, flags, wholes, vectors))
            yield Example(op, tuple(from_cells(type_, []) for type_ in (DOUBLE, BOOLEAN, LONG, vector(2))))
            yield Example(
                cls((None, 2), sparse), (from_cells(LONG, [1, None]), from_cells(vector(2), [None] * 2))
            )
            yield Example(cls((None, 2), sparse), (from_cells(LONG, [1]), from_cells(vector(2), [None])))
            wide = from_cells(vector(1500), [SparseVector(1500, (2,), (1.0,)), [-0.0] * 1500])
            yield Example(cls((1500, None), sparse), (wide, from_cells(DOUBLE, [0.0, None])))


def _may_be_null(type_: Type) -> bool:
    """Whether null stands for NaN."""
    return type_.struct is Struct.BASIC and type_.base in (Base.DOUBLE, Base.FLOAT)


@register
@dataclass(frozen=True, slots=True)
class Slots(Op):
    """A vector's slots as single doubles, for steps that look at every feature by itself."""

    name: ClassVar[str] = "sklearn_slots"
    bad_values: ClassVar[str] = "A null vector or one of another length fails; NaN and infinities pass."
    mleap: ClassVar[str] = "absent"

    size: int

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"output{position}" for position in range(self.size))

    @classmethod
    def decode(cls, model: Model) -> Self:
        size = model.attributes.integer("size")
        if not 0 < size <= 1_000_000:
            raise model.attributes.error(f"size is {size}; it must be 1 to 1,000,000")
        return cls(size)

    def encode(self) -> Mapping[str, Value]:
        return {"size": spec.integer(self.size)}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (DOUBLE,) * self.size

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        return [given[0]] * self.size

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        slots = present(inputs[0], self.size).dense()
        return tuple(Column(DOUBLE, np.ascontiguousarray(slots[:, slot])) for slot in range(self.size))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size = self.size

        def kernel(cell: Any) -> Any:
            check(cell, size)
            slots = cell.dense() if isinstance(cell, SparseVector) else cell
            return slots[0] if size == 1 else tuple(slots)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        rows: list[Vector] = [[1.0, -0.0], SparseVector(2, (1,), (math.nan,)), [math.inf, 5e-324]]
        yield Example(cls(2), (from_cells(vector(2), rows),))
        yield Example(cls(2), (from_cells(vector(2), []),))
        yield Example(cls(2), (from_cells(vector(2), [[1.0, 2.0], None]),))
        yield Example(cls(1), (from_cells(vector(1), [[-0.0]]),))
