"""XGBoost's predictions from a forest of 32-bit floats: sums in the order of the trees, and the objective's function.

An `Asked` is one thing to ask of a model: by `Asked.ask` and `Asked.ask_sparse` for batches, which release the
interpreter's lock; for a row by the function that `Asked.one_row` makes, which costs one call into C. Any number of
threads may ask.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from math import nan
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import SkewlessError
from skewless.native.forest import Forest, Rows
from skewless.native.library import kernels, row_kernels

RowAnswer: TypeAlias = Callable[[bytes], float | list[float] | None]
Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

IDENTITY: Final = 0
LOGISTIC: Final = 1
EXPONENTIAL: Final = 2
HINGE: Final = 3
SOFTMAX: Final = 4
SOFTPROB: Final = 5

TRANSFORMS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            *("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror"),
            *("reg:quantileerror", "binary:logitraw", "rank:pairwise", "rank:ndcg", "rank:map"),
        ),
        IDENTITY,
    ),
    **dict.fromkeys(("reg:logistic", "binary:logistic"), LOGISTIC),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"), EXPONENTIAL),
    "binary:hinge": HINGE,
    "multi:softmax": SOFTMAX,
    "multi:softprob": SOFTPROB,
}
"""What each objective makes of sums; one that is not here is not known to the kernels."""


# What the kernel answers in place of a 32-bit float.
_INFINITE: Final = 1e300
_NO_MEMORY: Final = -1e300


class _Question(ctypes.Structure):
    """What boosters.c calls question."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("trees", "start")),
        *((name, ctypes.c_int32) for name in ("first", "last", "transform")),
        ("missing", ctypes.c_float),
    )


class Asked:
    """What to ask of a forest: sums of the trees from ``first`` to before ``last`` that begin with ``start``.

    ``transform`` is what is made of them. What equals ``missing`` counts as NaN. ``outputs`` is how many numbers a
    row's answer has.
    """

    def __init__(
        self,
        forest: Forest,
        start: Floats,
        transform: int,
        *,
        first: int = 0,
        last: int,
        missing: float = nan,
    ) -> None:
        self.columns = forest.columns
        self.outputs = 1 if transform == SOFTMAX else forest.outputs
        self._sums = forest.outputs
        self._keeps = (forest, np.ascontiguousarray(start, np.float32))
        self._question = _Question(
            forest.address, self._keeps[1].ctypes.data, first, last, transform, missing
        )

    def ask(self, rows: Floats, margins: Floats | None = None) -> Floats:
        """Answers for a matrix, rows by outputs. ``margins`` are where each row's sums begin instead."""
        rows = np.ascontiguousarray(rows, np.float32)
        if rows.shape != (len(rows), self.columns):
            raise ValueError(f"the rows are {rows.shape}, the forest has {self.columns} columns")
        return self._ask(Rows(rows.ctypes.data), len(rows), margins)

    def ask_sparse(self, starts: Any, columns: Any, values: Floats, margins: Floats | None = None) -> Floats:
        """The same for rows in compressed form (CSR), of columns that there are; what is absent is missing."""
        starts, columns = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(columns, np.int32)
        values = np.ascontiguousarray(values, np.float32)
        rows = Rows(values.ctypes.data, starts.ctypes.data, columns.ctypes.data)
        return self._ask(rows, len(starts) - 1, margins)

    def one_row(self) -> RowAnswer:
        """A function that answers for one row after the other; None where one of the row's numbers is infinite.

        It takes ``struct.pack(f"={columns}f", *row)``; where an answer has one number, that is it. SkewlessError where
        there is no memory for a very wide row.
        """
        return self._numbers() if self.outputs > 1 else self._number()

    def _number(self) -> Callable[[bytes], float | None]:
        call, place = row_kernels().skewless_ask_number, ctypes.addressof(self._question)

        def answer(cells: bytes, _kept: Any = self) -> float | None:
            made: float = call(place, cells)
            if made == _INFINITE:
                return None
            if made == _NO_MEMORY:
                raise _no_memory()
            return made

        return answer

    def _numbers(self) -> Callable[[bytes], list[float] | None]:
        kind: Any = ctypes.c_float * self.outputs
        call, place = row_kernels().skewless_ask_row, ctypes.addressof(self._question)

        def answer(cells: bytes, _kept: Any = self) -> list[float] | None:
            made = kind()
            failed = call(place, cells, made)
            if failed:
                if failed > 0:
                    return None
                raise _no_memory()
            answers: list[float] = made[:]
            return answers

        return answer

    def _ask(self, rows: Rows, count: int, margins: Floats | None) -> Floats:
        made = np.empty(count * self._sums, np.float32)
        margins = None if margins is None else np.ascontiguousarray(margins, np.float32)
        if margins is not None and margins.size != len(made):
            raise ValueError(f"{margins.size} margins for {count} rows of {self._sums} sums")
        begin = None if margins is None else margins.ctypes.data
        if kernels().skewless_ask(
            ctypes.byref(self._question), ctypes.byref(rows), 0, count, begin, made.ctypes.data
        ):
            raise _no_memory()
        return made[: count * self.outputs].reshape(count, self.outputs)


def _no_memory() -> SkewlessError:
    return SkewlessError("there is no memory for a block of rows")


def transformed(sums: Floats, transform: int) -> Floats:
    """What a transform makes of sums, rows by outputs."""
    made = np.array(sums, np.float32, order="C")
    rows, outputs = made.shape
    kernels().skewless_transform(made.ctypes.data, rows, outputs, transform)
    return made.ravel()[:rows] if transform == SOFTMAX else made


def logarithm(x: float) -> float:
    """The logarithm of a 32-bit float, as XGBoost's library has it from the C library."""
    return float(row_kernels().skewless_logf(x))
