"""Trees of scikit-learn: their thresholds against 32-bit rounding, and damaged side files."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.errors import ArtifactError
from skewless.ops.sklearn import grown
from skewless.spec import Attributes, Model

NUMBERS = st.floats(-3.4e38, 3.4e38) | st.floats(-1e-37, 1e-37) | st.floats(-10.0, 10.0)


@settings(max_examples=300, deadline=None, database=None)
@given(NUMBERS, NUMBERS, st.integers(-2, 2))
def test_a_narrow_threshold_sends_the_same_doubles_left(threshold: float, other: float, step: int) -> None:
    narrow = grown.narrow_threshold(threshold)
    near = narrow
    for _ in range(abs(step)):
        near = math.nextafter(near, math.copysign(math.inf, step))
    for value in (near, other, threshold):
        with np.errstate(over="ignore"):
            assert (value <= narrow) == bool(float(np.float32(value)) <= threshold)


LINE: dict[str, Any] = {
    "feature": [1, -1, -1],
    "threshold": [0.5, 0.0, 0.0],
    "missing_left": [0],
    "values": [[0.0], [1.0], [2.0]],
}


def read(*lines: Any) -> tuple[grown.Grown, ...]:
    data = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    attributes = Attributes({}, file="model.json", stage="forest")
    return grown.read(Model("sklearn_forest", attributes, {grown.FILE: data}), 2, 1)


def test_a_side_file_is_read_as_it_was_written() -> None:
    trees = (grown.example_trees(1), grown.example_trees(1, categories=True))
    attributes = Attributes({}, file="model.json", stage="forest")
    model = Model("sklearn_forest", attributes, {grown.FILE: grown.write(trees)})
    assert grown.read(model, 3, 1) == trees


@pytest.mark.parametrize(
    "change",
    [
        {"feature": [2, -1, -1]},
        {"feature": [1, 1, -1]},
        {"feature": [-1, -1, -1]},
        {"feature": []},
        {"feature": "1"},
        {"feature": [True, -1, -1]},
        {"feature": [1.5, -1, -1]},
        {"threshold": [0.5]},
        {"threshold": [0.5, "x", 0.0]},
        {"values": [[0.0], [1.0]]},
        {"values": [[0.0], [1.0], [2.0, 3.0]]},
        {"values": [0.0, 1.0, 2.0]},
        {"missing_left": None},
        {"categories": [[0, [1.0]]]},
        {"categories": [[7, [1.0], [1.0]]]},
        {"categories": {}},
    ],
)
def test_a_damaged_tree_is_refused_with_its_line(change: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="line 2"):
        read(LINE, {**LINE, **change})


@pytest.mark.parametrize("data", ["", "{", "[]", "[" * 100_000])
def test_what_is_no_tree_at_all_is_refused(data: str) -> None:
    with pytest.raises(ArtifactError):
        read(data)
