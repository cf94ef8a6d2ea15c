"""Replay parity rows: does a transform give, bit for bit, what the fitting engine gave?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from skewless.errors import ParityError, ValueRefused
from skewless.ops.op import UlpsOfLargest
from skewless.schema import Field
from skewless.table import Column, Numbers, Table, column_from_arrow, from_arrow, from_cells
from skewless.transforms.bind import BoundStage
from skewless.transforms.transform import Transform
from skewless.vectors import Csr, SparseVector, dense, nonzero

REMEDY = "Export it again from the fitted model; never edit it by hand."


def replay(transform: Transform, recorded: pa.Table) -> int:
    """Run the recorded inputs through both kernels and compare every stage's columns; gives the number of rows.

    ParityError names the first stage, column and row that differ.
    """
    try:
        table = from_arrow(recorded, transform.input_schema)
        slack = _Slack(len(table))
        for stage, after in transform.trace(table):
            slack.follow(stage, after)
            if len(after) != recorded.num_rows:
                raise ParityError(
                    "it dropped rows that the fitting engine kept", stage=stage.name, hint=REMEDY
                )
            for field in stage.produced:
                _compare(stage, field, after[field.name], recorded, slack[field.name])
        _replay_rows(transform, recorded, table.to_rows(), slack)
    except ValueRefused as refused:
        raise ParityError(
            f"it refuses what the fitting engine took: {refused.message}",
            stage=refused.stage,
            column=refused.column,
            row=refused.row,
            hint=REMEDY,
        ) from None
    return int(recorded.num_rows)


class _Slack:
    """How far the columns may lie from the fitting engine's in each row, followed from stage to stage."""

    def __init__(self, rows: int) -> None:
        self._none: Numbers = np.zeros(rows)
        self._columns: dict[str, Numbers] = {}

    def __getitem__(self, column: str) -> Numbers:
        return self._columns.get(column, self._none)

    def follow(self, stage: BoundStage, after: Table) -> None:
        """Take in a stage, with the table as it is after it."""
        if len(after) != len(self._none):
            return
        inputs = [after[name] for name in stage.inputs]
        made = stage.op.slack(inputs, [self[name] for name in stage.inputs])
        for name, slack in zip(stage.outputs, made, strict=True):
            if name is not None and slack.any():
                self._columns[name] = slack


def slack_of(transform: Transform, table: Table) -> Mapping[str, Numbers]:
    """How far each column that is made may lie from the fitting engine's in each row, beside the ops' ulps."""
    slack = _Slack(len(table))
    for stage, after in transform.trace(table):
        slack.follow(stage, after)
    return {name: slack[name] for name in transform.output_schema.names}


def _compare(
    stage: BoundStage,
    field: Field,
    column: Column,
    recorded: pa.Table,
    slack: Numbers,
    how: str = "it gives",
) -> None:
    if field.name not in recorded.column_names:
        raise ParityError(
            "the parity rows do not have this column", stage=stage.name, column=field.name, hint=REMEDY
        )
    expected = column_from_arrow(recorded, field)
    shapes = [getattr(values, "shape", ()) for values in (column.values, expected.values)]
    if len(column) and shapes[0] != shapes[1]:
        raise _differs(stage, field, 0, expected, column, how)
    for row in np.flatnonzero(_unequal(expected, column, stage.op.ulps)).tolist():
        if not near(expected.cell(row), column.cell(row), stage.op.ulps, float(slack[row])):
            raise _differs(stage, field, row, expected, column, how)


def _unequal(one: Column, other: Column, ulps: int) -> Any:
    left, right = one.null_mask, other.null_mask
    size = len(one)
    nulls = (np.zeros(size, bool) if left is None else left, np.zeros(size, bool) if right is None else right)
    if isinstance(one.values, pa.Array):
        pairs = zip(one.values.to_pylist(), other.values.to_pylist(), strict=True)
        return np.array([not same(left, right) for left, right in pairs], np.bool_)
    if isinstance(one.values, Csr) or isinstance(other.values, Csr):
        return np.array([not same(one.cell(row), other.cell(row), ulps) for row in range(size)], np.bool_)
    differ = bits(one.values) != bits(other.values)
    if ulps and differ.any():
        differ = _far(one.values, other.values, ulps)
    if differ.ndim > 1:
        differ = differ.any(axis=tuple(range(1, differ.ndim)))
    return np.where(nulls[0] | nulls[1], nulls[0] != nulls[1], differ)


