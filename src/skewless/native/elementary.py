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
    return _each("exp", powers)


def log(numbers: Doubles) -> Doubles:
    """The natural logarithms: -Infinity of zero, NaN of negative numbers."""
    return _each("log", numbers)


def _each(name: str, numbers: Doubles) -> Doubles:
    numbers = np.ascontiguousarray(numbers, np.float64)
    made = np.empty_like(numbers)
    kernels().skewless_each(_function(name), numbers.ctypes.data, numbers.size, made.ctypes.data)
    return made


@functools.cache
def _function(name: str) -> int | None:
    """Where the C library's own stands: that of the process, which its interpreter calls."""
    return ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
