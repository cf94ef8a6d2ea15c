"""Every op gives the same for a column that is told by codes, with cells among the distinct ones that no row has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from skewless.coded import Coded
from skewless.ops.op import Example
from skewless.table import Column
from skewless.transforms.parity import same
from tests.contract.test_ops import EXAMPLES, by_columns


def by_codes(column: Column) -> Column:
    """The same cells, in another order among the distinct ones; texts as Arrow has them by codes."""
    rows = len(column)
    order = np.arange(rows)[::-1].copy()
    if column.type.is_string:
        texts = column.values
        found = pa.array([*dict.fromkeys(reversed(texts.to_pylist())), "in no row"], texts.type).drop_null()
        places = {text: place for place, text in enumerate(found.to_pylist())}
        codes = pa.array([places.get(text) for text in texts.to_pylist()], pa.int32())
        return Column(column.type, pa.DictionaryArray.from_arrays(codes, found))
    if isinstance(column.values, pa.Array):
        return column
    backwards = Column(
        column.type,
        column.values.take(order) if hasattr(column.values, "starts") else column.values[::-1],
        None if column.nulls is None else column.nulls[::-1],
        None if column.sparse is None else column.sparse[::-1],
    )
    return Coded(backwards, order)


def told(example: Example) -> tuple[list[Any], Any]:
    made, refused = by_columns(example)
    return [list(one) if isinstance(one, tuple) else one for one in made], refused


@pytest.mark.parametrize("example", EXAMPLES)
def test_codes_change_nothing(example: Example) -> None:
    coded = Example(example.op, tuple(map(by_codes, example.inputs)))
    (made, refused), (wanted, refusal) = told(coded), told(example)
    assert refused == refusal
    assert len(made) == len(wanted)
    assert all(map(same, made, wanted))
