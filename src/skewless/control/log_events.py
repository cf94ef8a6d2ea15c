"""CloudWatch Logs: reading events, of one stream from either end or of many by what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final
from zlib import crc32

from skewless.control.logs import MAX_BATCH, SERVICE, group_of, refused, size_of, stream_of
from skewless.control.pages import seal, unseal
from skewless.control.plane import Members, Plane, operation, present
from skewless.errors import UnsupportedError
from skewless.telemetry.logs import LogGroup, LogStream
from skewless.telemetry.patterns import matcher
from skewless.telemetry.search import Found, search
from skewless.telemetry.stream import Event

MOST: Final = 10_000
MOST_SEARCHED: Final = 100_000
"""Events that one FilterLogEvents looks at; then it answers what it found, perhaps nothing, and a token."""
TOKEN: Final = re.compile(r"([fb])/([0-9]{56})/s")


@operation(SERVICE, "GetLogEvents", ignores=("unmask",))
def get_log_events(plane: Plane, request: Members) -> Members:
    """A page of one stream, in the order in which its events arrived. At either end the token stays the same."""
    stream = stream_of(group_of(plane, request), request["logStreamName"])
    start, end = request.get("startTime"), request.get("endTime")
    forward, position = _direction(request)
    if position is not None:
        # A stream that was deleted and made again may be shorter than the token's.
        position = min(position, stream.files.end)
    most = request.get("limit", MOST)
    if forward:
        events = list(_fitting(stream.events(start, end, position or 0), most))
    else:
        before = stream.files.end if position is None else position
        events = list(_fitting(stream.events_before(start, end, before), most))[::-1]
    if events:
        first, last = events[0].position, events[-1].end
    else:
        # A stream that is still empty begins where it will begin; what comes later lies behind that.
        first = last = position if position is not None else 0 if forward else stream.files.end
    return {
        "events": [
            {"timestamp": event.time, "message": event.message, "ingestionTime": event.ingested}
            for event in events
        ],
        "nextForwardToken": f"f/{last:056d}/s",
        "nextBackwardToken": f"b/{first:056d}/s",
    }


@operation(SERVICE, "FilterLogEvents", ignores=("interleaved", "unmask"))
def filter_log_events(plane: Plane, request: Members) -> Members:
    """Events of all streams, or of some, that match a pattern; by time, whatever stream they are in."""
    streams = _streams(group_of(plane, request), request)
    matches = _matcher(request.get("filterPattern", ""))
    scope = {name: value for name, value in request.items() if name not in _MAY_DIFFER}
    newest_first, after = not request.get("startFromHead", True), None
    if token := request.get("nextToken"):
        newest_first, *place = unseal(token, scope, refused("The specified nextToken is invalid."))
        after = (place[0], place[1], place[2])
    end = request.get("endTime")
    found = search(
        streams,
        request.get("startTime"),
        None if end is None else end + 1,  # here, unlike in GetLogEvents, the end belongs to the range
        after=after,
        newest_first=newest_first,
    )
    events, last = _matching(found, matches, request.get("limit", MOST))
    token = seal([newest_first, *last.place], scope) if last else None
    return present(
        {"events": [_found(item) for item in events], "searchedLogStreams": [], "nextToken": token}
    )


_MAY_DIFFER: Final = ("nextToken", "limit", "startFromHead", "interleaved", "unmask")


def _direction(request: Members) -> tuple[bool, int | None]:
    """Whether to read towards the newest event, and the position to start at, if a token says it."""
    if "nextToken" not in request:
        return request.get("startFromHead", False), None
    token = TOKEN.fullmatch(request["nextToken"])
    if token is None:
        raise refused("The specified nextToken is invalid.")
    return token[1] == "f", int(token[2])


def _streams(group: LogGroup, request: Members) -> list[LogStream]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names and prefix:
        raise refused("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    if names:
        return [stream_of(group, name) for name in dict.fromkeys(names)]
    return [stream for stream in list(group.streams.values()) if stream.name.startswith(prefix or "")]


def _matcher(pattern: str) -> Callable[[str], bool]:
    try:
        return matcher(pattern)
    except UnsupportedError as error:
        raise refused(str(error)) from None


def _fitting(events: Iterable[Event], most: int) -> Iterator[Event]:
    """Up to ``most`` events, as many as go into one answer."""
    size = 0
    for event in islice(events, most):
        size += size_of(event.message)
        if size > MAX_BATCH:
            return
        yield event


def _matching(
    found: Iterator[Found], matches: Callable[[str], bool], most: int
) -> tuple[list[Found], Found | None]:
    """What goes into one answer, and the last that was looked at when there is more to look at."""
    kept: list[Found] = []
    size, last = 0, None
    for looked_at, item in enumerate(found):
        if looked_at >= MOST_SEARCHED or len(kept) >= most:
            return kept, last
        if matches(item.event.message):
            size += size_of(item.event.message)
            if size > MAX_BATCH:
                return kept, last
            kept.append(item)
        last = item
    return kept, None


def _found(item: Found) -> dict[str, Any]:
    event = item.event
    return {
        "logStreamName": item.stream,
        "timestamp": event.time,
        "message": event.message,
        "ingestionTime": event.ingested,
        # The same event has the same id in every answer: clients that poll tell by it what they saw already.
        "eventId": f"{event.time:016d}{crc32(item.stream.encode()):010d}{event.position:030d}",
    }
