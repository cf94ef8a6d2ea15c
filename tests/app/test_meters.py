"""What is counted of invocations: all of them, once each, in their minute, however many are counted together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.app.meters import NAMESPACE, Meters, add_all
from skewless.supervisor.endpoints import Invoked
from skewless.supervisor.hop import Reply
from skewless.telemetry.families import SECONDS, Histogram
from skewless.telemetry.metric_rows import Metric
from skewless.telemetry.metrics import MINUTE, Metrics, dimensions_text
from tests.planes import Clock, plane

CONTAINERS = ("first", "second")


@dataclass
class Rig:
    """Meters whose clock stands."""

    meters: Meters
    metrics: Metrics
    clock: Clock

    def count(self, status: int = 200, milliseconds: int = 2, body: bytes = b"ab") -> None:
        timing = b"first;dur=0.250, second;dur=%.3f" % milliseconds
        reply = Reply(status, {b"server-timing": timing}, body)
        inside = milliseconds * 1_000_000
        self.meters.count("cars", Invoked(reply, "one", CONTAINERS, 2, inside), inside + 500_000, 10)

    def minutes(self, name: str, **more: str) -> list[tuple[int, float, float]]:
        """Minute, number and sum."""
        dimensions = dimensions_text({"EndpointName": "cars", "VariantName": "one", **more})
        found = self.metrics.minutes(Metric(NAMESPACE, name, dimensions), 0, 1 << 60)
        return [(key.minute, bucket.count, bucket.total) for key, bucket in sorted(found.items())]

    def family(self, name: str) -> dict[tuple[str, ...], float]:
        """A family's values by their labels; of a histogram the number."""
        families = {one.name: one for one in self.meters.families()}
        values = families[f"skewless_endpoint_{name}"].values
        return {
            labels: sum(value.counts) if isinstance(value, Histogram) else value
            for labels, value in values.items()
        }


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = Clock(1_700_000_040_000)  # a minute begins
    with plane(tmp_path, clock=clock) as made:
        yield Rig(Meters(made.metrics), made.metrics, clock)


@pytest.mark.parametrize("number", [1, 63, 64, 65, 200])
def test_all_are_counted_whenever_somebody_asks(rig: Rig, number: int) -> None:
    for _ in range(number):
        rig.count()
    now = rig.clock.ms
    assert rig.minutes("Invocations") == [(now, number, number)]
    assert rig.minutes("InvocationsPerInstance") == [(now, number, number / 2)]
    assert rig.minutes("Invocation5XXErrors") == [(now, number, 0)]
    assert rig.minutes("ModelLatency") == [(now, number, number * 2000)]
    assert rig.minutes("OverheadLatency") == [(now, number, number * 500)]
    assert rig.minutes("ContainerLatency", ContainerName="second") == [(now, number, number * 2000)]
    assert rig.family("invocations") == {("cars", "one", "200"): number}
    assert rig.family("container_seconds") == {("cars", "one", name): number for name in CONTAINERS}


def test_each_belongs_to_its_minute(rig: Rig) -> None:
    first = rig.clock.ms
    rig.clock.move(59.9)
    for _ in range(3):
        rig.count()
    rig.clock.move(0.2)
    rig.count(status=503)
    assert rig.minutes("Invocations") == [(first, 3, 3), (first + MINUTE, 1, 1)]
    assert rig.minutes("Invocation5XXErrors") == [(first, 3, 0), (first + MINUTE, 1, 1)]
    assert rig.minutes("InvocationModelErrors") == [(first, 3, 0), (first + MINUTE, 1, 1)]


def test_what_is_flushed_is_not_counted_again(rig: Rig) -> None:
    for number in range(1, 4):
        rig.count()
        rig.metrics.flush()
        assert rig.minutes("Invocations") == [(rig.clock.ms, number, number)]
    rig.meters.lost("cars", "one")
    assert rig.minutes("Invocations")[0][1:] == (4, 4)
    assert rig.family("invocations") == {("cars", "one", "200"): 3, ("cars", "one", "0"): 1}


def test_those_who_ask_meanwhile_lose_nothing(rig: Rig) -> None:
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            rig.metrics.flush()
            rig.meters.settle()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5000):
        rig.count()
    over.set()
    for thread in threads:
        thread.join()
    assert rig.minutes("Invocations") == [(rig.clock.ms, 5000, 5000)]
    assert rig.family("invocation_seconds") == {("cars", "one"): 5000}


@given(
    st.lists(st.one_of(st.integers(0, 10**12), st.sampled_from([int(b * 1e9) for b in SECONDS])), min_size=1)
)
def test_together_they_fall_where_each_would_alone(values: list[int]) -> None:
    alone, together = Histogram(SECONDS), Histogram(SECONDS)
    for value in values:
        alone.add(value / 1e9)
    add_all(together, values, 1e9)
    assert together.counts == alone.counts
    assert together.total == pytest.approx(alone.total)
