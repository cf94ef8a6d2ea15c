"""What an instance counts of its requests, for ``GET /metrics``: with all its workers, and those before them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Final
from zlib import crc32

from skewless.containers.pipeline import MOST_CONTAINERS, Course
from skewless.telemetry.counters import Counters
from skewless.telemetry.families import BYTES, SECONDS, Family, Histogram, Labels

_TIMES: Final = tuple(round(bound * 1e9) for bound in SECONDS)
_SIZES: Final = tuple(map(int, BYTES))

# A histogram has a number for each bucket, one for what is over all bounds, and the sum.
_TIME: Final = len(_TIMES) + 1
"""Where the sum of times is, from the start of their histogram."""
_SIZE: Final = len(_SIZES) + 1

_WHOLE: Final = 1000
"""Where the histogram of requests' times starts; the numbers before count answers, by status."""
_REQUEST: Final = _WHOLE + _TIME + 1
"""Of the requests' bodies that did not come to the first container; the others are counted as what that was given."""
_ANSWER: Final = _REQUEST + _SIZE + 1
_CONTAINERS: Final = _ANSWER + _SIZE + 1
_CONTAINER: Final = _TIME + 1 + _SIZE + 1
"""Numbers of a container: its times, and the bodies it was given."""
_GIVEN: Final = _TIME + 1


def shared_counters(processes: int = 1) -> Counters:
    """Room for what so many processes count; twice that, for while they are replaced."""
    return Counters(_CONTAINERS + MOST_CONTAINERS * _CONTAINER, 2 * processes)


class Meters:
    """Counts the invocations of one pipeline. For the event loop's thread."""

    def __init__(self, runtimes: Mapping[str, str], counters: Counters) -> None:
        """``runtimes`` of the containers, by name, in order."""
        self._runtimes = runtimes
        self._starts = dict(zip(runtimes, count(_CONTAINERS, _CONTAINER), strict=False))
        self._first = next(iter(runtimes))
        self._counters = counters
        self._layout = 1 + crc32("\n".join(chain.from_iterable(runtimes.items())).encode())
        self._numbers = counters.own(self._layout)

    def count(self, status: int, nanoseconds: int, course: Course, size: int) -> None:
        """An answered request: all its time here, how it went, and the bytes of its answer."""
        numbers, starts = self._numbers, self._starts
        numbers[status] += 1
        numbers[_WHOLE + bisect_left(_TIMES, nanoseconds)] += 1
        numbers[_WHOLE + _TIME] += nanoseconds
        numbers[_ANSWER + bisect_left(_SIZES, size)] += 1
        numbers[_ANSWER + _SIZE] += size
        for name, given in course.given.items():
            start = starts[name] + _GIVEN
            numbers[start + bisect_left(_SIZES, given)] += 1
            numbers[start + _SIZE] += given
        if self._first not in course.given:  # it came to another, or to none
            came = next(iter(course.given.values()), 0)
            numbers[_REQUEST + bisect_left(_SIZES, came)] += 1
            numbers[_REQUEST + _SIZE] += came
        marks = iter(course.marks)
        before = next(marks, 0)
        for name, mark in zip(course.containers, marks, strict=False):
            start, spent, before = starts[name], mark - before, mark
            numbers[start + bisect_left(_TIMES, spent)] += 1
            numbers[start + _TIME] += spent

    def families(self) -> Sequence[Family]:
        """All that was counted."""
        sums = self._counters.sums(self._layout)
        answers: dict[Labels, float] = {(str(n),): value for n, value in enumerate(sums[:_WHOLE]) if value}
        here = ("container", "runtime")
        first = self._starts[self._first] + _GIVEN
        requests = [sums[_REQUEST + one] + sums[first + one] for one in range(_SIZE + 1)]
        containers = list(zip(self._runtimes.items(), self._starts.values(), strict=True))
        return (
            Family(
                "skewless_invocations",
                "Requests that were answered, by status.",
                "counter",
                ("status",),
                answers,
            ),
            Family(
                "skewless_invocation_seconds",
                "Time from a request's head to its answer.",
                "histogram",
                (),
                {(): _times(sums, _WHOLE)},
            ),
            Family(
                "skewless_container_seconds",
                "Time in each container.",
                "histogram",
                here,
                {labels: _times(sums, start) for labels, start in containers},
            ),
            Family(
                "skewless_payload_bytes",
                "Bodies that came and went.",
                "histogram",
                ("body",),
                {("request",): _sizes(requests, 0), ("answer",): _sizes(sums, _ANSWER)},
            ),
            Family(
                "skewless_container_payload_bytes",
                "Bodies that containers were given as text; those that are handed columns count none.",
                "histogram",
                here,
                {labels: _sizes(sums, start + _GIVEN) for labels, start in containers},
            ),
        )


def _times(sums: Sequence[int], start: int) -> Histogram:
    return Histogram(SECONDS, sums[start : start + _TIME], sums[start + _TIME] / 1e9)


def _sizes(sums: Sequence[int], start: int) -> Histogram:
    return Histogram(BYTES, sums[start : start + _SIZE], sums[start + _SIZE])
