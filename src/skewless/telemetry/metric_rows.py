"""The table of metrics: adding to its rows, reading and dropping them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, select, tuple_

from skewless.lazy import resolve
from skewless.store.tables import METRICS
from skewless.telemetry.bucket import Bucket

LONGEST_DIMENSIONS: Final = 1024
"""Characters of dimensions as JSON. PostgreSQL takes keys up to some 2700 bytes."""
AT_ONCE: Final = 100
"""Rows that are read and written at once."""
_KEY: Final = tuple(METRICS.primary_key.columns)
INSERTS: Final[Mapping[str, str]] = {
    "postgresql": "sqlalchemy.dialects.postgresql:insert",
    "sqlite": "sqlalchemy.dialects.sqlite:insert",
}
"""Each database's own INSERT, by its dialect: only the one in use is loaded."""


class Metric(NamedTuple):
    """One metric with its dimensions, a JSON object with sorted names."""

    namespace: str
    name: str
    dimensions: str


class Key(NamedTuple):
    """A row's key, its fields in the order of the table's."""

    namespace: str
    name: str
    dimensions: str
    """A JSON object with sorted names."""
    unit: str
    minute: int
    """Milliseconds since 1970 at which the minute begins."""

    @property
    def metric(self) -> Metric:
        """Which metric it is a minute of."""
        return Metric(*self[:3])


class Wanted(NamedTuple):
    """What a list of metrics shall hold; None stands for any."""

    namespace: str | None
    name: str | None
    since: int
    """Milliseconds since 1970: metrics with nothing newer are left out."""

    def takes(self, key: Key) -> bool:
        """Whether the minute makes its metric one of the list."""
        return (
            self.namespace in (None, key.namespace)
            and self.name in (None, key.name)
            and key.minute >= self.since
        )


def add_rows(connection: Connection, buckets: Mapping[Key, Bucket]) -> None:
    """Add to what the rows hold already."""
    keys = list(buckets)
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        sums = {key: buckets[key] for key in some}
        # Read, added, written: neither database adds histograms, and transactions of the store follow each other.
        held = select(METRICS).where(tuple_(*_KEY).in_(some))
        for row in connection.execute(held).mappings():
            key, bucket = _parts(row)
            bucket.merge(buckets[key])
            sums[key] = bucket
        _write(connection, sums)


def drop_before(connection: Connection, time: int) -> None:
    """Drop the minutes that began before a time (milliseconds)."""
    connection.execute(delete(METRICS).where(METRICS.c.minute < time))


def rows(
    connection: Connection, metric: Metric, start: int, end: int, *, distribution: bool
) -> Iterator[tuple[Key, Bucket]]:
    """The minutes of a metric, of all its units, from ``start`` to before ``end`` (milliseconds).

    ``distribution`` says whether they can tell percentiles; those cost much more than the rest.
    """
    columns = [column for column in METRICS.columns if distribution or column is not METRICS.c.histogram]
    wanted = select(*columns).where(
        METRICS.c.namespace == metric.namespace,
        METRICS.c.name == metric.name,
        METRICS.c.dimensions == metric.dimensions,
        METRICS.c.minute >= start,
        METRICS.c.minute < end,
    )
    for row in connection.execute(wanted).mappings():
        yield _parts(row)


def all_metrics(connection: Connection, wanted: Wanted) -> Iterator[Metric]:
    """Which metrics have rows."""
    query = select(*_KEY[:3]).distinct().where(METRICS.c.minute >= wanted.since)
    if wanted.namespace is not None:
        query = query.where(METRICS.c.namespace == wanted.namespace)
    if wanted.name is not None:
        query = query.where(METRICS.c.name == wanted.name)
    for row in connection.execute(query):
        yield Metric(*row)


def _write(connection: Connection, buckets: Mapping[Key, Bucket]) -> None:
    statement = resolve(INSERTS[connection.dialect.name])(METRICS)
    added = {name: statement.excluded[name] for name in ("count", "total", "least", "most", "histogram")}
    upsert = statement.on_conflict_do_update(index_elements=_KEY, set_=added)
    connection.execute(upsert, [_row(key, bucket) for key, bucket in buckets.items()])


def _row(key: Key, bucket: Bucket) -> dict[str, Any]:
    return {
        **key._asdict(),
        "count": bucket.count,
        "total": bucket.total,
        "least": bucket.least,
        "most": bucket.most,
        "histogram": bucket.histogram_text(),
    }


def _parts(row: RowMapping) -> tuple[Key, Bucket]:
    key = Key(*(row[column.name] for column in _KEY))
    return key, Bucket.of(row["count"], row["total"], row["least"], row["most"], row.get("histogram", {}))
