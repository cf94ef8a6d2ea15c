"""One log stream on disk: lines of JSON in segments, found by position and by time without reading them all.

A position counts bytes from the stream's first line ever and never changes its meaning: a segment's file is named by
the position at which it begins, and a segment that is dropped takes its positions with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

SUFFIX: Final = ".jsonl"
NEAR: Final = 16 << 10
"""Bytes below which reading on is cheaper than halving again."""
FIRST_BLOCK: Final = 16 << 10
BLOCK: Final = 256 << 10
"""Bytes that are read at once, at first and at most."""


class Line(msgspec.Struct, omit_defaults=True):
    """A line of the file; times in milliseconds."""

    time: int
    message: str
    ingested: int = 0
    """When it arrived, where that is not its time."""
    high: int = 0
    """The newest time up to here, where it is not this line's."""
    late: int = 0
    """By how much, at most, a line up to here came with an older time than one before it."""


_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Event:
    """A line as it is read: where it begins and ends, its time and when it arrived."""

    position: int
    end: int
    time: int
    ingested: int
    high: int
    """The newest time up to here: it never falls, which the time may."""
    message: str


@dataclass(slots=True)
class State:
    """What is known of a stream without reading on: its newest time, its greatest lateness, its last arrival."""

    high: int = 0
    late: int = 0
    ingested: int = 0

    def encode(self, time: int, ingested: int, message: str) -> bytes:
        """The line of an event that comes next."""
        self.late = max(self.late, self.high - time)
        self.high = max(self.high, time)
        self.ingested = ingested
        line = Line(
            time,
            message,
            ingested if ingested != time else 0,
            self.high if self.high != time else 0,
            self.late,
        )
        return _encode(line) + b"\n"


class StreamFiles:
    """The segments of one stream in a folder of its own. One thread at a time may write, any may read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.starts = sorted(int(file.stem) for file in folder.glob(f"*{SUFFIX}"))

    def path(self, start: int) -> Path:
        """The file of the segment that begins at a position."""
        return self.folder / f"{start:020d}{SUFFIX}"

    @property
    def begin(self) -> int:
        """The position of the oldest line that is still there."""
        starts = self.starts
        return starts[0] if starts else 0

    @property
    def end(self) -> int:
        """The position after the newest line."""
        starts = self.starts
        return starts[-1] + _size(self.path(starts[-1])) if starts else 0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.end - self.begin

    def state(self) -> State:
        """What the last line says of all before it."""
        last = next(iter(self.before(self.end, 1)), None)
        if last is None:
            return State()
        with self.path(self._segment(last.position)).open("rb") as file:
            file.seek(last.position - self._segment(last.position))
            line = _decode(file.readline())
        return State(last.high, line.late, last.ingested)

    def events(self, position: int, *, inside: bool = False) -> Iterator[Event]:
        """Whole lines from a position on; ``inside`` says that it may lie within a line, which is passed over.

        No file stays open between two lines, so many streams can be read side by side.
        """
        at, block = max(position, self.begin), FIRST_BLOCK
        while self.starts:
            start = self._segment(at)
            if at < start:  # what was there has been dropped meanwhile
                at, inside = start, False
            raw = _bytes_of(self.path(start), at - start, block)
            whole = raw.rfind(b"\n") + 1
            if not whole and len(raw) == block:
                block *= 2  # one line is longer than the block
                continue
            if not whole:  # the rest is still being written, or torn
                later = [other for other in self.starts if other > start]
                if not later:
                    return
                at, inside = later[0], False
                continue
            skipped = raw.index(b"\n") + 1 if inside and at > start else 0
            yield from _lines(raw[skipped:whole], at + skipped)
            at, inside = at + whole, False
            block = min(block * 2, BLOCK)

    def before(self, position: int, count: int) -> list[Event]:
        """Up to ``count`` events that end at or before a position, oldest first."""
        found: list[Event] = []
        high, block = position, FIRST_BLOCK
        while high > self.begin and len(found) < count:
            low = max(self.begin, high - block)
            # A place between two lines is taken for one within a line, so it begins one byte earlier.
            events = _until(self.events(max(low - 1, self.begin), inside=low > self.begin), high)
            if not events and low > self.begin:
                block *= 2  # one line is longer than the block
                continue
            found = events + found
            high, block = (events[0].position if events else low), min(block * 2, BLOCK)
        return found[-count:]

    def seek(self, time: int) -> int:
        """The position of the first line from which on the newest time is at or after ``time`` (milliseconds)."""
        low, high = self.begin, self.end
        while high - low > NEAR:
            middle = (low + high) // 2
            event = next(self.events(middle, inside=True), None)
            if event is None or event.high >= time:
                high = middle
            else:
                low = event.end
        last = low
        for event in self.events(low):
            if event.high >= time:
                return event.position
            last = event.end
        return last

    def _segment(self, position: int) -> int:
        starts = self.starts
        return starts[max(bisect_right(starts, position) - 1, 0)]


def _bytes_of(file: Path, offset: int, size: int) -> bytes:
    """Up to ``size`` bytes from an offset on; none when the file was dropped in this moment."""
    try:
        with file.open("rb", buffering=0) as opened:
            opened.seek(offset)
            return opened.read(size)
    except FileNotFoundError:
        return b""


def _lines(raw: bytes, position: int) -> Iterator[Event]:
    for text in raw.split(b"\n")[:-1]:
        end = position + len(text) + 1
        try:
            line = _decode(text)
        except ValueError:
            pass  # torn when its writer was killed: the writer that came next ended it
        else:
            time = line.time
            yield Event(position, end, time, line.ingested or time, line.high or time, line.message)
        position = end


def _until(events: Iterable[Event], position: int) -> list[Event]:
    found = []
    for event in events:
        if event.end > position:
            break
        found.append(event)
    return found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
