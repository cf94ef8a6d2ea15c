"""Whole numbers that several processes count together, exactly: each into a region of its own, in memory they share."""

from __future__ import annotations

import fcntl
import mmap
import os
import weakref
from collections.abc import Sequence
from typing import Final

from skewless.errors import SkewlessError

_WORD: Final = 8
"""Bytes of a number, which are read and written as one."""


class Counters:
    """Regions of numbers, all 0 at first. What a process is given of it by pickling is the same memory.

    A region has one writer, so that nobody waits for anybody. The writer holds a lock on it until it ends, however that
    happens. What it counted stays: the next process that asks for a region goes on where it stopped.
    """

    def __init__(self, numbers: int, regions: int) -> None:
        """Room for so many writers at a time, with so many numbers each."""
        self._shape = regions, 1 + numbers  # the first says what the others are
        self._open(os.memfd_create("skewless-counters"))

    def __getstate__(self) -> tuple[str, tuple[int, int]]:
        return f"/proc/{os.getpid()}/fd/{self._file}", self._shape

    def __setstate__(self, state: tuple[str, tuple[int, int]]) -> None:
        path, self._shape = state
        self._open(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def _open(self, file: int) -> None:
        self._file = file
        weakref.finalize(self, os.close, file)
        size = _WORD * self._shape[0] * self._shape[1]
        os.ftruncate(file, size)
        self._all = memoryview(mmap.mmap(file, size)).cast("q")

    def own(self, layout: int) -> memoryview[int]:
        """A region for this process alone, where numbers are what ``layout``, not 0, stands for.

        To be asked for once: locks do not keep a process from itself. SkewlessError where every region is taken.
        """
        regions, width = self._shape
        for start in range(0, regions * width, width):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, start)
            except BlockingIOError:
                continue
            if self._all[start] in (0, layout):
                self._all[start] = layout
                return self._all[start + 1 : start + width]
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, start)
        raise SkewlessError(f"more than {regions} processes count together", hint="Start fewer workers.")

    def sums(self, layout: int) -> Sequence[int]:
        """Each number, summed over all regions of that layout."""
        regions, width = self._shape
        starts = [start for start in range(0, regions * width, width) if self._all[start] == layout]
        return [
            sum(column) for column in zip(*(self._all[one + 1 : one + width] for one in starts), strict=True)
        ]
