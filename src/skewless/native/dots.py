"""Dot products of doubles, to the bit in the order of additions that the fitting engine's machine had.

Each product is added by a fused multiply-add (rounded once) or by a plain one, and either one after the other or in as
many partial sums as that machine's registers have doubles; `skewless.ops.blas` knows which engine does what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from skewless.native.library import kernels, row_kernels

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

MOST_LANES = 32


def dots(x: Numbers, y: Numbers, *, lanes: int = 0, fused: bool = False) -> Numbers:
    """Every row of ``x`` with every row of ``y``: rows of ``x`` by rows of ``y``.

    With ``lanes`` (1 to 32) there are as many partial sums, each a chain of fused multiply-adds over the slots up to
    the last multiple of ``lanes``; the sums are added from the first on, then the slots that are left one by one,
    ``fused`` or not. With 0 lanes all slots go one by one.
    """
    x, y = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64)
    size = x.shape[1]
    made = np.empty((len(x), len(y)))
    kernels().skewless_dots(
        x.ctypes.data,
        len(x),
        y.ctypes.data,
        len(y),
        size,
        _whole(size, lanes),
        lanes,
        fused,
        made.ctypes.data,
    )
    return made


class RowDots:
    """`dots` of one row with all rows of ``y``: ``call(cells)`` with the row's doubles as bytes, then ``made``.

    The bytes are ``struct.pack(f"={size}d", *row)``: a call costs some 0.3 microseconds and the work. ``made`` is a
    memoryview of doubles that the call fills; whoever shares one among threads must read it before the next call.
    """

    __slots__ = ("_keeps", "call", "made")

    def __init__(self, y: Numbers, *, lanes: int = 0, fused: bool = False) -> None:
        y = np.ascontiguousarray(y, np.float64)
        out = np.zeros(len(y))
        self._keeps = (y, out)
        self.made = out.data
        function, vectors, size = row_kernels().skewless_dots, len(y), y.shape[1]
        at, whole, to = y.ctypes.data, _whole(size, lanes), out.ctypes.data

        def call(cells: bytes) -> None:
            function(cells, 1, at, vectors, size, whole, lanes, fused, to)

        self.call: Callable[[bytes], None] = call


def _whole(size: int, lanes: int) -> int:
    """The slots that go into partial sums."""
    return size - size % lanes if lanes else 0
