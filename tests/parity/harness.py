"""Compare a fitted Spark stage with what we make of it, bit for bit, refusals and dropped rows included."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

import skewless.spark
from skewless.errors import ValueRefused
from skewless.export.blas import order_of
from skewless.export.spark import known_schema, to_arrow
from skewless.table import from_arrow, schema_of
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector
from tests.parity.asked import answers, frame_of


def plain(table: pa.Table) -> pa.Table:
    """The same with vectors as list<double>."""
    return from_arrow(table, schema_of(table)).to_arrow()


@dataclass(frozen=True)
class Case:
    """A fitted stage with hostile rows for it. ``covers`` are the Spark classes, by short name, that it exercises."""

    name: str
    covers: tuple[str, ...]
    build: Callable[[SparkSession], tuple[Any, DataFrame]]
    ansi: bool = True
    generated: bool = True
    """Whether rows are made up for it too."""
    written: bool = False
    """Whether it takes numbers as text."""
    between: tuple[float, float] = (-math.inf, math.inf)
    """Least and largest of the finite numbers in vectors that are made up for it."""


def check(model: Any, frame: DataFrame, folder: Path) -> Transform:
    """Save, convert, load, and compare both kernels with Spark on every row, alone and all together."""
    model.write().overwrite().save((folder / "saved").as_uri())
    source = to_arrow(frame)
    frame = frame_of(frame.sparkSession, source, frame.schema)
    transform: Transform = skewless.load(
        skewless.spark.convert(
            folder / "saved",
            folder / "bundle.zip",
            inputs=known_schema(frame),
            attributes={field.name: field.metadata.get("ml_attr", {}) for field in frame.schema.fields},
            blas=str(order_of(frame.sparkSession)),
            ansi=frame.sparkSession.conf.get("spark.sql.ansi.enabled") == "true",
        ),
        trust=True,
    )
    ulps = max((stage.op.ulps for stage in transform.stages), default=0)
    expected = answers(model, frame.sparkSession, source, frame.schema)
    for number, (want, given) in enumerate(zip(expected, source.to_pylist(), strict=True)):
        row = {name: vector(cell) for name, cell in given.items()}
        compare_row(transform, row, want, number, ulps)
        compare_table(transform, source.slice(number, 1), want, number, ulps)
    if None not in expected:
        whole = transform.table(source).to_pylist()
        flat = [row for rows in expected if rows for row in rows]
        assert len(whole) == len(flat)
        for number, (got, wanted) in enumerate(zip(whole, flat, strict=True)):
            assert_same(got, wanted, number, ulps)
    assert transform.table(source.slice(0, 0)).num_rows == 0
    return transform


def compare_row(transform: Transform, given: dict[str, Any], want: Any, number: int, ulps: int) -> None:
    """The row kernel: the same values, or a refusal where Spark fails or drops."""
    if not want:
        with pytest.raises(ValueRefused):
            pytest.fail(f"row {number} {given}: Spark refuses or drops it, we give {transform.row(given)}")
        return
    assert_same(transform.row(given), want[0], number, ulps)


def compare_table(transform: Transform, given: pa.Table, want: Any, number: int, ulps: int) -> None:
    """The batch kernel, on a batch of this row."""
    if want is None:
        with pytest.raises(ValueRefused):
            pytest.fail(f"row {number}: Spark refuses it, we give {transform.table(given).to_pylist()}")
        return
    got = transform.table(given).to_pylist()
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert_same(one, other, number, ulps)


def vector(cell: Any) -> Any:
    """Spark's struct as a vector, in an array too; anything else as it is."""
    if isinstance(cell, list) and cell and isinstance(cell[0], dict):
        return [vector(item) for item in cell]
    if not isinstance(cell, dict):
        return cell
    return (
        cell["values"] if cell["type"] == 1 else SparseVector(cell["size"], cell["indices"], cell["values"])
    )


def assert_same(got: dict[str, Any], want: dict[str, Any], number: int, ulps: int = 0) -> None:
    """Every column Spark has, with its bits."""
    for column, value in want.items():
        assert column in got, f"row {number}: column {column} is missing"
        assert same(_floats(vector(got[column]), value), vector(value), ulps), (
            f"row {number}, column {column}: {got[column]!r} is not {value!r}"
        )


def _floats(got: Any, want: Any) -> Any:
    return float(got) if isinstance(want, float) and isinstance(got, int) else got
