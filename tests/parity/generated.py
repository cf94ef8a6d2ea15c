"""Rows made by hypothesis: what we answer, Spark answers with the same bits, and what we refuse, it refuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import hypothesis
import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from skewless.errors import AllSkipped, ValueRefused
from skewless.export.spark import to_arrow
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector
from tests.parity.asked import answers_one_by_one, answers_together
from tests.parity.harness import Case, assert_same, vector

ROWS: Final = 30
"""Rows of a batch."""
_REFUSED: Final = 2
"""Rows that we refuse, of each batch, that Spark is asked about: one by one, so they have their price."""
_GAPS: Final = (
    "inside a letter that is two in Java",
    "too large for a cosine transform",
    "the topics do not settle",  # nobody asks Spark, which may not come back
    "runs out of stack",
)
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


def check_generated(
    case: Case, model: Any, frame: DataFrame, transform: Transform, batches: int, seed: int
) -> None:
    """So many batches of rows like the frame's, always the same for a seed; all are one job for Spark."""
    known = to_arrow(frame)
    cells = {
        field.name: _cells(field, known.column(field.name).to_pylist(), case.written)
        for field in frame.schema
    }
    rows: dict[str, dict[str, Any]] = {}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=batches + 1,  # the first has the simplest row again and again
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.fixed_dictionaries(cells), min_size=ROWS, max_size=ROWS))
    def draw(batch: list[dict[str, Any]]) -> None:
        rows.update((repr(row), row) for row in batch if _within(row.values(), *case.between))

    draw()
    source = pa.Table.from_pylist(list(rows.values()), schema=known.schema)
    made = _answer(transform, source)
    _compare_taken(model, frame, transform, source.take(pa.array(made.taken, pa.int64())), made.answers)
    few = source.take(pa.array(made.refused[: _REFUSED * batches], pa.int64()))
    alone = answers_one_by_one(model, frame.sparkSession, few, frame.schema)
    answered = [row for row, given_ in zip(few.to_pylist(), alone, strict=True) if given_ is not None]
    assert not answered, f"Spark answers rows that we refuse: {answered}"


@dataclass(frozen=True)
class _Answered:
    """What our row kernel makes of rows: those that it takes or skips, its answers, and those that it refuses."""

    taken: list[int]
    answers: list[dict[str, Any]]
    refused: list[int]


def _answer(transform: Transform, source: pa.Table) -> _Answered:
    made = _Answered([], [], [])
    for number, row in enumerate(source.to_pylist()):
        try:
            made.answers.append(transform.row({name: vector(cell) for name, cell in row.items()}))
        except AllSkipped:
            pass
        except ValueRefused as error:
            if not any(gap in error.message for gap in _GAPS):
                made.refused.append(number)
            continue
        made.taken.append(number)
    return made


def _compare_taken(
    model: Any, frame: DataFrame, transform: Transform, taken: pa.Table, answers: list[dict[str, Any]]
) -> None:
    """Rows that we refuse nothing of: both kernels, and Spark."""
    if not taken.num_rows:
        return
    try:
        expected = answers_together(model, frame.sparkSession, taken, frame.schema)
    except (PySparkException, Py4JError):
        alone = answers_one_by_one(model, frame.sparkSession, taken, frame.schema)
        failed = [row for row, made in zip(taken.to_pylist(), alone, strict=True) if made is None]
        raise AssertionError(f"Spark refuses rows that we answer: {failed[:3]}") from None
    assert len(expected) == len(answers)
    expected = _in_order(expected, answers, frame.columns)
    ulps = max((stage.op.ulps for stage in transform.stages), default=0)
    batch = transform.table(taken).to_pylist()
    for number, (want, by_row, by_table) in enumerate(zip(expected, answers, batch, strict=True)):
        assert_same(by_row, want, number, ulps)
        assert_same(by_table, want, number, ulps)


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


def _within(cells: Iterable[Any], least: float, largest: float) -> bool:
    """Whether the vectors among these have no finite numbers beyond."""
    numbers = (number for cell in cells if isinstance(cell, dict) for number in cell["values"])
    return all(least <= number <= largest or not math.isfinite(number) for number in numbers)


def _cells(field: t.StructField, known: Sequence[Any], written: bool) -> Strategy:
    """Values for a column, those that its frame has among them."""
    there = [cell for cell in known if cell is not None]
    made = _of_type(field.dataType, there, written)
    chosen = st.one_of(*([st.sampled_from(there)] * 2 if there else []), made)
    # Now and then: one in ten.
    return (
        st.integers(0, 9).flatmap(lambda die: st.none() if die == 9 else chosen) if field.nullable else chosen
    )


def _of_type(type_: t.DataType, known: Sequence[Any], written: bool) -> Strategy:
    if isinstance(type_, VectorUDT):
        return _vectors(known)
    if isinstance(type_, t.ArrayType):
        items = [item for cell in known for item in cell if item is not None]
        return st.lists(
            _of_type(type_.elementType, items, written) | st.sampled_from(items or [None]), max_size=6
        )
    if isinstance(type_, t.DoubleType | t.FloatType):
        is_float = isinstance(type_, t.FloatType)
        hostile = st.sampled_from(_HOSTILE).map(_narrow) if is_float else st.sampled_from(_HOSTILE)
        if is_float or written:
            # Java 17 writes some numbers with a digit more than later ones.
            return hostile | st.integers(-9999, 9999).map(lambda n: n / 8)
        return hostile | st.floats() | st.floats(-10, 10)
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
def _vectors(draw: Any, known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Spark's struct of a vector, dense or sparse, as long as one of those there."""
    there = [vector(cell) for cell in known]
    size = draw(
        st.sampled_from([cell.size if isinstance(cell, SparseVector) else len(cell) for cell in there])
    )
    stored = [cell.values if isinstance(cell, SparseVector) else cell for cell in there]
    slots = sorted({0.0, *(float(value) for values in stored for value in values[:50])}, key=repr)
    numbers = st.sampled_from(slots) | st.floats(-10, 10) | st.sampled_from(_HOSTILE)
    if size <= 20 and draw(st.booleans()):
        return {"type": 1, "size": None, "indices": None, "values": [draw(numbers) for _ in range(size)]}
    places = sorted(draw(st.sets(st.integers(0, size - 1), max_size=8))) if size else []
    # A zero that a sparse vector stores counts as one that it leaves out: the bundles' page says so.
    values = [draw(numbers.filter(bool)) for _ in places]
    return {"type": 0, "size": size, "indices": places, "values": values}
