"""Dot products of doubles, to the bit in the order of additions that the fitting engine's machine had.

Each product is added by a fused multiply-add (rounded once) or by a plain one, and either one after the other or in as
many partial sums as that machine's registers have doubles; `skewless.ops.blas` knows which engine does what.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import SkewlessError
from skewless.native.library import kernels, row_kernels

Doubles: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

MOST_LANES: Final = 32


class _Coefficients(ctypes.Structure):
    """What dots.h calls coefficients."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("values", "stored")),
        *((name, ctypes.c_int64) for name in ("vectors", "size", "whole")),
        *((name, ctypes.c_int32) for name in ("lanes", "fused")),
    )


class Products:
    """Dot products of rows with the rows of ``values``, fitted once.

    With ``lanes`` (1 to 32) there are as many partial sums, each a chain of fused multiply-adds over the slots up to
    the last multiple of ``lanes``; these are added from the first on, then the slots that are left one by one,
    ``fused`` or not. With 0 lanes all slots go one by one; where ``stored`` marks some, only these, and one by one.

    Batches are computed without the interpreter's lock; threads may ask at once.
    """

    def __init__(
        self, values: Doubles, *, lanes: int = 0, fused: bool = False, stored: Flags | None = None
    ) -> None:
        values = np.ascontiguousarray(values, np.float64)
        self.vectors, self.size = values.shape
        marks = None if stored is None else np.ascontiguousarray(stored, np.bool_)
        self._kept = (values, marks)
        self._struct = _Coefficients(
            values.ctypes.data,
            None if marks is None else marks.ctypes.data,
            self.vectors,
            *_order(self.size, lanes, fused),
        )
        self._place = ctypes.addressof(self._struct)

    def dense(self, rows: Doubles, sparse: Flags | None = None) -> Doubles:
        """The products of dense rows: rows by vectors. Of a row that ``sparse`` marks, only what is not zero counts."""
        rows = self._fitting(rows)
        made = np.empty((len(rows), self.vectors))
        marks = None if sparse is None else np.ascontiguousarray(sparse)
        kernels().skewless_products(
            self._place,
            rows.ctypes.data,
            len(rows),
            None if marks is None else marks.ctypes.data,
            made.ctypes.data,
        )
        return made

    def compressed(self, starts: Any, slots: Any, values: Doubles, sparse: Flags | None = None) -> Doubles:
        """The products of rows in compressed form: row r has the entries from ``starts[r]`` to ``starts[r + 1]``.

        Of a row that ``sparse`` marks, or of all without it, only these take part.
        """
        starts, slots = np.ascontiguousarray(starts, np.int64), np.ascontiguousarray(slots, np.int32)
        values = np.ascontiguousarray(values, np.float64)
        marks = None if sparse is None else np.ascontiguousarray(sparse)
        made = np.empty((len(starts) - 1, self.vectors))
        if kernels().skewless_products_csr(
            self._place,
            starts.ctypes.data,
            slots.ctypes.data,
            values.ctypes.data,
            len(made),
            None if marks is None else marks.ctypes.data,
            made.ctypes.data,
        ):
            raise SkewlessError("there is no memory for a row")
        return made

    def by_columns(self, rows: Doubles, start: Sequence[float], fused: int) -> Doubles:
        """The products of dense rows, added to ``start`` in the order of a matrix that is stored by columns.

        Four columns are added at a time: to the first ``fused`` vectors by fused multiply-adds, the last column first;
        to the others as the sum of their products.
        """
        rows, begin = self._fitting(rows), np.array(start, np.float64)
        made = np.empty((len(rows), self.vectors))
        kernels().skewless_columns(
            self._place, fused, rows.ctypes.data, len(rows), begin.ctypes.data, made.ctypes.data
        )
        return made

    def one(self) -> Callable[[bytes], float]:
        """The product of the first vector with one row: its doubles as bytes, ``struct.pack(f"={size}d", *row)``."""
        product, place = row_kernels().skewless_product, self._place

        def one(cells: bytes, _kept: Products = self) -> float:
            made: float = product(place, cells)
            return made

        return one

    def each(self) -> Callable[[bytes], list[float]]:
        """The products of all vectors with one row, given as for `one`."""
        products, place, kind = row_kernels().skewless_products, self._place, ctypes.c_double * self.vectors

        def each(cells: bytes, _kept: Products = self) -> list[float]:
            made = kind()
            products(place, cells, 1, None, made)
            answers: list[float] = made[:]
            return answers

        return each

    def each_by_columns(self, start: Sequence[float], fused: int) -> Callable[[bytes], list[float]]:
        """`by_columns` of one row, given as for `one`."""
        columns, place, kind = row_kernels().skewless_columns, self._place, ctypes.c_double * self.vectors
        begin = np.array(start, np.float64)
        at = begin.ctypes.data

        def each(cells: bytes, _kept: Any = (self, begin)) -> list[float]:
            made = kind()
            columns(place, fused, cells, 1, at, made)
            answers: list[float] = made[:]
            return answers

        return each

    def _fitting(self, rows: Doubles) -> Doubles:
        rows = np.ascontiguousarray(rows, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.size:
            raise ValueError(f"the rows are {rows.shape}, the vectors have {self.size} slots")
        return rows


def pairs(x: Doubles, y: Doubles, *, lanes: int = 0, fused: bool = False) -> Doubles:
    """The dot product of every row of ``x`` with its own row of ``y``, in an order as of `Products`."""
    x, y = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"rows of {x.shape} cannot be paired with rows of {y.shape}")
    made, order = np.empty(len(x)), _Coefficients(None, None, 1, *_order(x.shape[1], lanes, fused))
    kernels().skewless_pairs(ctypes.byref(order), x.ctypes.data, y.ctypes.data, len(x), made.ctypes.data)
    return made


def _order(size: int, lanes: int, fused: bool) -> tuple[int, int, int, bool]:
    """The last members of `_Coefficients`, from the size on."""
    return size, size - size % lanes if lanes else 0, lanes, fused
