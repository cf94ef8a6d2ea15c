"""Linear models that answer with their margin: Spark's LinearRegressionModel and LinearSVCModel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops import blas, sums
from skewless.ops.blas import Coefficients, RowGemv, check_row, checked
from skewless.ops.classifiers import Classifier, FeatureOp, hostile, output_columns
from skewless.ops.compiling import Cell, Source, Symbol
from skewless.ops.fitted import decode_vector, encode_vector, saved_vector
from skewless.ops.op import Example, Lowered, RowKernel, SparkStage, reads_spark, register
from skewless.schema import DOUBLE, Type
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector


@register
@dataclass(frozen=True, slots=True)
class LinearRegression(FeatureOp):
    """Features times coefficients, plus the intercept. Source: Spark's LinearRegressionModel.predict."""

    name: ClassVar[str] = "linear_regression"
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS_OF_SUMS

    coefficients: Coefficients
    intercept: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction",)

    @property
    def features(self) -> int:
        return len(self.coefficients.values)

    def made(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(decode_vector(attributes, "coefficients"), attributes.double("intercept", 0.0))

    def encode(self) -> Mapping[str, Value]:
        return {
            **encode_vector("coefficients", self.coefficients),
            "intercept": spec.double(self.intercept),
        }

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        margins = self.coefficients.batch(checked(inputs[0], self.features))
        with np.errstate(invalid="ignore"):  # infinities that cancel
            return (Column(DOUBLE, margins + self.intercept),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        dot, size, intercept = self.coefficients.row(), self.features, self.intercept

        def kernel(features: Vector | None) -> float:
            if features is None or len(features) != size:
                check_row(features, size)
            return dot(features) + intercept  # type: ignore[arg-type]

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        margin = sums.dot(source, self.coefficients, inputs[0])
        if margin is None:
            return None
        return [Cell(source.local(f"{margin} + {source.constant(self.intercept)}"), DOUBLE, null=False)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                yield Example(cls(coefficients, 0.7), (column,))


@register
@dataclass(frozen=True, slots=True)
class LinearSVC(Classifier):
    """Two classes, told apart by a threshold on the margin. Source: Spark's LinearSVCModel."""

    name: ClassVar[str] = "linear_svc"
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS_OF_SUMS
    probabilistic: ClassVar[bool] = False

    coefficients: Coefficients
    intercept: float
    threshold: float = 0.0

    @property
    def features(self) -> int:
        return len(self.coefficients.values)

    @property
    def classes(self) -> int:
        return 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(
            decode_vector(attributes, "coefficients"),
            attributes.double("intercept", 0.0),
            attributes.double("threshold", 0.0),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_classes": spec.long(2),
            **encode_vector("coefficients", self.coefficients),
            "intercept": spec.double(self.intercept),
            "threshold": spec.double(self.threshold),
        }

    def raws(self, features: Column) -> Numbers:
        margins = self.coefficients.batch(features) + self.intercept
        return np.stack([-margins, margins], axis=1)

    def raw(self) -> RowGemv:
        return two_sided(self.coefficients, self.intercept)

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        return raw, 1.0 if raw[1] > self.threshold else 0.0

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        return raws, (raws[:, 1] > self.threshold).astype(np.float64)

    def emit_raw(self, source: Source, features: Symbol) -> Sequence[str] | None:
        return emit_two_sided(source, features, self.coefficients, self.intercept)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                yield Example(cls(coefficients, -0.7, 0.25), (column,))


def two_sided(coefficients: Coefficients, intercept: float) -> RowGemv:
    """The margin of the second class, with its negative for the first."""
    dot = coefficients.row()

    def raw(features: Vector) -> list[float]:
        margin = dot(features) + intercept
        return [-margin, margin]

    return raw


def emit_two_sided(
    source: Source, features: Symbol, coefficients: Coefficients, intercept: float
) -> Sequence[str] | None:
    """`two_sided` in a compiled row path."""
    margin = sums.dot(source, coefficients, features)
    if margin is None:
        return None
    margin = source.local(f"{margin} + {source.constant(intercept)}")
    return [f"-{margin}", margin]


def coefficient_examples() -> Iterable[Coefficients]:
    """Dense and sparse, shorter and longer than a register, and wide."""
    yield Coefficients((0.5, -0.0, -1.25))
    yield Coefficients(tuple(0.1 * slot - 0.35 for slot in range(9)))
    yield Coefficients((0.0, -0.3, 0.0, 2.5, 0.0, 0.1, 0.0), sparse=True)
    yield Coefficients(tuple(1.0 / (slot + 3) for slot in range(1030)))


@reads_spark(
    "org.apache.spark.ml.regression.LinearRegressionModel",
    ops=(LinearRegression,),
    forms="with and without intercept; squaredError, huber",
)
def _read_regression(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    op = LinearRegression(saved_vector(stage, fitted["coefficients"]), float(fitted["intercept"]))
    return [Lowered(op, output_columns(stage, "featuresCol"), output_columns(stage, "predictionCol"))]


@reads_spark("org.apache.spark.ml.classification.LinearSVCModel", ops=(LinearSVC,), forms="threshold")
def _read_svc(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    op = LinearSVC(
        saved_vector(stage, fitted["coefficients"]),
        float(fitted["intercept"]),
        float(stage.param("threshold", 0.0)),
    )
    outputs = output_columns(stage, "rawPredictionCol", "predictionCol")
    return [Lowered(op, output_columns(stage, "featuresCol"), outputs)]
