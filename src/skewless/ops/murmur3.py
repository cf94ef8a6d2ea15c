"""MurmurHash3 (x86, 32 bits, seed 42) as Spark's ``Murmur3_x86_32`` has it: for one value, and for many at once.

Version 2 is the standard's; version 1 is Spark 2's, which took each byte of an unfinished last block for a block.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import pyarrow as pa

from skewless.schema import Base
from skewless.table import Numbers

SEED: Final = 42
_C1, _C2, _ADD = 0xCC9E2D51, 0x1B873593, 0xE6546B64
_F1, _F2 = 0x85EBCA6B, 0xC2B2AE35
_MASK: Final = 0xFFFFFFFF
_PACKED: Final = {
    Base.BOOLEAN: "<i",
    Base.BYTE: "<i",
    Base.SHORT: "<i",
    Base.INT: "<i",
    Base.LONG: "<q",
    Base.FLOAT: "<f",
    Base.DOUBLE: "<d",
}


def bytes_of(value: Any, base: Base) -> bytes:
    """What is hashed of a value: UTF-8 of a string, a number's own bytes, all NaNs being one."""
    if base is Base.STRING:
        return str(value).encode()
    if value != value:
        value = abs(value)
    return struct.pack(_PACKED[base], value)


def hash_one(data: bytes, version: int = 2, seed: int = SEED) -> int:
    """The hash, as a signed 32-bit number."""
    whole = len(data) & ~3
    h = seed
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        h = _mixed(h, block)
    tail = data[whole:]
    if version == 1:
        for byte in tail:
            h = _mixed(h, (byte if byte < 128 else byte - 256) & _MASK)
    elif tail:
        h ^= _scrambled(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * _F1) & _MASK
    h = ((h ^ (h >> 13)) * _F2) & _MASK
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def _scrambled(block: int) -> int:
    k = (block * _C1) & _MASK
    return (((k << 15 | k >> 17) & _MASK) * _C2) & _MASK


def _mixed(h: int, block: int) -> int:
    h ^= _scrambled(block)
    return ((h << 13 | h >> 19) * 5 + _ADD) & _MASK


def hash_many(items: pa.Array, version: int = 2) -> Numbers:
    """The hashes of a binary array without nulls, block by block over all items that are long enough."""
    starts = np.frombuffer(items.buffers()[1], np.int32)[items.offset : items.offset + len(items) + 1]
    data = np.frombuffer(items.buffers()[2] or b"", np.uint8)
    begin, length = starts[:-1].astype(np.int64), np.diff(starts).astype(np.int64)
    h = np.full(len(items), SEED, np.uint32)
    active, done = np.flatnonzero(length >= 4), 0
    while len(active):
        at = begin[active] + done
        block = sum(data[at + byte].astype(np.uint32) << np.uint32(8 * byte) for byte in range(4))
        h[active] = _mixed_many(h[active], np.asarray(block, np.uint32))
        done += 4
        active = active[length[active] >= done + 4]
    rest = length & 3
    tail = np.zeros(len(items), np.uint32)
    for byte in range(3):
        long = np.flatnonzero(rest > byte)
        found = data[begin[long] + length[long] - rest[long] + byte]
        if version == 1:
            h[long] = _mixed_many(h[long], found.view(np.int8).astype(np.int32).view(np.uint32))
        else:
            tail[long] |= found.astype(np.uint32) << np.uint32(8 * byte)
    # A tail of zeros scrambles to zero, so that items without one stay as they are.
    h ^= _scrambled_many(tail) ^ length.astype(np.uint32)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(_F1)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(_F2)
    return (h ^ (h >> np.uint32(16))).view(np.int32)


def _scrambled_many(block: Numbers) -> Numbers:
    k = block * np.uint32(_C1)
    return (k << np.uint32(15) | k >> np.uint32(17)) * np.uint32(_C2)


def _mixed_many(h: Numbers, block: Numbers) -> Numbers:
    h = h ^ _scrambled_many(block)
    return (h << np.uint32(13) | h >> np.uint32(19)) * np.uint32(5) + np.uint32(_ADD)
