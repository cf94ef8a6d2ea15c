"""What the ops over matrices share: the checks that scikit-learn makes of every matrix, and ops of single slots.

A row is sparse where scikit-learn hands a sparse matrix on; what such a row does not store is zero and stays so.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

import numpy as np

from skewless.ops.op import Op, Refused, RowKernel
from skewless.ops.rows import check, present, vector_type
from skewless.schema import Type, vector
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import Csr, SparseVector, Vector

BAD_VALUES: Final = (
    "NaN stays; infinities, null vectors and those of another length fail, as in scikit-learn."
)
NO_NAN: Final = "NaN, infinities, null vectors and those of another length fail, as in scikit-learn."


def matrix(column: Column, size: int, nan: bool) -> Column:
    """The column, checked as `checked` does it."""
    column = present(column, size)
    values = column.values.values if isinstance(column.values, Csr) else column.values
    wrong = np.isinf(values) if nan else ~np.isfinite(values)
    if wrong.any():
        if isinstance(column.values, Csr):
            place = int(np.argmax(wrong))
            row = int(np.searchsorted(column.values.starts, place, side="right")) - 1
        else:
            row = int(np.argmax(wrong.any(axis=1)))
        checked(column.cell(row), size, nan, row)
    return column


def checked(cell: Any, size: int, nan: bool, position: int = 0) -> Sequence[float]:
    """The stored slots of a row. Refused for a null, another length, an infinity and, without ``nan``, NaN."""
    check(cell, size, position)
    slots: Sequence[float] = cell.values if isinstance(cell, SparseVector) else cell
    # One sum finds that nothing is wrong; it may overflow without there being an infinity.
    total = sum(slots)
    if total - total != 0.0:
        for place, value in enumerate(slots):
            if value - value != 0.0 and not (nan and value != value):
                slot = cell.indices[place] if isinstance(cell, SparseVector) else place
                raise Refused(
                    f"feature {slot} is {value!r}",
                    value=value,
                    position=position,
                    hint="scikit-learn refuses it too: impute or replace it before this step.",
                )
    return slots


def column_of(rows: Numbers, sparse: bool = False) -> Column:
    """A column of dense numbers, whose rows are all marked as sparse or as dense."""
    made = vector(rows.shape[1])
    if not sparse:
        return Column(made, rows)
    # A slot that is not stored is 0.0, whichever zero was computed.
    return Column(made, rows + 0.0, None, np.ones(len(rows), np.bool_))


SlotFunction = Callable[[float, int], float]


class SlotOp(Op):
    """Base of ops that compute every slot from itself, by its place; stored slots only, where a row is sparse."""

    nan: ClassVar[bool] = True
    """Whether NaN passes the step's own check."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many slots there are."""

    @abstractmethod
    def apply(self, values: Numbers, slots: Any) -> Numbers:
        """The outcomes of values at these slots: a slice for whole rows, or as many places as values."""

    @abstractmethod
    def slot(self) -> SlotFunction:
        """The same for a value and its place."""

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, self.nan)
        rows, made = column.values, vector(self.size)
        with np.errstate(all="ignore"):
            if isinstance(rows, Csr):
                values = np.where(rows.values == 0.0, 0.0, self.apply(rows.values, rows.indices))
                dense = self.apply(rows.values, rows.indices)
                of_sparse = np.repeat(column.sparse_rows, np.diff(rows.starts))
                csr = Csr(rows.starts, rows.indices, np.where(of_sparse, values, dense), self.size)
                return (Column(made, csr, None, column.sparse),)
            dense = self.apply(rows, slice(None))
        if column.sparse is not None:
            dense = np.where((rows == 0.0) & column.sparse[:, None], 0.0, dense)
        return (Column(made, dense, None, column.sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, nan, function = self.size, self.nan, self.slot()
        places = range(size)

        def kernel(cell: Any) -> Vector:
            slots = checked(cell, size, nan)
            if isinstance(cell, SparseVector):
                pairs = zip(slots, cell.indices, strict=True)
                return SparseVector(
                    size, cell.indices, [function(*pair) if pair[0] else 0.0 for pair in pairs]
                )
            return list(map(function, slots, places))

        return kernel


class ArrayOp(SlotOp):
    """Base of those whose functions are numpy's, in both kernels: C's differ from them in last bits."""

    def slot(self) -> SlotFunction:
        def function(value: float, slot: int) -> float:
            with np.errstate(all="ignore"):
                return float(self.apply(np.array([value]), np.array([slot]))[0])

        return function

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, nan, slow = self.size, self.nan, super().row(inputs)

        def kernel(cell: Any) -> Vector:
            if isinstance(cell, SparseVector):
                sparse: Vector = slow(cell)
                return sparse
            slots = checked(cell, size, nan)
            with np.errstate(all="ignore"):
                made: list[float] = self.apply(np.array([slots]), slice(None))[0].tolist()
            return made

        return kernel


def hostile(size: int = 4) -> Iterator[Column]:
    """Rows for what takes any numbers that scikit-learn takes, and rows that it refuses."""
    made = vector(size)
    yield from_cells(made, [])
    for wrong in (
        None,
        [math.inf] * size,
        [1.0] * (size - 1) + [-math.inf],
        SparseVector(size, (1,), (math.inf,)),
    ):
        yield from_cells(made, [[1.0] * size, wrong])
    yield from_cells(made, [[math.nan] * size])
    yield from_cells(made, numbers(size))


def numbers(size: int = 4) -> list[Vector | None]:
    """Finite numbers that are easily got wrong, in both forms."""
    cycle = [0.0, -0.0, 1.0, -2.5, 5e-324, -5e-324, 1e300, -1e300, 0.1, 1e-9, 3.0, -1.0]
    dense = [[cycle[(start + slot) % len(cycle)] for slot in range(size)] for start in range(len(cycle))]
    sparse = SparseVector(size, (0, size - 1), (0.3, -7e10))
    return [*dense, sparse, SparseVector(size, (), ())]


def wide() -> Column:
    """Rows that are kept in sparse storage."""
    rows: list[Vector] = [SparseVector(1500, (0, 7, 1499), (2.0, 0.0, -2.0)), SparseVector(1500, (), ())]
    return from_cells(vector(1500), [*rows, [slot / 7 - 100.0 for slot in range(1500)]])


def with_nan(size: int = 4) -> Column:
    """NaN in both forms, where it passes."""
    rows: Iterable[Vector] = ([math.nan, 1.0, -0.0, math.nan][:size], SparseVector(size, (1,), (math.nan,)))
    return from_cells(vector(size), list(rows))
