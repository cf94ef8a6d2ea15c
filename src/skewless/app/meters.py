"""The metrics of invocations: named and dimensioned as SageMaker has them, in microseconds, and for scrapes."""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from skewless.supervisor.endpoints import Invoked
from skewless.telemetry.families import BYTES, SECONDS, Family, Histogram, Kind, Labels
from skewless.telemetry.metrics import MINUTE, Metrics, Series

NAMESPACE: Final = "AWS/SageMaker"
_AT_ONCE: Final = 64
"""Invocations that are counted together: so few that nobody has to wait for it."""
_SPENT: Final = re.compile(r"([^;,\s]+);dur=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class _Variant:
    """The series of one variant."""

    invocations: Series
    per_instance: Series
    errors_4xx: Series
    errors_5xx: Series
    model_errors: Series
    model_latency: Series
    overhead: Series
    containers: dict[str, Series]
    """Of a pipeline only."""


class _Counted(NamedTuple):
    """What is kept of one invocation until it is counted."""

    status: int
    nanoseconds: int
    inside: int
    """Nanoseconds from handing the request to the instance to having its answer."""
    request_bytes: int
    answer_bytes: int
    instances: int
    containers: tuple[str, ...]
    timing: bytes
    """The instance's ``Server-Timing``."""


class Meters:
    """Counts invocations: each is noted down at once, and some together are counted, which costs less."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._lock = threading.Lock()
        self._minute = 0
        self._minute_ends = 0.0
        self._noted: dict[tuple[str, str], list[_Counted]] = {}
        """Of this minute, by endpoint and variant."""
        self._variants: dict[tuple[str, str], _Variant] = {}
        self._answers: Counter[Labels] = Counter()
        self._seconds: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))
        self._overheads: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))
        self._sizes: dict[Labels, Histogram] = defaultdict(partial(Histogram, BYTES))
        self._containers: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))
        metrics.sources.append(self.settle)

    def count(self, endpoint: str, invoked: Invoked, nanoseconds: int, size: int) -> None:
        """One that was answered; ``nanoseconds`` is all the time it took here, ``size`` the bytes of its body."""
        if self.metrics.clock() >= self._minute_ends:
            self._begin_minute()
        reply = invoked.reply
        noted = self._noted.get((endpoint, invoked.variant))
        if noted is None:
            noted = self._noted[endpoint, invoked.variant] = []
        noted.append(
            _Counted(
                reply.status,
                nanoseconds,
                invoked.nanoseconds,
                size,
                len(reply.body),
                invoked.instances,
                invoked.containers,
                reply.headers.get(b"server-timing", b""),
            )
        )
        if len(noted) >= _AT_ONCE:
            self.settle()

    def lost(self, endpoint: str, variant: str) -> None:
        """One whose instance went away, or took too long."""
        with self._lock:
            self._answers[endpoint, variant, "0"] += 1
            series = self._of(endpoint, variant)
        series.invocations.add(1)
        series.errors_4xx.add(0)
        series.errors_5xx.add(1)
        series.model_errors.add(1)

    def settle(self) -> None:
        """Count what was noted. Any thread may ask for it."""
        with self._lock:
            for here, noted in list(self._noted.items()):
                if number := len(noted):
                    # More may be noted meanwhile, without a lock: behind these.
                    taken = noted[:number]
                    del noted[:number]
                    self._count(here, taken)

    def _begin_minute(self) -> None:
        self.settle()
        now = self.metrics.clock()
        self._minute = int(now // 60) * MINUTE
        self._minute_ends = self._minute / 1000 + 60

    def _count(self, here: tuple[str, str], noted: list[_Counted]) -> None:
        statuses, times, inside, requests, answers, instances, containers, timings = zip(*noted, strict=True)
        outside = [whole - part for whole, part in zip(times, inside, strict=True)]
        for status, number in Counter(statuses).items():
            self._answers[*here, str(status)] += number
        add_all(self._seconds[here], times, 1e9)
        add_all(self._overheads[here], outside, 1e9)
        add_all(self._sizes[*here, "request"], requests, 1)
        add_all(self._sizes[*here, "answer"], answers, 1)
        series = self._of(*here, *set(containers))
        for one, values in (
            (series.invocations, [1] * len(noted)),
            (series.per_instance, [1 / number for number in instances]),
            (series.errors_4xx, [400 <= status < 500 for status in statuses]),
            (series.errors_5xx, [status >= 500 for status in statuses]),
            (series.model_errors, [not 200 <= status < 300 for status in statuses]),
            (series.model_latency, [part / 1000 for part in inside]),
            (series.overhead, [part / 1000 for part in outside]),
        ):
            one.add_all(values, self._minute)
        self._count_containers(here, series, timings)

    def _count_containers(self, here: tuple[str, str], series: _Variant, timings: Sequence[bytes]) -> None:
        spent: dict[str, list[float]] = defaultdict(list)
        for name, milliseconds in _SPENT.findall(b", ".join(timings).decode("latin-1")):
            spent[name].append(float(milliseconds))
        for name, values in spent.items():
            add_all(self._containers[*here, name], values, 1000)
            if name in series.containers:
                series.containers[name].add_all([value * 1000 for value in values], self._minute)

    def families(self) -> Sequence[Family]:
        """All that was counted since the gateway's start, as it is now. Status 0: there was no answer."""
        self.settle()
        with self._lock:
            return self._families()

    def _families(self) -> Sequence[Family]:
        here = ("endpoint", "variant")
        return (
            _family("invocations", "Invocations, by status.", (*here, "status"), self._answers),
            _family("invocation_seconds", "Time from a signed request to its answer.", here, self._seconds),
            _family("overhead_seconds", "The part of it outside the containers.", here, self._overheads),
            _family("payload_bytes", "Bodies that came and went.", (*here, "body"), self._sizes),
            _family("container_seconds", "Time in each container.", (*here, "container"), self._containers),
        )

    def _of(self, endpoint: str, variant: str, *pipelines: tuple[str, ...]) -> _Variant:
        found = self._variants.get((endpoint, variant))
        if found is None:
            found = self._variants[endpoint, variant] = self._new(endpoint, variant)
        for names in pipelines:
            if len(names) > 1 and not found.containers.keys() >= set(names):
                here = {"EndpointName": endpoint, "VariantName": variant}
                for name in names:
                    found.containers[name] = self.metrics.series(
                        NAMESPACE, "ContainerLatency", {**here, "ContainerName": name}, "Microseconds"
                    )
        return found

    def _new(self, endpoint: str, variant: str) -> _Variant:
        here = {"EndpointName": endpoint, "VariantName": variant}

        def series(name: str, unit: str = "None") -> Series:
            return self.metrics.series(NAMESPACE, name, here, unit)

        return _Variant(
            series("Invocations"),
            series("InvocationsPerInstance"),
            series("Invocation4XXErrors"),
            series("Invocation5XXErrors"),
            series("InvocationModelErrors"),
            series("ModelLatency", "Microseconds"),
            series("OverheadLatency", "Microseconds"),
            {},
        )


def add_all(histogram: Histogram, values: Iterable[float], unit: float) -> None:
    """Add several values: finding each bound among them, sorted, costs less than finding each among the bounds."""
    ordered = sorted([value / unit for value in values])
    before = 0
    for place, bound in enumerate(histogram.bounds):
        upto = bisect_right(ordered, bound)
        histogram.counts[place] += upto - before
        before = upto
    histogram.counts[-1] += len(ordered) - before
    histogram.total += sum(ordered)


def _family(name: str, text: str, labels: Sequence[str], values: dict[Labels, Any]) -> Family:
    kind: Kind = "counter" if isinstance(values, Counter) else "histogram"
    return Family(f"skewless_endpoint_{name}", text, kind, labels, dict(values))