def bits(values: Any) -> Any:
    """Numbers as whole numbers that are equal just where the bits are; all NaNs count as one."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind != "f":
        return values
    kind = np.int64 if values.dtype == np.float64 else np.int32
    return np.where(np.isnan(values), kind(-1), values.view(kind))


def _differs(
    stage: BoundStage, field: Field, row: int, expected: Column, actual: Column, how: str
) -> ParityError:
    want, got = expected.cell(row), actual.cell(row)
    return ParityError(
        f"{how} {_shown(got)} where the fitting engine gave {_shown(want)}",
        stage=stage.name,
        column=field.name,
        row=row + 1,
        expected=want,
        actual=got,
        hint=REMEDY,
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _replay_rows(
    transform: Transform, recorded: pa.Table, rows: Iterable[Sequence[Any]], slack: _Slack
) -> None:
    """The row kernels against the recording too, and what is compiled: they share no code with the batch kernels."""
    produced = [(stage, field) for stage in transform.stages for field in stage.produced]
    names = [field.name for _, field in produced]
    ways = (("its row kernel gives", transform.row_kernels), ("compiled, it gives", transform.row_function))
    given = list(rows)
    for how, way in ways:
        function = way(names)
        made = [function(cells) for cells in given]
        for position, (stage, field) in enumerate(produced):
            column = from_cells(field.type, [row[position] for row in made])
            _compare(stage, field, column, recorded, slack[field.name], how)


def _distance(one: Any, other: Any) -> Any:
    """How many numbers of their type lie between two numbers, as a float; infinite where just one is NaN."""
    ordered = []
    for values in (one, other):
        whole = bits(values).astype(np.int64)
        # The bits of negative numbers count downwards.
        lowest = np.iinfo(np.int64 if values.dtype == np.float64 else np.int32).min
        ordered.append(np.where(whole < 0, lowest - whole, whole))
    # The difference may be more than a signed number holds; as a float alone it would count in steps of 512.
    high, low = (pick(*ordered).astype(np.uint64) for pick in (np.maximum, np.minimum))
    gap = (high - low).astype(np.float64)
    return np.where(
        np.isnan(one) | np.isnan(other), np.where(np.isnan(one) & np.isnan(other), 0, np.inf), gap
    )


def _far(one: Any, other: Any, ulps: int) -> Any:
    """Where two arrays of numbers are more than so many ulps apart."""
    if not isinstance(ulps, UlpsOfLargest) or one.ndim < 2 or not one.size:
        return _distance(one, other) > ulps
    finite = np.isfinite(one) & np.isfinite(other)
    largest = np.max(np.abs(one), axis=-1, keepdims=True, initial=0.0, where=finite)
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) <= ulps * np.spacing(largest)
    return ~np.where(finite, near, (one == other) | (np.isnan(one) & np.isnan(other)))


def near(one: Any, other: Any, ulps: int, slack: float) -> bool:
    """Whether two values are `same`, or their numbers no further apart than ``slack``; all are if it is infinite."""
    if slack == math.inf or same(one, other, ulps):
        return True
    if isinstance(one, SparseVector | list) and isinstance(other, SparseVector | list):
        one, other = dense(one), dense(other)
        return len(one) == len(other) and all(map(near, one, other, repeat(ulps), repeat(slack)))
    return isinstance(one, float) and isinstance(other, float) and abs(one - other) <= slack


def same(one: Any, other: Any, ulps: int = 0) -> bool:
    """Whether two values, or lists of values, are equal within ``ulps``, 0 for bits; all NaNs count as one."""
    if isinstance(one, SparseVector) and isinstance(other, SparseVector):
        return one.size == other.size and same(list(nonzero(one)), list(nonzero(other)), ulps)
    if isinstance(one, SparseVector | list) and isinstance(other, SparseVector | list):
        one, other = dense(one), dense(other)
        if len(one) == len(other) and isinstance(ulps, UlpsOfLargest):
            return not _far(np.array([one], np.float64), np.array([other], np.float64), ulps).any()
        return len(one) == len(other) and all(map(same, one, other, repeat(ulps)))
    if isinstance(one, float) and isinstance(other, float):
        if one != one or other != other:
            return one != one and other != other
        if one == other:
            return math.copysign(1, one) == math.copysign(1, other) or bool(ulps)
        return bool(ulps) and bool(_distance(np.float64(one), np.float64(other)) <= ulps)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return same(list(one), list(other), ulps)
    return bool(one == other)
