"""Bundles with damaged attributes: every op of scikit-learn's refuses them or still runs; nothing else happens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from skewless.errors import ArtifactError
from skewless.ops.op import Example, Op, Refused, TypeRefused
from skewless.ops.sklearn_docs import own_ops
from skewless.spec import Attributes, Model, Value, doubles, integers, string, strings, tensor


def damaged(value: Value) -> Iterator[Value | None]:
    """None, other types, other lengths, and numbers that are out of range."""
    yield None
    yield string("\0")
    yield strings(["a", "a"])
    yield integers([-7, 10**9, 3])
    yield integers([])
    yield doubles([float("nan"), -1e308, 0.0])
    yield tensor([0.0, -1.0], (2, 1))
    yield tensor([], (0,))
    if value.shape == "scalar" and isinstance(value.data, int) and not isinstance(value.data, bool):
        yield from (Value("scalar", value.base, number) for number in (-1, 0, value.data + 1, 2**31 - 1))
    if value.shape == "list":
        yield Value("list", value.base, [*value.data, *value.data])
        yield Value("list", value.base, value.data[:-1])
    if value.shape == "tensor" and len(value.data) > 1:
        yield tensor(value.data[:-1], (len(value.data) - 1,))
        yield tensor([*value.data, 1.0], (len(value.data) + 1,))
        yield tensor(list(reversed(value.data)), value.dims)
    if value.shape == "scalar" and isinstance(value.data, bool):
        yield Value("scalar", "boolean", not value.data)


def outcome(op: type[Op], example: Example, attributes: dict[str, Value]) -> str:
    """What becomes of the example with an op of these attributes."""
    given = Attributes(attributes, file="model.json", stage="stage")
    model = Model(op.name, given, example.op.encode_files(), example.op.encode_models())
    try:
        made = op.decode(model)
    except ArtifactError:
        return "refused"
    types = [column.type for column in example.inputs]
    if len(made.inputs) != len(types):
        return "of other columns"
    try:
        made.types(types)
    except TypeRefused:
        return "of other types"
    try:
        made.columns(*example.inputs)
        kernel = made.row(types)
        for row in range(len(example.inputs[0])):
            kernel(*[column.cell(row) for column in example.inputs])
    except Refused:
        return "row refused"
    return "run"


@pytest.mark.parametrize("op", own_ops(), ids=lambda op: op.name)
def test_damaged_attributes_are_refused_or_harmless(op: type[Op]) -> None:
    met = set()
    usable = (
        example for example in op.examples() if len(example.inputs[0]) > 1 and sum(widths(example)) < 50
    )
    for example in islice(usable, 2):
        whole: dict[str, Any] = dict(example.op.encode())
        for name, value in whole.items():
            for other in damaged(value):
                changed = {**whole, name: other} if other is not None else without(whole, name)
                with np.errstate(all="ignore"):
                    met.add(outcome(op, example, changed))
    assert "refused" in met


def widths(example: Example) -> Iterator[int]:
    return (column.values.shape[1] if column.type.is_vector else 1 for column in example.inputs)


def without(whole: dict[str, Value], name: str) -> dict[str, Value]:
    return {other: value for other, value in whole.items() if other != name}
