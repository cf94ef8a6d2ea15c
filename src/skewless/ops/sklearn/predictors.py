"""What scikit-learn's predictors share: features in, raw numbers, and what follows from them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np

from skewless.ops.blas import check_row, checked
from skewless.ops.classifiers import FEATURES, check_type
from skewless.ops.op import Op, Refused, RowKernel
from skewless.ops.sklearn.outcomes import Outcome, assembled, columns_of
from skewless.schema import Type, vector
from skewless.table import Column, Mask, Numbers, from_cells
from skewless.vectors import Csr, SparseVector, Vector

RowScore: TypeAlias = Callable[[Vector], list[float]]
"""From a checked row to the raw numbers."""

_HINT: Final = "Fill it in before this stage; scikit-learn refuses it too."


class Predictor(Op):
    """Features in, raw numbers, and the outcome's outputs; subclasses are dataclasses with an ``outcome``."""

    mleap: ClassVar[str] = "absent"
    bad_values: ClassVar[str] = "A null vector, one of another length, and NaN or an infinity in it fail."

    outcome: Outcome

    @property
    @abstractmethod
    def features(self) -> int:
        """How many features were fitted."""

    @abstractmethod
    def scores(self, column: Column) -> Numbers:
        """The raw numbers of a batch, rows by numbers, of checked features."""

    @abstractmethod
    def score(self) -> RowScore:
        """The function from a checked row to its raw numbers."""

    @property
    def limit(self) -> float:
        """Features must be less than this in size."""
        return math.inf

    @property
    def takes_nan(self) -> bool:
        """Whether NaN is a value like others."""
        return False

    @property
    def takes_infinite(self) -> bool:
        """Whether infinities are values like others."""
        return False

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        """How far the raw numbers of each row may be off, where the features may be by ``given``."""
        return np.zeros(len(column))

    @property
    def inputs(self) -> tuple[str, ...]:
        return (FEATURES,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.outcome.ports

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.features),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        check_type(inputs[0], self.features)
        return self.made

    @property
    def made(self) -> tuple[Type, ...]:
        """The outputs' types."""
        return self.outcome.types

    def finisher(self) -> Callable[[list[float]], Any]:
        """The function from raw numbers to the outputs."""
        return self.outcome.finisher()

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = self._checked(inputs[0])
        with np.errstate(all="ignore"):
            return columns_of(self.outcome, self.scores(column))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, score, finish, refuse = self.features, self.score(), self.finisher(), self._refuse
        limit, takes_nan, takes_infinite = self.limit, self.takes_nan, self.takes_infinite
        narrow = limit < math.inf

        def kernel(cell: Vector | None) -> Any:
            if cell is None or len(cell) != size:
                check_row(cell, size)
            values: Any = cell.values if isinstance(cell, SparseVector) else cell
            # One sum and two looks find that nothing is wrong; the sum may overflow without there being an infinity.
            total = sum(values)
            if total - total != 0.0 or (
                narrow and values and not -limit < min(values) <= max(values) < limit
            ):
                for value in values:
                    if not -limit < value < limit:
                        bad = not takes_nan if value != value else narrow or not takes_infinite
                        if bad:
                            refuse(cell, 0)
            return finish(score(cell))  # type: ignore[arg-type]

        return kernel

    def by_rows(self, column: Column) -> tuple[Column, ...]:
        """The outputs of a batch by the row kernel."""
        kernel, cells = self.row([column.type]), []
        for position in range(len(column)):
            try:
                cells.append(kernel(column.cell(position)))
            except Refused as refused:
                refused.position = position
                raise
        return assembled(self.made, cells)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        """How far each output may be off in each row, where the inputs may be by ``given``."""
        with np.errstate(all="ignore"):
            return self.outcome.slack(self.scores(inputs[0]), self.doubt(inputs[0], given[0]))

    def _checked(self, column: Column) -> Column:
        nulls = column.null_mask
        wrong = len(column) and column.values.shape[1] != self.features
        present = column if nulls is None or wrong else column.take(~nulls)
        bad = self._bad(present.values.values if isinstance(present.values, Csr) else present.values)
        first = _first(bad, present)
        if wrong or nulls is None:
            checked(column, self.features)
            if first is not None:
                self._refuse(column.cell(first), first)
            return column
        # The row kernel stops at the first bad row, be it null or not finite.
        where = np.flatnonzero(~nulls)
        null = int(np.argmax(nulls)) if nulls.any() else len(column)
        if first is not None and int(where[first]) < null:
            self._refuse(column.cell(int(where[first])), int(where[first]))
        return checked(column, self.features)

    def _bad(self, values: Numbers) -> Mask:
        """Where a value is one that scikit-learn refuses."""
        nan = np.isnan(values)
        bad: Mask = nan & (not self.takes_nan)
        if self.limit < math.inf or not self.takes_infinite:
            bad |= ~(np.abs(values) < self.limit) & ~nan
        return bad

    def _refuse(self, cell: Vector | None, position: int) -> None:
        """Refused for the first bad slot of a row."""
        if isinstance(cell, SparseVector):
            slots = list(zip(cell.indices, cell.values, strict=True))
        else:
            slots = list(enumerate(cell or ()))
        for slot, value in slots:
            if self._bad(np.array([value]))[0]:
                what = "NaN" if value != value else f"{value!r}, which is no finite number"
                if math.isfinite(value):
                    what = f"{value!r}, which is more than a 32-bit float holds"
                raise Refused(
                    f"feature {slot} is {what}", value=value, position=position, hint=_HINT
                ) from None


class RowPredictor(Predictor):
    """A predictor whose batch is its rows one by one: what it does has no faster way for many, or refuses rows."""

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return self.by_rows(inputs[0])

    def scores(self, column: Column) -> Numbers:
        score = self.score()
        made = [score(column.cell(position)) for position in range(len(column))]
        return np.array(made, np.float64).reshape(len(column), -1)


def _first(bad: Mask, column: Column) -> int | None:
    """The first row with a bad slot."""
    if not bad.any():
        return None
    if isinstance(column.values, Csr):
        rows = np.repeat(np.arange(len(column)), np.diff(column.values.starts))
        return int(rows[np.argmax(bad)])
    return int(np.argmax(bad.any(axis=1)))


def dense_row(row: Vector) -> list[float]:
    """All slots of a row."""
    return row.dense() if isinstance(row, SparseVector) else row


def hostile(size: int) -> list[Column]:
    """Columns that must not surprise a predictor: both forms, odd sizes, and one each of what is refused."""
    inf, nan = math.inf, math.nan
    odd = [1.5, -0.0, 5e-324, -2.25, 1e300, 3.0]
    rows: list[Vector] = [
        [0.0] * size,
        [-0.0] * size,
        [0.1 * (slot + 1) for slot in range(size)],
        [odd[slot % len(odd)] for slot in range(size)],
        [1e200 * (-1) ** slot for slot in range(size)],
        [-float(slot) for slot in range(size)],
        SparseVector(size, (), ()),
        SparseVector(size, range(0, size, 2), [0.3 * slot - 1.1 for slot in range(0, size, 2)]),
    ]
    bad: list[list[Vector | None]] = [
        [rows[2], None],
        [rows[2], rows[6], [nan, *[0.0] * (size - 1)]],
        [rows[2], [*[0.5] * (size - 1), inf], None],
        [None, [-inf] * size],
        [SparseVector(size, (size - 1,), (-inf,))],
        [],
    ]
    tame: list[Vector] = [rows[0], rows[2], rows[5], rows[7]]
    every: list[Any] = [rows, tame, *bad]
    return [from_cells(vector(size), cells) for cells in every]
