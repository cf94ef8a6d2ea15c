"""Logistic regression: Spark's LogisticRegressionModel, binary and multinomial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops import blas, sums
from skewless.ops.blas import Coefficients, RowGemv, log, sigmoid, sigmoid_all, softmax, softmax_all
from skewless.ops.classifiers import (
    FEATURES,
    PROBABILITY,
    RAW,
    Classifier,
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
from skewless.ops.compiling import Source, Symbol
from skewless.ops.fitted import (
    Matrix,
    decode_matrix,
    decode_vector,
    encode_matrix,
    encode_vector,
    saved_matrix,
    saved_vector,
)
from skewless.ops.linear import coefficient_examples, emit_two_sided, two_sided
from skewless.ops.op import Example, Lowered, SparkStage, reads_spark, register
from skewless.spec import Model, Value
from skewless.table import Column, Numbers


@register
@dataclass(frozen=True, slots=True)
class LogisticRegression(Classifier):
    """Probabilities of classes from margins.

    Binary: one row of coefficients; the sigmoid of the first side, and what is left for the second (MLeap takes a
    sigmoid of each). Multinomial: one row a class, and the softmax; also with two classes, where the user asked for
    that family, which MLeap cannot have. Source: Spark's LogisticRegressionModel.
    """

    name: ClassVar[str] = "logistic_regression"
    mleap: ClassVar[str] = (
        "It computes each side's sigmoid by itself, which may differ in last bits; a multinomial model of "
        "two classes does not load."
    )
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS

    matrix: Matrix
    intercepts: tuple[float, ...]
    multinomial: bool
    threshold: float = 0.5
    thresholds: tuple[float, ...] | None = None
    source: str = RAW

    @property
    def features(self) -> int:
        return self.matrix.width

    @property
    def classes(self) -> int:
        return len(self.intercepts) if self.multinomial else 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        source = decode_source(attributes)
        if "coefficient_matrix" not in attributes:
            matrix = Matrix((decode_vector(attributes, "coefficients"),))
            intercept = attributes.double("intercept", 0.0)
            return cls(matrix, (intercept,), False, attributes.double("threshold", 0.5), None, source)
        matrix = decode_matrix(attributes, "coefficient_matrix")
        intercepts = tuple(map(float, attributes.tensor("intercept_vector").data))
        if len(intercepts) != len(matrix.rows) or not intercepts:
            raise attributes.error(f"it has {len(intercepts)} intercepts for {len(matrix.rows)} classes")
        thresholds = decode_thresholds(attributes, len(intercepts))
        return cls(matrix, intercepts, True, 0.5, thresholds, source)

    def encode(self) -> Mapping[str, Value]:
        made = {"num_classes": spec.long(self.classes), **encode_choice(self.source, self.thresholds)}
        if not self.multinomial:
            made["threshold"] = spec.double(self.threshold)
            made["intercept"] = spec.double(self.intercepts[0])
            return {**made, **encode_vector("coefficients", self.matrix.rows[0])}
        made["intercept_vector"] = spec.tensor(self.intercepts, [len(self.intercepts)])
        return {**made, **encode_matrix("coefficient_matrix", self.matrix)}

    def raws(self, features: Column) -> Numbers:
        if self.multinomial:
            return self.matrix.batch(features, self.intercepts)
        with np.errstate(all="ignore"):
            margins = self.matrix.rows[0].batch(features) + self.intercepts[0]
        return np.stack([-margins, margins], axis=1)

    def raw(self) -> RowGemv:
        if self.multinomial:
            return self.matrix.add_to(self.intercepts)
        return two_sided(self.matrix.rows[0], self.intercepts[0])

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        if self.multinomial:
            probability = softmax(raw)
            return raw, probability, prediction(raw, probability, self.source, self.thresholds)
        first = sigmoid(raw[0])
        probability = [first, 1.0 - first]
        if self.source == RAW:
            chosen = raw[1] > self._cut()
        else:
            score = probability[1] if self.source == PROBABILITY else sigmoid(raw[1])
            chosen = score > self.threshold
        return raw, probability, 1.0 if chosen else 0.0

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        if self.multinomial:
            probabilities = softmax_all(raws)
            return raws, probabilities, predictions(raws, probabilities, self.source, self.thresholds)
        first = sigmoid_all(raws[:, 0])
        probabilities = np.stack([first, 1.0 - first], axis=1)
        if self.source == RAW:
            chosen = raws[:, 1] > self._cut()
        else:
            scores = probabilities[:, 1] if self.source == PROBABILITY else sigmoid_all(raws[:, 1])
            chosen = scores > self.threshold
        return raws, probabilities, chosen.astype(np.float64)

    def emit_raw(self, source: Source, features: Symbol) -> Sequence[str] | None:
        if not self.multinomial:
            return emit_two_sided(source, features, self.matrix.rows[0], self.intercepts[0])
        if self.matrix.by_columns:
            return None
        dots = [sums.dot(source, row, features, in_matrix=True) for row in self.matrix.rows]
        return (
            [
                f"{dot} + {source.constant(start)}"
                for dot, start in zip(dots, self.intercepts, strict=True)
                if dot is not None
            ]
            if None not in dots
            else None
        )

    def emit_prediction(self, source: Source, raw: Sequence[str]) -> str | None:
        if self.multinomial or self.source != RAW:
            return None
        return f"1.0 if {raw[1]} > {source.constant(self._cut())} else 0.0"

    def _cut(self) -> float:
        """The threshold on the margin's scale."""
        if self.threshold in (0.0, 1.0):
            return math.copysign(math.inf, self.threshold - 0.5)
        return log(self.threshold / (1.0 - self.threshold))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                for threshold, source in ((0.5, RAW), (0.0, PROBABILITY), (1.0, FEATURES), (0.3, RAW)):
                    matrix = Matrix((coefficients,))
                    yield Example(cls(matrix, (0.25,), False, threshold, None, source), (column,))
        for sparse in (False, True):
            rows = tuple(
                Coefficients(tuple(sign * (slot % 3) / 7.0 for slot in range(6)), sparse)
                for sign in (1.0, -2.0, 0.5, 0.1, 1e300)
            )
            for by_columns in (False, True):
                matrix = Matrix(rows, by_columns)
                for column in hostile(6):
                    intercepts = (0.1, -0.0, 0.3, 0.0, -1.0)
                    yield Example(cls(matrix, intercepts, True, 0.5, None, PROBABILITY), (column,))
                    yield Example(cls(matrix, intercepts, True, 0.5, (0.1, 0.5, 0.0, 0.2, 0.9)), (column,))


@reads_spark(
    "org.apache.spark.ml.classification.LogisticRegressionModel",
    ops=(LogisticRegression,),
    forms="binary and multinomial, also of two classes; threshold, thresholds",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    matrix = saved_matrix(stage, fitted["coefficientMatrix"])
    multinomial = bool(fitted["isMultinomial"])
    thresholds = thresholds_of(stage)
    op = LogisticRegression(
        matrix if multinomial else Matrix(matrix.rows),
        saved_vector(stage, fitted["interceptVector"]).values,
        multinomial,
        0.5 if multinomial else _threshold(stage, thresholds),
        thresholds if multinomial else None,
        source_of(stage),
    )
    return [Lowered(op, output_columns(stage, "featuresCol"), probabilistic_outputs(stage))]


def _threshold(stage: SparkStage, thresholds: Sequence[float] | None) -> float:
    """The threshold, or the one that two thresholds amount to. Source: LogisticRegressionParams.getThreshold."""
    if thresholds is None:
        return float(stage.param("threshold", 0.5))
    return 1.0 / (1.0 + blas.divide(thresholds[0], thresholds[1]))
