"""The metrics of invocations: named and dimensioned as SageMaker has them, in microseconds, and for scrapes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from skewless.supervisor.endpoints import Invoked
from skewless.telemetry.families import BYTES, SECONDS, Family, Histogram, Kind, Labels
from skewless.telemetry.metrics import Metrics, Series

NAMESPACE: Final = "AWS/SageMaker"
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


class Meters:
    """Counts invocations."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._variants: dict[tuple[str, str], _Variant] = {}
        self._answers: Counter[Labels] = Counter()
        self._seconds: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))
        self._overheads: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))
        self._sizes: dict[Labels, Histogram] = defaultdict(partial(Histogram, BYTES))
        self._containers: dict[Labels, Histogram] = defaultdict(partial(Histogram, SECONDS))

    def count(self, endpoint: str, invoked: Invoked, nanoseconds: int, size: int) -> None:
        """One that was answered; ``nanoseconds`` is all the time it took here, ``size`` the bytes of its body."""
        series = self._of(endpoint, invoked.variant, invoked.containers)
        status = invoked.reply.status
        here = endpoint, invoked.variant
        self._answers[*here, str(status)] += 1
        self._seconds[here].add(nanoseconds / 1e9)
        self._sizes[*here, "request"].add(size)
        self._sizes[*here, "answer"].add(len(invoked.reply.body))
        self._overheads[here].add((nanoseconds - invoked.nanoseconds) / 1e9)
        series.invocations.add(1)
        series.per_instance.add(1 / invoked.instances)
        series.errors_4xx.add(400 <= status < 500)
        series.errors_5xx.add(status >= 500)
        series.model_errors.add(not 200 <= status < 300)
        series.model_latency.add(invoked.nanoseconds / 1000)
        series.overhead.add((nanoseconds - invoked.nanoseconds) / 1000)
        told = invoked.reply.headers.get(b"server-timing", b"").decode("latin-1")
        for name, milliseconds in _SPENT.findall(told):
            self._containers[*here, name].add(float(milliseconds) / 1000)
            if name in series.containers:
                series.containers[name].add(float(milliseconds) * 1000)

    def lost(self, endpoint: str, variant: str) -> None:
        """One whose instance went away, or took too long."""
        series = self._of(endpoint, variant, ())
        self._answers[endpoint, variant, "0"] += 1
        series.invocations.add(1)
        series.errors_4xx.add(0)
        series.errors_5xx.add(1)
        series.model_errors.add(1)

    def families(self) -> Sequence[Family]:
        """All that was counted since the gateway's start, as it is now. Status 0: there was no answer."""
        here = ("endpoint", "variant")
        return (
            _family("invocations", "Invocations, by status.", (*here, "status"), self._answers),
            _family("invocation_seconds", "Time from a signed request to its answer.", here, self._seconds),
            _family("overhead_seconds", "The part of it outside the containers.", here, self._overheads),
            _family("payload_bytes", "Bodies that came and went.", (*here, "body"), self._sizes),
            _family("container_seconds", "Time in each container.", (*here, "container"), self._containers),
        )

    def _of(self, endpoint: str, variant: str, containers: Sequence[str]) -> _Variant:
        found = self._variants.get((endpoint, variant))
        if found is None:
            found = self._variants[endpoint, variant] = self._new(endpoint, variant)
        if len(containers) > 1 and not found.containers.keys() >= set(containers):
            here = {"EndpointName": endpoint, "VariantName": variant}
            for name in containers:
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


def _family(name: str, text: str, labels: Sequence[str], values: dict[Labels, Any]) -> Family:
    kind: Kind = "counter" if isinstance(values, Counter) else "histogram"
    return Family(f"skewless_endpoint_{name}", text, kind, labels, dict(values))
