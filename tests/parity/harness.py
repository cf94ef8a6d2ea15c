"""Compare a fitted Spark stage with what we make of it, bit for bit, refusals and dropped rows included."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

import skewless.spark
from skewless.errors import ValueRefused
from skewless.export.spark import to_arrow
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform


def spark_rows(model: Any, frame: DataFrame) -> list[list[dict[str, Any]] | None]:
    """What Spark makes of each row by itself: the rows it gives (none, when it drops it), None when it fails."""

    def single(row: Any) -> list[dict[str, Any]] | None:
        alone = frame.sparkSession.createDataFrame([row], frame.schema).coalesce(1)
        try:
            rows: list[dict[str, Any]] = to_arrow(model.transform(alone)).to_pylist()
        except (PySparkException, Py4JError):
            return None
        return rows

    # Spark's cost for one row is mostly waiting.
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(single, frame.collect()))


def check(model: Any, frame: DataFrame, folder: Path) -> None:
    """Export live and from the saved folder, and compare both kernels of both with Spark on every row."""
    saved = folder / "saved"
    model.write().overwrite().save(saved.as_uri())
    live = skewless.load(skewless.spark.export(model, folder / "live.zip", sample=frame.limit(0)))
    converted = skewless.load(
        skewless.spark.convert(saved, folder / "converted.tar.gz", inputs=live.input_schema)
    )
    assert live.output_schema == converted.output_schema
    expected = spark_rows(model, frame)
    source = to_arrow(frame)
    for transform in (live, converted):
        for number, (want, given) in enumerate(zip(expected, source.to_pylist(), strict=True)):
            compare_row(transform, given, want, number)
            compare_table(transform, source.slice(number, 1), want, number)
        if None not in expected:
            whole = transform.table(source).to_pylist()
            flat = [row for rows in expected if rows for row in rows]
            assert len(whole) == len(flat)
            for number, (got, wanted) in enumerate(zip(whole, flat, strict=True)):
                assert_same(got, wanted, number)


def compare_row(transform: Transform, given: dict[str, Any], want: Any, number: int) -> None:
    """The row kernel: the same values, or a refusal where Spark fails or drops."""
    if not want:
        with pytest.raises(ValueRefused):
            pytest.fail(f"row {number} {given}: Spark refuses or drops it, we give {transform.row(given)}")
        return
    assert_same(transform.row(given), want[0], number)


def compare_table(transform: Transform, given: pa.Table, want: Any, number: int) -> None:
    """The batch kernel, on a batch of this row."""
    if want is None:
        with pytest.raises(ValueRefused):
            pytest.fail(f"row {number}: Spark refuses it, we give {transform.table(given).to_pylist()}")
        return
    got = transform.table(given).to_pylist()
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert_same(one, other, number)


def assert_same(got: dict[str, Any], want: dict[str, Any], number: int) -> None:
    """Every column Spark has, with its bits."""
    for column, value in want.items():
        assert column in got, f"row {number}: column {column} is missing"
        assert same(_floats(got[column], value), value), (
            f"row {number}, column {column}: {got[column]!r} is not {value!r}"
        )


def _floats(got: Any, want: Any) -> Any:
    return float(got) if isinstance(want, float) and isinstance(got, int) else got
