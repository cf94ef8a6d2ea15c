"""Metrics as text for collectors (the exposition format of Prometheus), by its own client library.

Loaded when somebody first asks: the library takes a tenth of a second to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from skewless.telemetry.families import Family, Histogram


def exposition(families: Sequence[Family]) -> tuple[bytes, str]:
    """These metrics and the process's own (memory, CPU, open files), and their content type."""
    registry = CollectorRegistry()
    registry.register(_Families(families))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Families(Collector):
    """Hands over what was counted."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self.families)


def _metric(family: Family) -> Metric:
    if family.kind == "histogram":
        histograms = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, value in family.values.items():
            if isinstance(value, Histogram):
                histograms.add_metric(labels, list(_buckets(value)), value.total)
        return histograms
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    made = kind(family.name, family.help, labels=family.labels)
    for labels, value in family.values.items():
        if not isinstance(value, Histogram):
            made.add_metric(labels, value)
    return made


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Each bucket counts those below it too."""
    for bound, count in zip((*histogram.bounds, float("inf")), accumulate(histogram.counts), strict=True):
        yield ("+Inf" if bound == float("inf") else repr(bound)), count
