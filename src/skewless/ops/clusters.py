"""The nearest of fitted centres: Spark's KMeansModel, by Euclidean distance and by cosine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.blas import check_row, divide, dot_dense
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
from skewless.schema import INT, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector, Vector

MEASURES = ("euclidean", "cosine")
_EPSILON = 2.0**-52
_PRECISION = 1e-6


@register
@dataclass(frozen=True)
class KMeans(Op):
    """The number of the nearest centre; of equally near ones the one that Spark's search keeps.

    Both kernels run the same search row by row, because its shortcuts decide among centres whose distances differ in
    the last bits only. Source: Spark's EuclideanDistanceMeasure, CosineDistanceMeasure and MLUtils.fastSquaredDistance.
    """

    name: ClassVar[str] = "k_means"
    bad_values: ClassVar[str] = (
        "A null vector, one of another length, NaN, and by cosine a vector of zeros fail; among very many "
        "Euclidean centres, NaN is nearest to the first."
    )
    mleap: ClassVar[str] = "It measures Euclidean distances only: a cosine model gives other clusters."

    centers: tuple[tuple[float, ...], ...]
    measure: str = "euclidean"

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("features",)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction",)

    @property
    def size(self) -> int:
        """The length of a centre."""
        return len(self.centers[0])

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        measure = attributes.string("distance_measure", "euclidean")
        if measure not in MEASURES:
            raise attributes.error(
                f"distance_measure is {measure!r}; it must be one of {', '.join(MEASURES)}"
            )
        found = attributes.get("cluster_centers")
        if found is None or found.shape != "list" or found.base != "tensor" or not found.data:
            raise attributes.error("attribute 'cluster_centers' should be a list of tensors")
        centers = tuple(tuple(map(float, center.data)) for center in found.data)
        if len({len(center) for center in centers}) != 1:
            raise attributes.error("the cluster centers are of different lengths")
        return cls(centers, measure)

    def encode(self) -> Mapping[str, Value]:
        centers = [spec.tensor(center, [len(center)]) for center in self.centers]
        return {
            "cluster_centers": Value("list", "tensor", centers),
            "num_features": spec.long(self.size),
            "distance_measure": spec.string(self.measure),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if not inputs[0].is_vector or inputs[0].size not in (None, self.size):
            raise TypeRefused(f"the features must be a {vector(self.size)}, not {inputs[0]}")
        return (INT,)

    @cached_property
    def _norms(self) -> tuple[float, ...]:
        return tuple(_norm(center) for center in self.centers)

    @cached_property
    def _statistics(self) -> tuple[tuple[float, ...], ...]:
        """For two centres, how near a row may be to one of them so that the other need not be looked at."""
        count = len(self.centers)
        if count == 1:
            return ((math.nan,),)
        table = [[math.inf] * count for _ in range(count)]
        for one in range(count):
            for other in range(one + 1, count):
                found = self._statistic(one, other)
                table[one][other] = table[other][one] = found
                for center in (one, other):
                    if found < table[center][center]:
                        table[center][center] = found
        return tuple(map(tuple, table))

    def _statistic(self, one: int, other: int) -> float:
        if self.measure == "cosine":
            distance = self._cosine(one, list(self.centers[other]), self._norms[other])
            inner = 1.0 - distance / 2.0
            return 1.0 - (math.sqrt(inner) if inner >= 0.0 else math.nan)
        distance = math.sqrt(_squared(self.centers[one], self.centers[other]))
        return 0.25 * distance * distance

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = inputs[0]
        made = np.zeros(len(column), np.int32)
        for row in range(len(column)):
            cell = column.cell(row)
            check_row(cell, self.size, row)
            made[row] = self._nearest(cell, row)
        return (Column(INT, made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        def kernel(features: Any) -> int:
            check_row(features, self.size)
            return self._nearest(features, 0)

        return kernel

    def _nearest(self, row: Vector, position: int) -> int:
        norm = _norm(row.values if isinstance(row, SparseVector) else row)
        count = len(self.centers)
        if count < 1000 and count * count * self.size < 1_000_000:
            return self._pruned(norm, self._distance(row, norm, position))
        # Many centres: Spark then keeps no statistics of them, and takes NaN for nearest to the first.
        if self.measure == "euclidean" and norm != norm:
            return 0
        distance = self._distance(row, norm, position)
        best, least = 0, math.inf
        for center in range(count):
            if self._is_far(center, norm, least):
                continue
            found = distance(center)
            if found < least:
                best, least = center, found
        return best

    def _is_far(self, center: int, norm: float, least: float) -> bool:
        """Whether the norms alone say so, which only Euclidean distances allow."""
        difference = self._norms[center] - norm
        return self.measure == "euclidean" and not difference * difference < least

    def _pruned(self, norm: float, distance: Callable[[int], float]) -> int:
        statistics = self._statistics
        best, least = 0, distance(0)
        if least < statistics[0][0]:
            return 0
        for center in range(1, len(self.centers)):
            if not self._is_far(center, norm, least) and statistics[center][best] < least:
                found = distance(center)
                if found < statistics[center][center]:
                    return center
                if found < least:
                    best, least = center, found
        return best

    def _distance(self, row: Vector, norm: float, position: int) -> Callable[[int], float]:
        """The distance of a row from a centre; Refused where Spark fails."""
        if norm != norm or (self.measure == "cosine" and norm == 0.0):
            what = "have NaN in them" if norm != norm else "are all zero, and have no direction"
            raise Refused(
                f"the features {what}; Spark finds no nearest centre for them",
                value=row,
                position=position,
                hint="Correct the row before this stage.",
            )
        if self.measure == "cosine":
            return lambda center: self._cosine(center, row, norm)
        if isinstance(row, SparseVector):
            return lambda center: _fast_squared(self.centers[center], self._norms[center], row, norm)
        return lambda center: _squared(self.centers[center], row)

    def _cosine(self, center: int, row: Vector, norm: float) -> float:
        product = _dot(self.centers[center], row)
        return 1.0 - divide(divide(product, self._norms[center]), norm)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cells = [
            [0.0, 0.0, 1.0],
            [-0.0, 5e-324, -0.0],
            [1.0, 2.0, 3.0],
            [0.5, 1.0, 1.5],
            [1e300, 1.0, 1.0],
            [-math.inf, 1.0, 0.0],
            SparseVector(3, [1], [2.5]),
            SparseVector(3, [0, 2], [1e-200, math.inf]),
        ]
        odd: list[Vector | None] = [SparseVector(3, [], []), [math.nan, 1.0, 1.0], None]
        for measure in MEASURES:
            for centers in (((1.0, 2.0, 3.0),), ((0.0, 0.1, 1.0), (1.0, 2.0, 3.0), (-1.0, 0.0, 0.0))):
                op = cls(centers, measure)
                yield Example(op, (from_cells(vector(3), cells),))
                yield Example(op, (from_cells(vector(3), []),))
                for one in odd:
                    yield Example(op, (from_cells(vector(3), [cells[2], one]),))


def _norm(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:
        total += value * value
    return math.sqrt(total)


def _dot(center: Sequence[float], row: Vector) -> float:
    if not isinstance(row, SparseVector):
        return dot_dense(center, row)
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
    if divide(2.0 * _EPSILON * squares, difference * difference + _EPSILON) < _PRECISION:
        return squares - 2.0 * _dot(center, row)
    product = _dot(center, row)
    found = squares - 2.0 * product
    # Java's max keeps NaN.
    found = found if found != found else max(found, 0.0)
    if divide(_EPSILON * (squares + 2.0 * abs(product)), found + _EPSILON) > _PRECISION:
        return _squared(center, row.dense())
    return found


@reads_spark(
    "org.apache.spark.ml.clustering.KMeansModel",
    ops=(KMeans,),
    forms="euclidean, cosine; centres that are dense",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    rows = sorted(stage.tables("data"), key=lambda row: int(row["clusterIdx"]))
    centers = []
    for row in rows:
        center = row["clusterCenter"]
        if center["type"] != 1:
            raise UnsupportedError(
                f"{stage}: a cluster centre is a sparse vector, whose distances Spark computes in another way",
                hint="Fit on dense vectors.",
            )
        centers.append(tuple(map(float, center["values"])))
    op = KMeans(tuple(centers), str(stage.param("distanceMeasure", "euclidean")))
    return [Lowered(op, (str(stage.param("featuresCol")),), (str(stage.param("predictionCol")),))]
