"""How likely a row is from each of several normal distributions: Spark's GaussianMixtureModel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.blas import (
    AVX2,
    WHY_NOT_BITS,
    Coefficients,
    Order,
    argmax,
    check_row,
    checked,
    divide,
    dot_dense,
    exp,
    log,
    pairs,
)
from skewless.ops.classifiers import PREDICTION, PROBABILITY, FeatureOp, hostile, output_columns
from skewless.ops.distances import saved_center
from skewless.ops.eigen import symmetric
from skewless.ops.fitted import Matrix, decode_order, encode_order, saved_matrix
from skewless.ops.op import Example, Lowered, RowKernel, SparkStage, reads_spark, register
from skewless.schema import INT, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector

_EPSILON: Final = 2.0**-52
_ASYMMETRY: Final = 1e-7

Rows: TypeAlias = tuple[tuple[float, ...], ...]


@register
@dataclass(frozen=True)
class GaussianMixture(FeatureOp):
    """Probabilities in proportion to weight times density, and the likeliest of them, the first of equals.

    Each has 2**-52 added, so that no row is infinitely far from all. Source: Spark's GaussianMixtureModel and
    MultivariateGaussian, which turns the space by the eigenvectors of the covariance and leaves out directions without
    any variance.
    """

    name: ClassVar[str] = "gaussian_mixture"
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = (
        f"{WHY_NOT_BITS}; a machine that brings a LAPACK of its own gives Spark other eigenvectors"
    )
    bad_values: ClassVar[str] = (
        "A null vector and one of another length fail; NaN, and infinities where they cancel, make all probabilities "
        "NaN and the prediction 0."
    )
    mleap: ClassVar[str] = ""

    weights: tuple[float, ...]
    means: Rows
    covariances: tuple[Rows, ...]
    order: Order = AVX2

    @property
    def outputs(self) -> tuple[str, ...]:
        return (PROBABILITY, PREDICTION)

    @property
    def features(self) -> int:
        return len(self.means[0])

    def made(self) -> tuple[Type, ...]:
        return (vector(len(self.weights)), INT)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        weights = attributes.doubles("weights")
        means, covariances = (_tensors(attributes, name, len(weights)) for name in ("means", "covs"))
        size = len(means[0].data)
        for name, found, dims in (("means", means, (size,)), ("covs", covariances, (size, size))):
            if any(
                one.dims != dims or not np.isfinite(np.array(one.data, np.float64)).all() for one in found
            ):
                raise attributes.error(
                    f"{name!r} has a tensor whose dimensions are not {list(dims)}, or no number"
                )
        squares = [np.array(one.data, np.float64).reshape((size, size)) for one in covariances]
        if any(np.abs(square - square.T).max(initial=0.0) > _ASYMMETRY for square in squares):
            raise attributes.error("'covs' has a matrix that is not symmetric")
        return cls(
            weights,
            tuple(tuple(map(float, mean.data)) for mean in means),
            tuple(_rows(square) for square in squares),
            decode_order(attributes),
        )

    def encode(self) -> Mapping[str, Value]:
        size = self.features
        means = [spec.tensor(mean, [size]) for mean in self.means]
        flat = [[value for row in rows for value in row] for rows in self.covariances]
        return {
            "means": Value("list", "tensor", means),
            "covs": Value("list", "tensor", [spec.tensor(values, [size, size]) for values in flat]),
            "weights": spec.doubles(self.weights),
            **encode_order(self.order),
        }

    @cached_property
    def _normals(self) -> tuple[_Normal, ...]:
        pairs = zip(self.means, self.covariances, strict=True)
        return tuple(_Normal.of(mean, rows, self.order) for mean, rows in pairs)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = checked(inputs[0], self.features)
        densities = np.zeros((len(column), len(self.weights)))
        if len(column):
            densities = np.stack([normal.batch(column) for normal in self._normals], axis=1)
        made = [self._finish(row) for row in densities.tolist()]
        probabilities = np.array([probability for probability, _ in made]).reshape(densities.shape)
        predictions = np.array([prediction for _, prediction in made], np.int32)
        return (Column(vector(len(self.weights)), probabilities), Column(INT, predictions))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, finish = self.features, self._finish
        densities = [normal.row() for normal in self._normals]

        def kernel(features: Any) -> tuple[list[float], int]:
            check_row(features, size)
            return finish([density(features) for density in densities])

        return kernel

    def _finish(self, densities: Sequence[float]) -> tuple[list[float], int]:
        """One routine for both kernels, since numpy's exp is another."""
        pairs = zip(self.weights, densities, strict=True)
        likely = [_EPSILON + weight * exp(density) for weight, density in pairs]
        total = 0.0
        for part in likely:
            total += part
        probability = [divide(part, total) for part in likely]
        return probability, argmax(probability)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        round_, flat = ((2.0, 0.5), (0.5, 1.0)), ((1.0, 1.0), (1.0, 1.0))
        for column in hostile(2):
            yield Example(cls((0.75, 0.25), ((0.0, 1.0), (-1.0, 0.5)), (round_, flat)), (column,))
            yield Example(cls((0.0, 1.0), ((0.0, 0.0),) * 2, (round_, ((0.0, 0.0), (0.0, 0.0)))), (column,))
        for column in hostile(1):
            yield Example(cls((1.0,), ((0.1,),), (((5e-324,),),), Order.of("java")), (column,))


