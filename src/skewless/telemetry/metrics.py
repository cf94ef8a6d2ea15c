"""Metrics by the minute: counted in memory, kept in the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from skewless.store import Store
from skewless.telemetry.bucket import Bucket
from skewless.telemetry.metric_rows import Key, Metric, Wanted, add_rows, all_metrics, drop_before, rows

MINUTE: Final = 60_000
RETENTION: Final = 15 * 24 * 60 * MINUTE
"""How long minutes are kept, in milliseconds: as long as CloudWatch keeps them one by one."""
DROP_EVERY: Final = 60 * MINUTE
"""How often those that are older are looked for, in milliseconds: it means reading the whole table."""


class Series:
    """A handle on one metric and unit, for those who add often.

    ``add`` costs a look at the clock and at a list: what it collects is counted when a minute or a flush ends, or when
    somebody asks.
    """

    __slots__ = ("_append", "_clock", "_metrics", "_minute", "_name", "_until", "_values")

    def __init__(self, metrics: Metrics, name: tuple[str, str, str, str]) -> None:
        self._metrics = metrics
        self._name = name
        self._clock = metrics.clock
        self._values: list[float] = []
        self._append = self._values.append
        self._minute = 0
        self._until = 0.0

    def add(self, value: float, count: float = 1) -> None:
        """Add a finite value, ``count`` times, at this minute."""
        if self._clock() >= self._until:
            self._begin_minute()
        if count == 1:
            self._append(value)
        else:
            with self._metrics.lock:
                self._bucket().add(value, count)

    def add_all(self, values: Sequence[float], minute: int) -> None:
        """Add finite values, at least one, at a minute (milliseconds)."""
        with self._metrics.lock:
            self._metrics.bucket(Key(*self._name, minute)).add_all(values)

    def count(self) -> None:
        """Count what was added. Whoever calls holds the lock."""
        if number := len(self._values):
            # Others may add meanwhile, without a lock: they add behind these.
            taken = self._values[:number]
            del self._values[:number]
            self._bucket().add_all(taken)

    def _bucket(self) -> Bucket:
        return self._metrics.bucket(Key(*self._name, self._minute))

    def _begin_minute(self) -> None:
        with self._metrics.lock:
            self.count()
            self._minute = int(self._clock() // 60) * MINUTE
            self._until = self._minute / 1000 + 60


class Metrics:
    """All metrics of an installation. Threads may share it."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives seconds since 1970."""
        self.store = store
        self.clock = clock
        self.lock = threading.Lock()
        self.sources: list[Callable[[], None]] = []
        """Called before anything is told or written: whoever keeps numbers back for a while adds them then."""
        self._buckets: dict[Key, Bucket] = {}
        """What is not in the table yet."""
        self._series: dict[tuple[str, str, str, str], Series] = {}
        self._flushing = threading.Lock()
        self._drop_at = 0

    def series(self, namespace: str, name: str, dimensions: Mapping[str, str], unit: str) -> Series:
        """A handle that adds to one metric; ``unit`` is one of CloudWatch's, such as ``Microseconds``."""
        key = (namespace, name, dimensions_text(dimensions), unit)
        return self._series.get(key) or self._series.setdefault(key, Series(self, key))

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str,
        count: float = 1,
    ) -> None:
        """Add a finite value, ``count`` times, at this minute."""
        self.series(namespace, name, dimensions, unit).add(value, count)

    def merge(self, metric: Metric, unit: str, time_ms: int, numbers: Bucket) -> None:
        """Add numbers of another time (milliseconds)."""
        with self.lock:
            self.bucket(Key(*metric, unit, time_ms // MINUTE * MINUTE)).merge(numbers)

    def minutes(
        self, metric: Metric, start: int, end: int, *, distribution: bool = True
    ) -> dict[Key, Bucket]:
        """What there is from ``start`` to before ``end`` (milliseconds), flushed or not.

        Without ``distribution`` it holds no percentiles, and is there much sooner.
        """
        with self._flushing:  # else a minute could be seen twice, or neither here nor there
            with self.store.begin() as connection:
                found = dict(rows(connection, metric, start, end, distribution=distribution))
            self._count()
            with self.lock:
                for key, bucket in self._buckets.items():
                    if key.metric == metric and start <= key.minute < end:
                        found.setdefault(key, Bucket()).merge(bucket)
        return found

    def all_metrics(self, wanted: Wanted) -> list[Metric]:
        """The metrics that hold anything, sorted."""
        with self._flushing:
            with self.store.begin() as connection:
                found = set(all_metrics(connection, wanted))
            self._count()
            with self.lock:
                found |= {key.metric for key in self._buckets if wanted.takes(key)}
        return sorted(found)

    def bucket(self, key: Key) -> Bucket:
        """The bucket of a minute. Whoever calls holds the lock."""
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = Bucket()
        return found

    def flush(self) -> None:
        """Add what was counted since the last time to the table, and drop what is too old.

        Nothing is lost when the table cannot be written: it stays in memory, and the error goes on.
        """
        with self._flushing:
            taken = self._take()
            now = int(self.clock() * 1000)
            drop = now >= self._drop_at
            if not taken and not drop:
                return
            try:
                with self.store.begin() as connection:
                    add_rows(connection, taken)
                    if drop:
                        drop_before(connection, now - RETENTION)
            except BaseException:
                self._give_back(taken)
                raise
            if drop:
                self._drop_at = now + DROP_EVERY

    def _count(self) -> None:
        for hand_over in self.sources:
            hand_over()
        for series in list(self._series.values()):
            with self.lock:  # taken anew for each, since a series that begins a minute waits for it
                series.count()

    def _take(self) -> dict[Key, Bucket]:
        self._count()
        with self.lock:
            taken, self._buckets = self._buckets, {}
            return taken

    def _give_back(self, taken: Mapping[Key, Bucket]) -> None:
        with self.lock:
            for key, bucket in taken.items():
                self.bucket(key).merge(bucket)


def dimensions_text(dimensions: Mapping[str, str]) -> str:
    """Dimensions as the table has them: a JSON object with sorted names."""
    return msgspec.json.encode(dimensions, order="sorted").decode()
