"""How far a row is from a fitted centre, in Spark's arithmetic, and what the ops that look for the nearest one share.

Source: Spark's EuclideanDistanceMeasure, CosineDistanceMeasure and MLUtils.fastSquaredDistance.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.blas import AVX2, Order, check_row, divide, dot_dense
from skewless.ops.classifiers import PREDICTION, FeatureOp
from skewless.ops.fitted import decode_order, encode_order
from skewless.ops.op import Refused, RowKernel, SparkStage
from skewless.schema import INT, Type, vector
from skewless.spec import Attributes, Value
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector, Vector

_MEASURES: Final = ("euclidean", "cosine")
_EPSILON: Final = 2.0**-52
_PRECISION: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Point:
    """A row, or a dense centre, with its length, which Spark computes once."""

    vector: SparseVector | Sequence[float]
    norm: float


def point(vector: SparseVector | Sequence[float]) -> Point:
    """A vector with its length; the squares are added up one by one."""
    total = 0.0
    for value in vector.values if isinstance(vector, SparseVector) else vector:
        total += value * value
    return Point(vector, math.sqrt(total))


@dataclass(frozen=True, slots=True)
class Measure:
    """How distances are measured; ``order`` is that of the products of dense vectors, which cosines are made of."""

    name: str = "euclidean"
    order: Order = AVX2

    @classmethod
    def of_spark(cls, stage: SparkStage) -> Self:
        """The measure that a stage was fitted with."""
        return cls(str(stage.param("distanceMeasure", "euclidean")), Order.of(stage.blas))

    @classmethod
    def decode(cls, attributes: Attributes) -> Self:
        """The measure of a bundle; MLeap, which has the Euclidean alone, does not write it."""
        name = attributes.string("distance_measure", "euclidean")
        if name not in _MEASURES:
            raise attributes.error(f"distance_measure is {name!r}; it must be one of {', '.join(_MEASURES)}")
        return cls(name, decode_order(attributes))

    def encode(self) -> Mapping[str, Value]:
        """The attributes of a bundle."""
        return {"distance_measure": spec.string(self.name), **encode_order(self.order)}

    @property
    def is_cosine(self) -> bool:
        """Whether directions are compared, not places."""
        return self.name == "cosine"

    def distance(self, center: Point, row: Point) -> float:
        """The squared Euclidean, or the cosine distance. Refused where Spark fails: at NaN, and at no direction."""
        for one, what in ((row, "the features"), (center, "the values of a fitted centre")):
            if one.norm != one.norm or (self.is_cosine and one.norm == 0.0):
                why = "have NaN in them" if one.norm != one.norm else "are all zero, and have no direction"
                raise Refused(
                    f"{what} {why}; Spark finds no nearest centre for them",
                    value=row.vector,
                    hint="Correct the row before this stage." if one is row else "Fit on other data.",
                )
        # Only rows are sparse.
        slots: Any = center.vector
        if self.is_cosine:
            return 1.0 - divide(divide(_dot(slots, row.vector, self.order), center.norm), row.norm)
        if isinstance(row.vector, SparseVector):
            return _fast_squared(slots, center.norm, row.vector, row.norm)
        return _squared(slots, row.vector)


EUCLIDEAN: Final = Measure()


class Nearest(FeatureOp):
    """An op whose one output is the number of the cluster that a row is in.

    Both kernels run the same search row by row, because its shortcuts decide among centres whose distances differ in
    the last bits only.
    """

    bad_values: ClassVar[str] = (
        "A null vector, one of another length, NaN, and by cosine a vector of zeros fail."
    )
    mleap: ClassVar[str] = "It measures Euclidean distances only: a cosine model gives other clusters."

    @property
    def outputs(self) -> tuple[str, ...]:
        return (PREDICTION,)

    def made(self) -> tuple[Type, ...]:
        return (INT,)

    @abstractmethod
    def nearest(self, row: Point) -> int:
        """The cluster of a row. Refused where Spark fails."""

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel = self.row([inputs[0].type])
        made = np.zeros(len(inputs[0]), np.int32)
        for row in range(len(made)):
            try:
                made[row] = kernel(inputs[0].cell(row))
            except Refused as refused:
                refused.position = row
                raise
        return (Column(INT, made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, nearest = self.features, self.nearest

        def kernel(features: Any) -> int:
            check_row(features, size)
            return nearest(point(features))

        return kernel


def _dot(center: Sequence[float], row: SparseVector | Sequence[float], order: Order = AVX2) -> float:
    if not isinstance(row, SparseVector):
        return dot_dense(center, row, order)
    total = 0.0
    for index, value in zip(row.indices, row.values, strict=True):
        total += value * center[index]
    return total


def _squared(center: Sequence[float], row: Sequence[float]) -> float:
    total = 0.0
    for one, other in zip(center, row, strict=True):
        difference = one - other
        total += difference * difference
    return total


def _fast_squared(center: Sequence[float], center_norm: float, row: SparseVector, norm: float) -> float:
    """By norms and a dot product, where that is precise enough."""
    squares = center_norm * center_norm + norm * norm
    difference = center_norm - norm
    product = _dot(center, row)
    found = squares - 2.0 * product
    if divide(2.0 * _EPSILON * squares, difference * difference + _EPSILON) < _PRECISION:
        return found
    # Java's max keeps NaN.
    found = found if found != found else max(found, 0.0)
    if divide(_EPSILON * (squares + 2.0 * abs(product)), found + _EPSILON) > _PRECISION:
        return _squared(center, row.dense())
    return found


def saved_center(stage: SparkStage, saved: Mapping[str, Any]) -> tuple[float, ...]:
    """A centre out of a saved Spark table."""
    if saved["type"] != 1:
        raise UnsupportedError(
            f"{stage}: a cluster centre is a sparse vector, whose distances Spark computes in another way",
            hint="Fit on dense vectors.",
        )
    return tuple(map(float, saved["values"]))


def hostile_points() -> Iterator[Column]:
    """Columns of three slots for a search: odd rows that Spark takes, none at all, and some that it refuses."""
    cells: list[Vector] = [
        [0.0, 0.0, 1.0],
        [-0.0, 5e-324, -0.0],
        [1.0, 2.0, 3.0],
        [0.5, 1.0, 1.5],
        [1e300, 1.0, 1.0],
        [-math.inf, 1.0, 0.0],
        SparseVector(3, [1], [2.5]),
        SparseVector(3, [0, 2], [1e-200, math.inf]),
    ]
    yield from_cells(vector(3), cells)
    yield from_cells(vector(3), [])
    refused: list[Vector | None] = [SparseVector(3, [], []), [math.nan, 1.0, 1.0], None]
    for one in refused:
        yield from_cells(vector(3), [cells[2], one])