def _tensors(attributes: Attributes, name: str, count: int) -> list[Value]:
    found = attributes.get(name)
    if found is None or found.shape != "list" or found.base != "tensor" or not len(found.data) == count > 0:
        raise attributes.error(
            f"attribute {name!r} should be a list of tensors, one for each of {count} weights"
        )
    return list(found.data)


def _rows(square: Any) -> Rows:
    return tuple(tuple(row) for row in square.tolist())


@dataclass(frozen=True, slots=True)
class _Normal:
    """A normal distribution, whose covariance may be singular: how high it is, and how far away from its mean rows are.

    A row's distance is the length of ``start`` plus ``away`` times the row. Spark subtracts the turned row there; the
    sum of negated products has the same bits.
    """

    height: float
    start: tuple[float, ...]
    away: Matrix

    @classmethod
    def of(cls, mean: Sequence[float], covariance: Rows, order: Order) -> _Normal:
        """From mean and covariance."""
        values, vectors = symmetric(np.array(covariance))
        least = _EPSILON * max(values) * len(values)
        logs = 0.0
        for value in values:
            if value > least:
                logs += log(value)
        height = -0.5 * (len(mean) * math.log(2.0 * math.pi) + logs)
        turned = []
        for place, value in enumerate(values):
            scale = math.sqrt(divide(1.0, value)) if value > least else 0.0
            turned.append([scale * slot for slot in vectors[:, place].tolist()])
        start = _matrix(turned, order).add_to([0.0] * len(mean))(list(mean))
        return cls(height, tuple(start), _matrix([[-slot for slot in row] for row in turned], order))

    @property
    def order(self) -> Order:
        """The order of additions."""
        return self.away.rows[0].order

    def row(self) -> Callable[[Vector], float]:
        """The function from a row to the logarithm of its density."""
        away, height, order = self.away.add_to(self.start), self.height, self.order

        def log_density(row: Vector) -> float:
            gone = away(row)
            return height - 0.5 * dot_dense(gone, gone, order)

        return log_density

    def batch(self, column: Column) -> Numbers:
        """`row` of a whole column."""
        gone = self.away.batch(column, self.start)
        with np.errstate(all="ignore"):
            made: Numbers = self.height - 0.5 * pairs(gone, gone, self.order)
        return made


def _matrix(rows: Sequence[Sequence[float]], order: Order) -> Matrix:
    return Matrix(tuple(Coefficients(tuple(row), order=order) for row in rows), by_columns=True)


@reads_spark(
    "org.apache.spark.ml.clustering.GaussianMixtureModel",
    ops=(GaussianMixture,),
    forms="with and without the probability and prediction columns",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    means = tuple(saved_center(stage, mean) for mean in fitted["mus"])
    covariances = [
        np.array([row.values for row in saved_matrix(stage, one).rows]) for one in fitted["sigmas"]
    ]
    if not all(np.isfinite(np.array(values)).all() for values in (*means, *covariances)):
        raise UnsupportedError(
            f"{stage}: a mean or a covariance is not finite, and Spark finds no eigenvectors for it",
            hint="Fit again, on data without NaN and infinities.",
        )
    rows = tuple(_rows(covariance) for covariance in covariances)
    op = GaussianMixture(tuple(map(float, fitted["weights"])), means, rows, Order.of(stage.blas))
    return [
        Lowered(
            op, (str(stage.param("featuresCol")),), output_columns(stage, "probabilityCol", "predictionCol")
        )
    ]
