"""What an instance counts of its requests, for ``GET /metrics``: with all its workers, and those before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Final, TypeAlias
from zlib import crc32

from skewless.containers.pipeline import MOST_CONTAINERS, Course
from skewless.native.counting import Tally, counting
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

_VALUES: Final = 3
"""Of a request, before the sizes that containers were given: a one, its time, its answer's size."""
_MOST_KINDS: Final = 256
_Kind: TypeAlias = tuple[int, tuple[str, ...], tuple[str, ...], int]
"""A request's status, the containers that it was for, those that were given text, and the number of its marks."""


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
        self._kinds: dict[_Kind, Callable[..., None]] = {}

    def count(self, status: int, nanoseconds: int, course: Course, size: int) -> None:
        """An answered request: all its time here, how it went, and the bytes of its answer."""
        given, marks = course.given, course.marks
        kind = status, course.containers, tuple(given), len(marks)
        add = self._kinds.get(kind) or self._new(kind)
        add(1, nanoseconds, size, *given.values(), *marks)

    def _new(self, kind: _Kind) -> Callable[..., None]:
        """What counts requests of a kind that has not been before."""
        status, containers, given, marks = kind
        starts, first = self._starts, _VALUES + len(given)
        tallies = [
            Tally(status, 0),
            Tally(_WHOLE, 1, bounds=_TIMES),
            Tally(_ANSWER, 2, bounds=_SIZES),
            *(
                Tally(starts[name] + _GIVEN, value, bounds=_SIZES)
                for value, name in enumerate(given, _VALUES)
            ),
            *(
                Tally(starts[name], mark + 1, since=mark, bounds=_TIMES)
                for mark, name in enumerate(containers[: max(0, marks - 1)], first)
            ),
        ]
        if self._first not in given:  # it came to another, or to none
            came = Tally(_REQUEST, _VALUES) if given else Tally(_REQUEST, 0, since=0)
            tallies.append(came._replace(bounds=_SIZES))
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        made = self._kinds[kind] = counting(self._numbers, tallies, first + marks)
        return made

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
