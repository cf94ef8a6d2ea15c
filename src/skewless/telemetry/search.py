"""Events of several streams in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from skewless.telemetry.logs import LogStream
from skewless.telemetry.stream import Event


class Found(NamedTuple):
    """An event and where it stands in the order: by time, then stream, then place in the stream."""

    high: int
    stream: str
    position: int
    event: Event

    @property
    def place(self) -> tuple[int, str, int]:
        """What the search can go on after."""
        return self.high, self.stream, self.position


def search(
    streams: Sequence[LogStream],
    start: int | None,
    end: int | None,
    *,
    after: tuple[int, str, int] | None = None,
    newest_first: bool = False,
) -> Iterator[Found]:
    """Events at or after ``start`` and before ``end`` (milliseconds), from behind the place ``after`` on."""
    found = [_of_one(stream, start, end, after, newest_first) for stream in streams]
    return merge(*found, reverse=newest_first)


def _of_one(
    stream: LogStream,
    start: int | None,
    end: int | None,
    after: tuple[int, str, int] | None,
    newest_first: bool,
) -> Iterator[Found]:
    if newest_first:
        before = stream.files.end if after is None else stream.files.seek(after[0] + 1)
        events = stream.events_before(start, end, before)
    else:
        events = stream.events(start, end, stream.files.seek(after[0]) if after else 0)
    for event in events:
        found = Found(event.high, stream.name, event.position, event)
        if after is None or (found.place < after if newest_first else found.place > after):
            yield found
