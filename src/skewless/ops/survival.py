"""Accelerated failure times: Spark's AFTSurvivalRegressionModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops import blas
from skewless.ops.blas import Coefficients, check_row, checked, exp, exp_all, log
from skewless.ops.classifiers import FeatureOp, hostile, output_columns
from skewless.ops.fitted import decode_vector, encode_vector, saved_vector
from skewless.ops.linear import coefficient_examples
from skewless.ops.op import Example, Lowered, RowKernel, SparkStage, reads_spark, register
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column
from skewless.vectors import Vector


@register
@dataclass(frozen=True, slots=True)
class AFTSurvivalRegression(FeatureOp):
    """The expected lifetime, and its quantiles: each a fixed multiple of it.

    Source: Spark's AFTSurvivalRegressionModel.predict and predictQuantiles.
    """

    name: ClassVar[str] = "aft_survival_regression"
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS

    coefficients: Coefficients
    intercept: float
    scale: float
    quantiles: tuple[float, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction", "quantiles")

    @property
    def features(self) -> int:
        return len(self.coefficients.values)

    def made(self) -> tuple[Type, ...]:
        return (DOUBLE, vector(len(self.quantiles)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(
            decode_vector(attributes, "coefficients"),
            attributes.double("intercept", 0.0),
            attributes.double("scale"),
            attributes.doubles("quantile_probabilities", ()),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            **encode_vector("coefficients", self.coefficients),
            "intercept": spec.double(self.intercept),
            "scale": spec.double(self.scale),
            "quantile_probabilities": spec.doubles(self.quantiles),
        }

    def _multiples(self) -> list[float]:
        return [exp(log(-math.log1p(-q)) * self.scale) for q in self.quantiles]

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        margins = self.coefficients.batch(checked(inputs[0], self.features))
        with np.errstate(all="ignore"):
            times = exp_all(margins + self.intercept)
            quantiles = times[:, None] * np.array(self._multiples(), np.float64)
        return Column(DOUBLE, times), Column(vector(len(self.quantiles)), quantiles)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        dot, size, intercept = self.coefficients.row(), self.features, self.intercept
        multiples = self._multiples()

        def kernel(features: Vector | None) -> tuple[float, list[float]]:
            if features is None or len(features) != size:
                check_row(features, size)
            time = exp(dot(features) + intercept)  # type: ignore[arg-type]
            return time, [time * multiple for multiple in multiples]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                yield Example(cls(coefficients, 0.7, 0.4, (0.01, 0.5, 0.99)), (column,))


@reads_spark(
    "org.apache.spark.ml.regression.AFTSurvivalRegressionModel",
    ops=(AFTSurvivalRegression,),
    forms="with and without quantiles",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    op = AFTSurvivalRegression(
        saved_vector(stage, fitted["coefficients"]),
        float(fitted["intercept"]),
        float(fitted["scale"]),
        tuple(map(float, stage.param("quantileProbabilities", ()))),
    )
    outputs = output_columns(stage, "predictionCol", "quantilesCol")
    return [Lowered(op, output_columns(stage, "featuresCol"), outputs)]
