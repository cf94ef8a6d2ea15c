"""Rows made by hypothesis: what we answer, Spark answers with the same bits, and what we refuse, it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml.linalg import SparseVector, VectorUDT
from pyspark.ml.linalg import Vectors as Dense
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from skewless.errors import AllSkipped, ValueRefused
from skewless.export.spark import to_arrow
from skewless.transforms.transform import Transform
from tests.parity.harness import assert_same, spark_rows, vector

ROWS: Final = 30
"""Rows at once: Spark's price is for the job, not for the row."""
_REFUSED: Final = 2
"""Rows that we refuse, of each example, that Spark is asked about, one by one."""
_GAPS: Final = ("inside a letter that is two in Java", "too large for a cosine transform")
"""Of refusals that the bundles' page or the stages' page tells, and Spark does not share."""
# Letters that are newer than the JVM's Unicode are a known difference.
_LETTERS: Final = st.characters(max_codepoint=0x2BFF, exclude_categories=["Cs"]) | st.sampled_from(
    "日本語𝄞😀"
)
_WHOLE: Final[dict[type[t.DataType], int]] = {
    t.ByteType: 8,
    t.ShortType: 16,
    t.IntegerType: 32,
    t.LongType: 64,
}
_HOSTILE: Final = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e300, float("nan"), float("inf"), float("-inf")]

Strategy = st.SearchStrategy[Any]


def check_generated(model: Any, frame: DataFrame, transform: Transform, examples: int) -> None:
    """So many times a batch of rows like the frame's."""
    row = st.tuples(*(_cells(field, [row[field.name] for row in frame.collect()]) for field in frame.schema))

    @settings(
        max_examples=examples + 1,  # the first has the simplest row again and again
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(row, min_size=ROWS, max_size=ROWS))
    def run(rows: list[tuple[Any, ...]]) -> None:
        _compare(model, frame, transform, rows)

    run()


def _compare(model: Any, frame: DataFrame, transform: Transform, rows: Sequence[tuple[Any, ...]]) -> None:
    source = to_arrow(frame.sparkSession.createDataFrame(rows, frame.schema))
    answers: list[dict[str, Any]] = []
    taken, refused = [], []
    for number, given_ in enumerate(source.to_pylist()):
        try:
            answers.append(transform.row({name: vector(cell) for name, cell in given_.items()}))
        except AllSkipped:
            pass
        except ValueRefused as error:
            if not any(gap in error.message for gap in _GAPS):
                refused.append(number)
            continue
        taken.append(number)
    alike = frame.sparkSession.createDataFrame([rows[number] for number in taken], frame.schema)
    try:
        expected = to_arrow(model.transform(alike.coalesce(1))).to_pylist()
    except (PySparkException, Py4JError):
        failed = [
            row for row, made in zip(alike.collect(), spark_rows(model, alike), strict=True) if made is None
        ]
        raise AssertionError(f"Spark refuses rows that we answer: {failed[:3]}") from None
    assert len(expected) == len(answers)
    expected = _in_order(expected, answers, frame.columns)
    ulps = max((stage.op.ulps for stage in transform.stages), default=0)
    batch = transform.table(source.take(pa.array(taken, pa.int64()))).to_pylist()
    for number, (want, by_row, by_table) in enumerate(zip(expected, answers, batch, strict=True)):
        assert_same(by_row, want, number, ulps)
        assert_same(by_table, want, number, ulps)
    few = [rows[number] for number in refused[:_REFUSED]]
    odd = frame.sparkSession.createDataFrame(few, frame.schema)
    answered = [row for row, made in zip(few, spark_rows(model, odd), strict=True) if made is not None]
    assert not answered, f"Spark answers rows that we refuse: {answered}"


def _in_order(
    expected: list[dict[str, Any]], answers: list[dict[str, Any]], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Spark's rows as ours are, since a transform that joins (ALS) gives them in another order."""
    if not all(name in row for row in expected for name in columns):
        return expected
    by_input: dict[str, list[dict[str, Any]]] = {}
    for row in reversed(expected):
        by_input.setdefault(repr([vector(row[name]) for name in columns]), []).append(row)
    keys = [repr([vector(row[name]) for name in columns]) for row in answers]
    if sorted(keys) != sorted(key for key, rows in by_input.items() for _ in rows):
        return expected
    return [by_input[key].pop() for key in keys]


def _cells(field: t.StructField, known: Sequence[Any]) -> Strategy:
    """Values for a column, those that its frame has among them."""
    there = [cell for cell in known if cell is not None]
    made = _of_type(field.dataType, there)
    chosen = st.one_of(*([st.sampled_from(there)] * 2 if there else []), made)
    # Now and then: one in ten.
    return (
        st.integers(0, 9).flatmap(lambda die: st.none() if die == 9 else chosen) if field.nullable else chosen
    )


def _of_type(type_: t.DataType, known: Sequence[Any]) -> Strategy:
    if isinstance(type_, VectorUDT):
        return _vectors(known)
    if isinstance(type_, t.ArrayType):
        items = [item for cell in known for item in cell if item is not None]
        return st.lists(_of_type(type_.elementType, items) | st.sampled_from(items or [None]), max_size=6)
    if isinstance(type_, t.DoubleType | t.FloatType):
        if isinstance(type_, t.FloatType):
            # Java 17 writes some numbers with a digit more than later ones; as text of floats it would show.
            return st.sampled_from(_HOSTILE).map(_narrow) | st.integers(-9999, 9999).map(lambda n: n / 8)
        return st.sampled_from(_HOSTILE) | st.floats() | st.floats(-10, 10)
    if isinstance(type_, t.StringType):
        return st.text(_LETTERS, max_size=5) | st.text("ab 1.-", max_size=5)
    if isinstance(type_, t.BooleanType):
        return st.booleans()
    for whole, bits in _WHOLE.items():
        if isinstance(type_, whole):
            return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) | st.integers(-3, 12)
    return st.sampled_from(known)


def _narrow(number: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(number))


@st.composite
def _vectors(draw: Any, known: Sequence[Any]) -> Any:
    size = len(draw(st.sampled_from(known)))
    slots = sorted({float(value) for cell in known for value in cell.toArray()[:50]}, key=repr)
    numbers = st.sampled_from(slots or [0.0]) | st.floats(-10, 10) | st.sampled_from(_HOSTILE)
    if size <= 20 and draw(st.booleans()):
        return Dense.dense([draw(numbers) for _ in range(size)])
    stored = sorted(draw(st.sets(st.integers(0, size - 1), max_size=8))) if size else []
    # A zero that a sparse vector stores counts as one that it leaves out: the bundles' page says so.
    return SparseVector(size, stored, [draw(numbers.filter(bool)) for _ in stored])
