"""The nearest of fitted centres: Spark's KMeansModel, by Euclidean distance and by cosine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

from skewless import spec
from skewless.ops.distances import EUCLIDEAN, Measure, Nearest, Point, hostile_points, point, saved_center
from skewless.ops.op import Example, Lowered, SparkStage, reads_spark, register
from skewless.spec import Model, Value


@register
@dataclass(frozen=True)
class KMeans(Nearest):
    """The number of the nearest centre; of equally near ones the one that Spark's search keeps.

    Source: Spark's EuclideanDistanceMeasure.findClosest and DistanceMeasure.findClosest.
    """

    name: ClassVar[str] = "k_means"
    bad_values: ClassVar[str] = (
        "A null vector, one of another length, NaN, and by cosine a vector of zeros fail; among very many "
        "Euclidean centres, NaN is nearest to the first."
    )

    centers: tuple[tuple[float, ...], ...]
    measure: Measure = EUCLIDEAN

    @property
    def features(self) -> int:
        return len(self.centers[0])

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        found = attributes.get("cluster_centers")
        if found is None or found.shape != "list" or found.base != "tensor" or not found.data:
            raise attributes.error("attribute 'cluster_centers' should be a list of tensors")
        centers = tuple(tuple(map(float, center.data)) for center in found.data)
        if len({len(center) for center in centers}) != 1:
            raise attributes.error("the cluster centers are of different lengths")
        return cls(centers, Measure.decode(attributes))

    def encode(self) -> Mapping[str, Value]:
        centers = [spec.tensor(center, [len(center)]) for center in self.centers]
        return {
            "cluster_centers": Value("list", "tensor", centers),
            "num_features": spec.long(self.features),
            **self.measure.encode(),
        }

    @cached_property
    def _points(self) -> tuple[Point, ...]:
        return tuple(map(point, self.centers))

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
        found = self.measure.distance(self._points[one], self._points[other])
        if self.measure.is_cosine:
            inner = 1.0 - found / 2.0
            return 1.0 - (math.sqrt(inner) if inner >= 0.0 else math.nan)
        found = math.sqrt(found)
        return 0.25 * found * found

    def nearest(self, row: Point) -> int:
        count = len(self.centers)
        if count < 1000 and count * count * self.features < 1_000_000:
            return self._pruned(row)
        # Many centres: Spark then keeps no statistics of them, and takes NaN for nearest to the first.
        best, least = 0, math.inf
        for number, center in enumerate(self._points):
            if not self._is_far(center, row, least):
                found = self.measure.distance(center, row)
                if found < least:
                    best, least = number, found
        return best

    def _is_far(self, center: Point, row: Point, least: float) -> bool:
        """Whether the norms alone say so, which only Euclidean distances allow."""
        difference = center.norm - row.norm
        return not self.measure.is_cosine and not difference * difference < least

    def _pruned(self, row: Point) -> int:
        statistics, points = self._statistics, self._points
        best, least = 0, self.measure.distance(points[0], row)
        if least < statistics[0][0]:
            return 0
        for number in range(1, len(points)):
            if not self._is_far(points[number], row, least) and statistics[number][best] < least:
                found = self.measure.distance(points[number], row)
                if found < statistics[number][number]:
                    return number
                if found < least:
                    best, least = number, found
        return best

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cosine = Measure("cosine")
        for column in hostile_points():
            for centers in (((1.0, 2.0, 3.0),), ((0.0, 0.1, 1.0), (1.0, 2.0, 3.0), (-1.0, 0.0, 0.0))):
                yield Example(cls(centers), (column,))
                yield Example(cls(centers, cosine), (column,))
            yield Example(cls(((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)), cosine), (column,))


@reads_spark("org.apache.spark.ml.clustering.KMeansModel", ops=(KMeans,), forms="euclidean, cosine")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    rows = sorted(stage.tables("data"), key=lambda row: int(row["clusterIdx"]))
    centers = tuple(saved_center(stage, row["clusterCenter"]) for row in rows)
    op = KMeans(centers, Measure.of_spark(stage))
    return [Lowered(op, (str(stage.param("featuresCol")),), (str(stage.param("predictionCol")),))]
