"""Metrics by the minute: counted in memory, kept in the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from skewless.store import Store
from skewless.telemetry.bucket import Bucket
from skewless.telemetry.metric_rows import Key, add_rows, drop_before

MINUTE = 60_000
RETENTION = 15 * 24 * 60 * MINUTE
"""How long minutes are kept, in milliseconds: as long as CloudWatch keeps them one by one."""


class Series:
    """A handle on one metric with its dimensions, for those who add often."""

    __slots__ = ("_bucket", "_epoch", "_key", "_metrics", "_minute")

    def __init__(self, metrics: Metrics, key: tuple[str, str, str, str]) -> None:
        self._metrics = metrics
        self._key = key
        self._bucket = Bucket()
        self._minute = self._epoch = -1

    def add(self, value: float, count: float = 1) -> None:
        """Add a finite value, ``count`` times, at this minute."""
        metrics = self._metrics
        minute = int(metrics.clock() // 60)
        with metrics.lock:
            if minute != self._minute or metrics.epoch != self._epoch:
                self._minute, self._epoch = minute, metrics.epoch
                self._bucket = metrics.bucket(Key(*self._key, minute * MINUTE))
            self._bucket.add(value, count)


class Metrics:
    """All metrics of an installation. Threads may share it."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives seconds since 1970."""
        self.store = store
        self.clock = clock
        self.lock = threading.Lock()
        self.epoch = 0
        """Rises when the buckets are taken away, so that a series asks for a new one."""
        self._buckets: dict[Key, Bucket] = {}
        self._flushing = threading.Lock()

    def series(self, namespace: str, name: str, dimensions: Mapping[str, str], unit: str) -> Series:
        """A handle that adds to one metric; ``unit`` is one of CloudWatch's, such as ``Microseconds``."""
        return Series(self, (namespace, name, dimensions_text(dimensions), unit))

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str,
        count: float = 1,
        time_ms: int | None = None,
    ) -> None:
        """Add a finite value, ``count`` times, at the time given or now."""
        now = self.clock() * 1000 if time_ms is None else time_ms
        minute = int(now // MINUTE) * MINUTE
        with self.lock:
            self.bucket(Key(namespace, name, dimensions_text(dimensions), unit, minute)).add(value, count)

    def bucket(self, key: Key) -> Bucket:
        """The bucket of a minute; whoever calls holds the lock."""
        return self._buckets.setdefault(key, Bucket())

    def flush(self) -> None:
        """Add what was counted since the last time to the table, and drop what is too old.

        Nothing is lost when the table cannot be written: it stays in memory, and the error goes on.
        """
        with self._flushing:
            taken = self._take()
            try:
                with self.store.begin() as connection:
                    add_rows(connection, taken)
                    drop_before(connection, int(self.clock() * 1000) - RETENTION)
            except BaseException:
                self._give_back(taken)
                raise

    def _take(self) -> dict[Key, Bucket]:
        with self.lock:
            taken, self._buckets = self._buckets, {}
            self.epoch += 1
            return taken

    def _give_back(self, taken: Mapping[Key, Bucket]) -> None:
        with self.lock:
            for key, bucket in taken.items():
                self.bucket(key).merge(bucket)


def dimensions_text(dimensions: Mapping[str, str]) -> str:
    """Dimensions as the table has them: a JSON object with sorted names."""
    return msgspec.json.encode(dimensions, order="sorted").decode()
