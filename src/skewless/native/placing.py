"""Rows of a small table, put side by side in a matrix by each row's code."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from skewless.native.library import kernels

Codes: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
Matrix: TypeAlias = np.ndarray[Any, Any]


def place(codes: Codes, table: Matrix, whole: Matrix, start: int) -> None:
    """Put row ``codes[r]`` of a table into row r of a C-contiguous matrix of the same type, from column ``start`` on.

    ValueError where a code names no row, or the matrix has no room.
    """
    codes, table = np.ascontiguousarray(codes), np.ascontiguousarray(table)
    width, size = table.shape[1], whole.itemsize
    fits = whole.flags.c_contiguous and table.dtype == whole.dtype and start + width <= whole.shape[1]
    if not fits or codes.dtype != np.int32 or len(codes) != len(whole):
        raise ValueError(f"{len(codes)} rows of {table.dtype} do not fit {whole.shape} at {start}")
    if len(codes) and not (codes.min() >= 0 and codes.max() < len(table)):
        raise ValueError(f"a code is not below {len(table)}")
    kernels().skewless_place(
        codes.ctypes.data,
        len(codes),
        table.ctypes.data,
        width * size,
        whole.ctypes.data + start * size,
        whole.shape[1] * size,
    )
