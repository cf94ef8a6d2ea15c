"""Plain objects as the UBJSON that XGBoost reads: floats keep their bits, number arrays have their type once."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

_ARRAYS: Final = {"i1": b"i", "u1": b"U", "i2": b"I", "i4": b"l", "i8": b"L", "f4": b"d", "f8": b"D"}
_CONSTANTS: Final = {None: b"Z", True: b"T", False: b"F"}


def written(value: Any) -> bytes:
    """A document of dicts, lists, text, numbers, constants and numpy arrays of numbers."""
    if isinstance(value, dict):
        return b"{" + b"".join(_text(name) + written(one) for name, one in value.items()) + b"}"
    if isinstance(value, str):
        return b"S" + _text(value)
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    if isinstance(value, list):
        return b"[#" + _length(len(value)) + b"".join(map(written, value))
    array = np.asarray(value)
    kind = _ARRAYS[array.dtype.str[1:]]
    return b"[$" + kind + b"#" + _length(len(array)) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def _length(length: int) -> bytes:
    return b"L" + struct.pack(">q", length)


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data
