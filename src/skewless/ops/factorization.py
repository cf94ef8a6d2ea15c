"""Factorization machines: Spark's FMRegressionModel and FMClassificationModel. MLeap has neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops import blas
from skewless.ops.blas import Coefficients, RowDot, RowGemv, check_row, checked, sigmoid, sigmoid_all
from skewless.ops.classifiers import (
    PROBABILITY,
    RAW,
    Classifier,
    FeatureOp,
    decode_source,
    decode_thresholds,
    encode_choice,
    hostile,
    output_columns,
    prediction,
    predictions,
    probabilistic_outputs,
    source_of,
    thresholds_of,
)
from skewless.ops.fitted import (
    Matrix,
    decode_matrix,
    decode_vector,
    encode_matrix,
    encode_vector,
    saved_matrix,
    saved_vector,
)
from skewless.ops.op import Example, Lowered, RowKernel, SparkStage, reads_spark, register
from skewless.schema import DOUBLE, Type
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Csr, Vector, nonzero


@dataclass(frozen=True, slots=True)
class Machine:
    """Linear terms, and products of every two features. Source: Spark's FactorizationMachines.getRawPrediction."""

    intercept: float
    linear: Coefficients
    factors: Matrix
    """One row a feature, one column a factor."""

    @property
    def columns(self) -> list[list[float]]:
        """The factors, each with its value for every feature."""
        return [list(column) for column in zip(*(row.values for row in self.factors.rows), strict=True)]

    def row(self) -> RowDot:
        """The score of one row."""
        dot, intercept, columns = self.linear.row(), self.intercept, self.columns

        def score(features: Vector) -> float:
            total = intercept + dot(features)
            pairs = list(nonzero(features))
            for factor in columns:
                squares = summed = 0.0
                for slot, value in pairs:
                    part = factor[slot] * value
                    squares += part * part
                    summed += part
                total += 0.5 * (summed * summed - squares)
            return total

        return score

    def batch(self, column: Column) -> Numbers:
        """The scores of all rows."""
        if isinstance(column.values, Csr):
            score = self.row()
            return np.array([score(column.cell(row)) for row in range(len(column))], np.float64)
        x, stored = column.values, column.values != 0.0
        with np.errstate(all="ignore"):
            total = self.intercept + self.linear.batch(column)
            for factor in self.columns:
                squares, summed = np.zeros(len(x)), np.zeros(len(x))
                for slot, weight in enumerate(factor):
                    part = np.where(stored[:, slot], weight * x[:, slot], 0.0)
                    squares = squares + part * part
                    summed = summed + part
                total = total + 0.5 * (summed * summed - squares)
        return total

    def encode(self) -> dict[str, Value]:
        """As attributes."""
        return {
            "intercept": spec.double(self.intercept),
            **encode_vector("linear", self.linear),
            **encode_matrix("factors", self.factors),
        }

    @classmethod
    def decode(cls, attributes: Attributes) -> Self:
        """From attributes."""
        linear, factors = decode_vector(attributes, "linear"), decode_matrix(attributes, "factors")
        if len(factors.rows) != len(linear.values):
            raise attributes.error(f"it has factors for {len(factors.rows)} of {len(linear.values)} features")
        return cls(attributes.double("intercept", 0.0), linear, factors)

    @classmethod
    def saved(cls, stage: SparkStage) -> Self:
        """From a saved stage."""
        fitted = stage.fitted()
        linear, factors = saved_vector(stage, fitted["linear"]), saved_matrix(stage, fitted["factors"])
        return cls(float(fitted["intercept"]), linear, factors)


@register
@dataclass(frozen=True, slots=True)
class FMRegression(FeatureOp):
    """The score itself."""

    name: ClassVar[str] = "fm_regression"
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS_OF_SUMS

    machine: Machine

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction",)

    @property
    def features(self) -> int:
        return len(self.machine.linear.values)

    def made(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(Machine.decode(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        return self.machine.encode()

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (Column(DOUBLE, self.machine.batch(checked(inputs[0], self.features))),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        score, size = self.machine.row(), self.features

        def kernel(features: Vector | None) -> float:
            if features is None or len(features) != size:
                check_row(features, size)
            return score(features)  # type: ignore[arg-type]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile(5):
            yield Example(cls(_example()), (column,))


@register
@dataclass(frozen=True, slots=True)
class FMClassifier(Classifier):
    """Two classes; the score's sigmoid is the second one's probability."""

    name: ClassVar[str] = "fm_classifier"
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS

    machine: Machine
    thresholds: tuple[float, ...] | None = None
    source: str = RAW

    @property
    def features(self) -> int:
        return len(self.machine.linear.values)

    @property
    def classes(self) -> int:
        return 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        machine = Machine.decode(attributes)
        return cls(machine, decode_thresholds(attributes, 2), decode_source(attributes))

    def encode(self) -> Mapping[str, Value]:
        return {**self.machine.encode(), **encode_choice(self.source, self.thresholds)}

    def raws(self, features: Column) -> Numbers:
        scores = self.machine.batch(features)
        return np.stack([-scores, scores], axis=1)

    def raw(self) -> RowGemv:
        score = self.machine.row()

        def raw(features: Vector) -> list[float]:
            found = score(features)
            return [-found, found]

        return raw

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        second = sigmoid(raw[1])
        probability = [1.0 - second, second]
        return raw, probability, prediction(raw, probability, self.source, self.thresholds)

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        second = sigmoid_all(raws[:, 1])
        probabilities = np.stack([1.0 - second, second], axis=1)
        return raws, probabilities, predictions(raws, probabilities, self.source, self.thresholds)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile(5):
            yield Example(cls(_example()), (column,))
            yield Example(cls(_example(), (0.2, 0.7), PROBABILITY), (column,))


def _example() -> Machine:
    rows = tuple(Coefficients((0.3 * slot - 0.5, 0.1, -0.7 / (slot + 1))) for slot in range(5))
    return Machine(0.2, Coefficients((0.1, -0.2, 0.3, 0.0, 1.5)), Matrix(rows, True))


@reads_spark(
    "org.apache.spark.ml.regression.FMRegressionModel",
    ops=(FMRegression,),
    forms="with and without intercept and linear terms",
)
def _read_regression(stage: SparkStage) -> Sequence[Lowered]:
    op = FMRegression(Machine.saved(stage))
    return [Lowered(op, output_columns(stage, "featuresCol"), output_columns(stage, "predictionCol"))]


@reads_spark(
    "org.apache.spark.ml.classification.FMClassificationModel",
    ops=(FMClassifier,),
    forms="with and without intercept and linear terms; thresholds",
)
def _read_classifier(stage: SparkStage) -> Sequence[Lowered]:
    op = FMClassifier(Machine.saved(stage), thresholds_of(stage), source_of(stage))
    return [Lowered(op, output_columns(stage, "featuresCol"), probabilistic_outputs(stage))]
