"""Isotonic regression: Spark's IsotonicRegressionModel."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import divide
from skewless.ops.classifiers import FEATURES, output_columns
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    TypeRefused,
    reads_spark,
    register,
)
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector


@register
@dataclass(frozen=True, slots=True)
class IsotonicRegression(Op):
    """A line through fitted points, flat outside; of a number, or of one slot of a vector.

    A null number gives null; a null vector is refused, as Spark fails on it. Where two boundaries are equal, Java's
    binary search decides. Source: Spark's mllib IsotonicRegressionModel.predict.
    """

    name: ClassVar[str] = "isotonic_regression"
    bad_values: ClassVar[str] = "A null number gives null, a null vector fails; NaN gets the last prediction."
    mleap: ClassVar[str] = ""

    boundaries: tuple[float, ...]
    predictions: tuple[float, ...]
    isotonic: bool = True
    feature_index: int | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (FEATURES,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction",)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        boundaries, predictions = attributes.doubles("boundaries"), attributes.doubles("predictions")
        if len(boundaries) != len(predictions) or not boundaries:
            raise attributes.error(f"it has {len(boundaries)} boundaries for {len(predictions)} predictions")
        index = attributes.integer("feature_index") if "feature_index" in attributes else None
        if index is not None and index < 0:
            raise attributes.error(f"feature_index is {index}")
        return cls(boundaries, predictions, attributes.boolean("isotonic", True), index)

    def encode(self) -> Mapping[str, Value]:
        made = {
            "boundaries": spec.doubles(self.boundaries),
            "predictions": spec.doubles(self.predictions),
            "isotonic": spec.boolean(self.isotonic),
        }
        index = self.feature_index
        return made if index is None else {**made, "feature_index": spec.long(index)}

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE if self.feature_index is None else vector(),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        index, type_ = self.feature_index, inputs[0]
        if index is None and type_ != DOUBLE:
            raise TypeRefused(f"the feature must be a double, not {type_}")
        if index is not None and not type_.is_vector:
            raise TypeRefused(f"features must be a vector, not {type_}")
        if index is not None and type_.size is not None and index >= type_.size:
            raise TypeRefused(f"a {type_} has no slot {index}")
        return (DOUBLE,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel = self.row([inputs[0].type])
        made = []
        for position in range(len(inputs[0])):
            try:
                made.append(kernel(inputs[0].cell(position)))
            except Refused as refused:
                refused.position = position
                raise
        nulls = np.array([cell is None for cell in made], np.bool_)
        numbers = np.array([0.0 if cell is None else cell for cell in made], np.float64)
        return (Column(DOUBLE, numbers, nulls if nulls.any() else None),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        index = self.feature_index
        keys = [_order(boundary) for boundary in self.boundaries]

        def kernel(feature: Any) -> float | None:
            if index is None:
                return None if feature is None else self._predict(feature, keys)
            if feature is None:
                raise Refused("the vector is null", value=None, hint="Fill it in before this stage.")
            if index >= len(feature):
                raise Refused(f"the vector has no slot {index}", value=feature)
            return self._predict(_slot(feature, index), keys)

        return kernel

    def _predict(self, x: float, keys: Sequence[tuple[float, int]]) -> float:
        found = _search(keys, _order(x))
        if found >= 0:
            return self.predictions[found]
        after = -found - 1
        if after in (0, len(keys)):
            return self.predictions[0 if after == 0 else -1]
        low, high = self.boundaries[after - 1], self.boundaries[after]
        start, end = self.predictions[after - 1], self.predictions[after]
        return start + divide((end - start) * (x - low), high - low)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        odd = [1.0, -0.0, 0.0, 0.5, 2.0, 7.0, -3.0, math.inf, -math.inf, 5e-324, math.nan]
        for op in (cls((0.0, 1.0, 1.0, 3.0), (0.1, 0.4, 0.4, 2.0)), cls((-0.0,), (1.5,), False)):
            yield Example(op, (from_cells(DOUBLE, [*odd, None]),))
            yield Example(op, (from_cells(DOUBLE, []),))
            of_vector = cls(op.boundaries, op.predictions, op.isotonic, 1)
            cells: list[Any] = [[0.0, x] for x in odd]
            cells += [SparseVector(2, (0,), (1.0,)), SparseVector(2, (1,), (0.5,))]
            yield Example(of_vector, (from_cells(vector(2), cells),))
            yield Example(of_vector, (from_cells(vector(2), [[0.0, 1.0], None]),))


def _order(number: float) -> tuple[float, int]:
    """A key in the order of Java's ``Double.compare``: -0.0 before 0.0, NaN last."""
    if number != number:
        return math.inf, 1
    return number, (0 if number != 0.0 or struct.pack(">d", number)[0] == 0 else -1)


def _search(keys: Sequence[tuple[float, int]], key: tuple[float, int]) -> int:
    """Java's ``Arrays.binarySearch``: the place, or where it would stand as -place - 1."""
    low, high = 0, len(keys) - 1
    while low <= high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        elif keys[middle] > key:
            high = middle - 1
        else:
            return middle
    return -low - 1


def _slot(features: Any, index: int) -> float:
    if not isinstance(features, SparseVector):
        return float(features[index])
    pairs = zip(features.indices, features.values, strict=True)
    return next((value for slot, value in pairs if slot == index), 0.0)


@reads_spark(
    "org.apache.spark.ml.regression.IsotonicRegressionModel",
    ops=(IsotonicRegression,),
    forms="of a double, or of a vector's slot",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted, inputs = stage.fitted(), output_columns(stage, "featuresCol")
    type_ = stage.sizes(inputs[0])
    op = IsotonicRegression(
        tuple(map(float, fitted["boundaries"])),
        tuple(map(float, fitted["predictions"])),
        bool(fitted.get("isotonic", True)),
        None if type_ is not None and not type_.is_vector else int(stage.param("featureIndex", 0)),
    )
    return [Lowered(op, inputs, output_columns(stage, "predictionCol"))]
