"""Metrics: what is added is counted once, wherever it lies."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from skewless.store.tables import METRICS
from tests.planes import plane


def test_series_and_records_meet_in_one_row(tmp_path: Path) -> None:
    with plane(tmp_path) as p:
        series = p.metrics.series("AWS/SageMaker", "ModelLatency", {"b": "2", "a": "1"}, "Microseconds")
        series.add(10)
        p.metrics.flush()
        series.add(20, count=2)
        p.metrics.record("AWS/SageMaker", "ModelLatency", {"a": "1", "b": "2"}, 40, "Microseconds")
        p.metrics.flush()
        p.metrics.flush()
        with p.store.begin() as c:
            (row,) = c.execute(select(METRICS)).mappings().all()
        assert (row["count"], row["total"], row["least"], row["most"]) == (4, 90, 10, 40)
        assert row["dimensions"] == '{"a":"1","b":"2"}'
        assert sum(row["histogram"].values()) == 4
