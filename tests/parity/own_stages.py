"""Stages of a user's own, as a user would write them: the module travels, so it imports nothing of the tests."""

# ruff: noqa: RUF012 - columns are declared as users write them

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skewless.python_stage import PythonStage
from skewless.vectors import SparseVector

SIGNS = {True: "+", False: "-"}


@dataclass
class Clip(PythonStage):
    """A number within what was seen, and whether it was more; with values of every kind to be fitted to."""

    inputs = {"x": "double"}
    outputs = {"y": "double", "sign": "string", "above": "boolean"}

    low: float = -math.inf

    def fit(self, table: pa.Table) -> None:
        seen = table["x"].drop_null().to_numpy()
        self.high = float(seen[np.isfinite(seen)].max())
        self.kept: dict[str, Any] = {"none": None, "nan": math.nan, "texts": ["ü", ""], "seen": np.sort(seen)}

    def row(self, x: float | None) -> tuple[float | None, str | None, bool | None]:
        if x is None:
            return None, self.kept["texts"][0], None
        return max(self.low, min(self.high, x)), SIGNS[x >= 0], x > self.high


class Means(PythonStage):
    """The mean target of each label, as a stage that learns from a label would have it; batches by Arrow."""

    inputs = {"label": "string"}
    outputs = {"mean": "float"}
    fit_inputs = {"target": "double"}

    def fit(self, table: pa.Table) -> None:
        groups = table.group_by("label").aggregate([("target", "mean")]).to_pylist()
        self.means = {one["label"]: one["target_mean"] for one in groups if one["label"] is not None}

    def row(self, label: str | None) -> float | None:
        return self.means.get(label) if label is not None else None

    def columns(self, label: pa.Array) -> pa.Array:
        positions = pc.index_in(label, pa.array(list(self.means), pa.string()))
        return pa.array(list(self.means.values()), pa.float32()).take(positions)


class Shift(PythonStage):
    """Vectors moved by a fixed one, in numpy for batches too."""

    inputs = {"slots": "vector"}

    def __init__(self, by: list[float]) -> None:
        self.by = np.array(by)
        self.outputs = {"moved": f"vector[{len(by)}]", "size": "int"}

    def row(self, slots: Any) -> tuple[Any, int | None]:
        return (None, None) if slots is None else (slots + self.by, len(slots))

    def columns(self, slots: Any) -> tuple[Any, Any]:
        return slots + self.by, np.full(len(slots), slots.shape[1], np.int32)


class Hot(PythonStage):
    """A wide sparse vector of numbers and of arrays."""

    inputs = {"i": "int", "words": "array<string>"}
    outputs = {"hot": "vector[3000]", "longer": "array<string>", "long": "long"}

    def row(self, i: int | None, words: list[str] | None) -> tuple[Any, Any, int | None]:
        if i is None:
            return None, words, None
        return SparseVector(3000, [i], [1.0]), [*(words or []), str(i)], i << 33


class Unlike(PythonStage):
    """Its functions differ in the last bit."""

    inputs = {"x": "double"}
    outputs = {"y": "double"}

    def row(self, x: float) -> float:
        return x / 3.0

    def columns(self, x: pa.Array) -> pa.Array:
        return pc.multiply(x, 1.0 / 3.0)


class Fails(PythonStage):
    """It refuses a value in every way there is."""

    inputs = {"x": "double"}
    outputs = {"y": "double"}

    def row(self, x: float | None) -> Any:
        if x == 1.0:
            return "one"
        if x == 2.0:
            return 1.0, 2.0
        return 1 / x  # type: ignore[operator]


class Counted(PythonStage):
    """It notes what it was asked for, as a log would."""

    inputs = {"x": "double"}
    outputs = {"y": "double"}

    def __init__(self) -> None:
        self.asked: list[float] = []

    def row(self, x: float) -> float | None:
        self.asked.append(x)
        return 1 / x if x >= 0.0 else None
