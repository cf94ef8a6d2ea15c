"""What an instance counts of its requests, for ``GET /metrics``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from skewless.telemetry.families import BYTES, SECONDS, Family, Histogram, Labels

_NANO: Final = 1e-9


class Meters:
    """Counts the invocations of one pipeline. For the event loop's thread."""

    def __init__(self, runtimes: Mapping[str, str]) -> None:
        """``runtimes`` of the containers, by name, in order."""
        self._runtimes = runtimes
        self._answers: Counter[Labels] = Counter()
        self._whole = Histogram(SECONDS)
        self._containers: dict[Labels, Histogram] = {item: Histogram(SECONDS) for item in runtimes.items()}
        self._sizes: dict[Labels, Histogram] = {("request",): Histogram(BYTES), ("answer",): Histogram(BYTES)}
        self._request, self._answer = self._sizes.values()
        self._given: dict[Labels, Histogram] = {item: Histogram(BYTES) for item in runtimes.items()}

    def count(
        self,
        status: int,
        nanoseconds: int,
        spent: Sequence[tuple[str, int, int]],
        sizes: tuple[int, int],
        given: Mapping[str, int],
    ) -> None:
        """An answered request: all its time here, each container's start and end, the bytes that came and went.

        ``given`` are the bytes that containers were handed as text.
        """
        self._answers[(str(status),)] += 1
        self._whole.add(nanoseconds * _NANO)
        for name, start, end in spent:
            self._containers[name, self._runtimes[name]].add((end - start) * _NANO)
        self._request.add(sizes[0])
        self._answer.add(sizes[1])
        for name, size in given.items():
            self._given[name, self._runtimes[name]].add(size)

    def families(self) -> Sequence[Family]:
        """All that was counted."""
        here = ("container", "runtime")
        return (
            Family(
                "skewless_invocations",
                "Requests that were answered, by status.",
                "counter",
                ("status",),
                self._answers,
            ),
            Family(
                "skewless_invocation_seconds",
                "Time from a request's head to its answer.",
                "histogram",
                (),
                {(): self._whole},
            ),
            Family(
                "skewless_container_seconds", "Time in each container.", "histogram", here, self._containers
            ),
            Family(
                "skewless_payload_bytes", "Bodies that came and went.", "histogram", ("body",), self._sizes
            ),
            Family(
                "skewless_container_payload_bytes",
                "Bodies that containers were given as text; those that are handed columns count none.",
                "histogram",
                here,
                self._given,
            ),
        )
