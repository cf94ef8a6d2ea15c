"""Metrics: what is added is counted once, wherever it lies, on both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from skewless.store import Store
from skewless.store.tables import METRICS
from skewless.telemetry.metric_rows import Metric, Wanted
from skewless.telemetry.metrics import DROP_EVERY, MINUTE, RETENTION, Metrics, dimensions_text
from tests.planes import Clock

NAME = ("AWS/SageMaker", "ModelLatency")
METRIC = Metric(*NAME, '{"a":"1","b":"2"}')


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.open(database_url)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_040_000)  # a minute begins


@pytest.fixture
def metrics(store: Store, clock: Clock) -> Metrics:
    return Metrics(store, clock=lambda: clock() / 1000)


def sums(metrics: Metrics, start: int = 0, end: int = 1 << 60) -> dict[tuple[str, int], tuple[float, float]]:
    found = metrics.minutes(METRIC, start, end)
    return {(key.unit, key.minute): (bucket.count, bucket.total) for key, bucket in found.items()}


def test_series_and_records_meet_in_one_row(store: Store, metrics: Metrics, clock: Clock) -> None:
    series = metrics.series(*NAME, {"b": "2", "a": "1"}, "Microseconds")
    series.add(10)
    metrics.flush()
    series.add(20, count=2)
    metrics.record(*NAME, {"a": "1", "b": "2"}, 40, "Microseconds")
    metrics.flush()
    metrics.flush()
    with store.begin() as c:
        (row,) = c.execute(select(METRICS)).mappings().all()
    assert (row["count"], row["total"], row["least"], row["most"]) == (4, 90, 10, 40)
    assert (row["dimensions"], row["minute"]) == (METRIC.dimensions, clock.ms)
    assert sum(row["histogram"].values()) == 4


def test_memory_and_table_are_seen_as_one(metrics: Metrics, store: Store, clock: Clock) -> None:
    series = metrics.series(*NAME, {"a": "1", "b": "2"}, "Microseconds")
    first = clock.ms
    series.add(1)
    metrics.flush()
    series.add(2)
    clock.move(60)
    series.add(3)
    metrics.record(*NAME, {"a": "1", "b": "2"}, 5, "None")
    metrics.record(*NAME, {"a": "1"}, 7, "Microseconds")
    wanted = {
        ("Microseconds", first): (2, 3),
        ("Microseconds", first + MINUTE): (1, 3),
        ("None", first + MINUTE): (1, 5),
    }
    assert sums(metrics) == wanted
    assert sums(metrics, first + 1) == {key: value for key, value in wanted.items() if key[1] > first}
    assert sums(metrics, end=first + MINUTE) == {("Microseconds", first): (2, 3)}
    metrics.flush()
    assert sums(metrics) == wanted
    assert sums(Metrics(store)) == wanted


def test_a_value_belongs_to_the_minute_in_which_it_came(metrics: Metrics, clock: Clock) -> None:
    series = metrics.series(*NAME, {"a": "1", "b": "2"}, "Count")
    first = clock.ms
    clock.ms = first + MINUTE - 1
    series.add(1)
    clock.ms = first + MINUTE
    series.add(2)
    clock.ms = first + 3 * MINUTE
    assert sums(metrics) == {("Count", first): (1, 1), ("Count", first + MINUTE): (1, 2)}


def test_a_later_process_adds_to_what_an_earlier_one_wrote(store: Store, clock: Clock) -> None:
    for _ in range(3):
        metrics = Metrics(store, clock=lambda: clock() / 1000)
        for value in (1, 2, 1000):
            metrics.record(*NAME, {"a": "1", "b": "2"}, value, "Count")
        metrics.flush()
    (bucket,) = Metrics(store).minutes(METRIC, 0, 1 << 60).values()
    assert (bucket.count, bucket.total, bucket.least, bucket.most) == (9, 3009, 1, 1000)
    assert bucket.percentile(50) == pytest.approx(2, rel=0.01)


def test_many_rows_are_written_at_once(metrics: Metrics, store: Store) -> None:
    for turn in range(2):
        for number in range(350):
            metrics.record("n", f"m{number:03d}", {}, turn, "Count")
        metrics.flush()
    with store.begin() as c:
        found = c.execute(select(METRICS.c.count, METRICS.c.total)).all()
    assert found == [(2, 1)] * 350


def test_nothing_is_lost_or_counted_twice_while_threads_add_and_others_flush(metrics: Metrics) -> None:
    added, stop = 20_000, threading.Event()
    series = metrics.series(*NAME, {"a": "1", "b": "2"}, "Count")
    seen: list[float] = []

    def add() -> None:
        for _ in range(added):
            series.add(1)

    def flush() -> None:
        while not stop.is_set():
            metrics.flush()
            seen.append(sum(count for count, _ in sums(metrics).values()))

    flusher = threading.Thread(target=flush)
    threads = [threading.Thread(target=add) for _ in range(3)]
    flusher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    flusher.join()
    assert sum(count for count, _ in sums(metrics).values()) == 3 * added
    assert seen == sorted(seen)


def test_a_flush_that_fails_keeps_its_numbers(metrics: Metrics, store: Store) -> None:
    metrics.record(*NAME, {"a": "1", "b": "2"}, 1, "Count")
    with store.begin() as c:
        c.execute(text("ALTER TABLE metrics RENAME TO elsewhere"))
    with pytest.raises(DBAPIError):
        metrics.flush()
    metrics.record(*NAME, {"a": "1", "b": "2"}, 2, "Count")
    with store.begin() as c:
        c.execute(text("ALTER TABLE elsewhere RENAME TO metrics"))
    metrics.flush()
    assert list(sums(Metrics(store)).values()) == [(2, 3)]


def test_minutes_older_than_the_retention_are_dropped(metrics: Metrics, clock: Clock) -> None:
    first = clock.ms
    metrics.record(*NAME, {"a": "1", "b": "2"}, 1, "Count")
    metrics.flush()
    clock.ms += RETENTION
    metrics.flush()
    assert set(sums(metrics)) == {("Count", first)}
    clock.ms += DROP_EVERY
    metrics.flush()
    assert sums(metrics) == {}


def test_metrics_are_listed_by_namespace_name_and_age(metrics: Metrics, clock: Clock) -> None:
    metrics.record("n", "old", {}, 1, "Count")
    metrics.flush()
    clock.move(3600)
    metrics.record("n", "new", {"d": "1"}, 1, "Count")
    metrics.record("other", "new", {}, 1, "Count")

    def names(namespace: str | None, name: str | None, since: int) -> list[tuple[str, str]]:
        return [metric[:2] for metric in metrics.all_metrics(Wanted(namespace, name, since))]

    for _ in range(2):
        assert names(None, None, 0) == [("n", "new"), ("n", "old"), ("other", "new")]
        assert names("n", None, 0) == [("n", "new"), ("n", "old")]
        assert names(None, "new", 0) == [("n", "new"), ("other", "new")]
        assert names(None, None, clock.ms - MINUTE) == [("n", "new"), ("other", "new")]
        metrics.flush()


def test_dimensions_have_one_form() -> None:
    assert (
        dimensions_text({"b": "é", "a": '"'})
        == dimensions_text({"a": '"', "b": "é"})
        == '{"a":"\\"","b":"é"}'
    )


COUNTER = """
import sys
from skewless.store import Store
from skewless.telemetry.metrics import Metrics
metrics = Metrics(Store.open(sys.argv[1]))
flushed = 0
while True:
    metrics.record("n", "m", {}, 1, "Count")
    metrics.flush()
    flushed += 1
    print(flushed, flush=True)
"""


def test_what_was_flushed_outlives_a_kill(store: Store, database_url: str) -> None:
    command = [sys.executable, "-c", COUNTER, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as counter:
        assert counter.stdout
        for line in counter.stdout:
            if int(line) >= 20:
                break
        counter.send_signal(signal.SIGKILL)
        told = [int(line) for line in counter.stdout.read().split("\n") if line]
    found = Metrics(store).minutes(Metric("n", "m", "{}"), 0, 1 << 60)
    counted = sum(bucket.count for bucket in found.values())
    assert counted == sum(bucket.total for bucket in found.values())
    assert max([20, *told[:-1]]) <= counted <= max([20, *told]) + 2  # the last number told may be cut itself
