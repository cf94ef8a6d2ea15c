"""Elementary functions of whole arrays by the C library, whose bits Python's ``math`` has too, and numpy's have not."""

from __future__ import annotations

import ctypes
import functools
from typing import Any, TypeAlias

import numpy as np

from skewless.native.library import kernels

Doubles: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def exp(powers: Doubles) -> Doubles:
    """The exponentials: infinite where they are too large for a double."""
    powers = np.ascontiguousarray(powers, np.float64)
    made = np.empty_like(powers)
    kernels().skewless_each(_exp(), powers.ctypes.data, powers.size, made.ctypes.data)
    return made


@functools.cache
def _exp() -> int | None:
    """Where the C library's own stands: that of the process, which its interpreter calls."""
    return ctypes.cast(ctypes.CDLL(None).exp, ctypes.c_void_p).value
