"""Lines of CSV without quotes, parted into columns in one pass: texts told by codes where few differ, numbers read."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import SkewlessError
from skewless.native.library import kernels

Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

MOST_TEXTS: Final = 2048
"""A column with more distinct texts than these has a text for each row."""
LARGEST: Final = (1 << 31) - 1
"""Bytes of a body; places in it have 32 bits."""


class Kind(IntEnum):
    """What a column is read as."""

    TEXT = 0
    DOUBLE = 1
    INTEGER = 2
    SLICES = 3
    """The places of its fields only."""


class _Column(ctypes.Structure):
    """What fields.c calls a column."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("kind", "texts", "plain", "unused")),
        *((name, ctypes.c_void_p) for name in ("codes", "starts", "ends", "numbers", "absent")),
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """A column as texts one after the other, of which each ends where the next begins.

    ``codes`` are each row's among them; None where each row has its own.
    """

    offsets: Integers
    data: Bytes
    codes: Integers | None

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.codes is None else len(self.codes)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of doubles or 64-bit integers; an empty field is ``absent``, and 0."""

    values: np.ndarray[Any, Any]
    absent: Flags

    def __len__(self) -> int:
        return len(self.values)


def lines_in(body: bytes) -> int:
    """How many lines are not empty, in text without carriage returns."""
    lines: int = kernels().skewless_lines(body, len(body))
    return lines


def parted(body: bytes, kinds: Sequence[Kind]) -> list[Texts | Numbers] | None:
    """The columns of a body without quotes, for a column of each kind.

    A column of numbers comes as texts where one is not a plain decimal number whose double one operation finds exactly,
    or a whole one of up to 18 digits. Any line end ends a record. None where one has another number of fields.
    """
    room = max(lines_in(body) + body.count(b"\r"), MOST_TEXTS)
    columns = [_Room(kind, room) for kind in kinds]
    told = (_Column * len(columns))(*[column.told() for column in columns])
    rows = kernels().skewless_fields(body, len(body), told, len(columns))
    if rows == -2:
        raise SkewlessError("there is no memory for the fields")
    if rows < 0:
        return None
    return [one.made(found, body, rows) for one, found in zip(columns, told, strict=True)]


class _Room:
    """Where a column's fields go."""

    def __init__(self, kind: Kind, room: int) -> None:
        self.kind = kind
        self.starts, self.ends = np.empty(room, np.int32), np.empty(room, np.int32)
        self.codes = np.empty(room if kind is Kind.TEXT else 0, np.int32)
        numbers = room if kind in (Kind.DOUBLE, Kind.INTEGER) else 0
        self.numbers = np.empty(numbers, np.float64 if kind is Kind.DOUBLE else np.int64)
        self.absent = np.empty(numbers, np.bool_)

    def told(self) -> _Column:
        arrays = (self.codes, self.starts, self.ends, self.numbers, self.absent)
        return _Column(self.kind, 0, 1, 0, *[array.ctypes.data for array in arrays])

    def made(self, found: _Column, body: bytes, rows: int) -> Texts | Numbers:
        if self.kind in (Kind.DOUBLE, Kind.INTEGER) and found.plain:
            return Numbers(self.numbers[:rows], self.absent[:rows])
        if self.kind is Kind.TEXT and found.texts >= 0:
            return self._texts(body, found.texts, self.codes[:rows])
        return self._texts(body, rows, None)

    def _texts(self, body: bytes, many: int, codes: Integers | None) -> Texts:
        starts, ends = self.starts[:many], self.ends[:many]
        offsets = np.zeros(many + 1, np.int32)
        np.cumsum(ends - starts, out=offsets[1:])
        data = np.empty(int(offsets[-1]), np.uint8)
        kernels().skewless_gather(body, starts.ctypes.data, ends.ctypes.data, many, data.ctypes.data)
        return Texts(offsets, data, codes)
