"""Naive Bayes: Spark's NaiveBayesModel, multinomial, complement, bernoulli and gaussian."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops import blas
from skewless.ops.blas import (
    Coefficients,
    RowGemv,
    added,
    divide,
    exp,
    exp_all,
    log,
    log_all,
    softmax,
    softmax_all,
)
from skewless.ops.classifiers import (
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
from skewless.ops.fitted import Matrix, decode_matrix, encode_matrix, saved_matrix, saved_vector
from skewless.ops.op import Example, Lowered, Refused, SparkStage, reads_spark, register
from skewless.schema import vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import Csr, SparseVector, Vector, dense

KINDS: Final = ("multinomial", "complement", "bernoulli", "gaussian")


@register
@dataclass(frozen=True)
class NaiveBayes(Classifier):
    """Log likelihoods of classes. Complement and gaussian are not known to MLeap.

    Negative features are refused by multinomial and complement, others than 0 and 1 by bernoulli, as in Spark.
    Source: Spark's NaiveBayesModel.
    """

    name: ClassVar[str] = "naive_bayes"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; so do negative features and NaN (multinomial, "
        "complement), and any but 0 and 1 (bernoulli)."
    )
    mleap: ClassVar[str] = "It has neither complement nor gaussian, and takes negative features."
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS

    pi: tuple[float, ...]
    theta: Matrix
    kind: str
    sigma: Matrix | None = None
    thresholds: tuple[float, ...] | None = None
    source: str = RAW

    @property
    def features(self) -> int:
        return self.theta.width

    @property
    def classes(self) -> int:
        return len(self.pi)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        kind = attributes.string("model_type", "multinomial").lower()
        if kind not in KINDS:
            raise attributes.error(f"model_type is {kind!r}; it must be one of {', '.join(KINDS)}")
        pi = tuple(map(float, attributes.tensor("pi").data))
        theta = decode_matrix(attributes, "theta")
        sigma = decode_matrix(attributes, "sigma") if kind == "gaussian" else None
        if any(len(matrix.rows) != len(pi) for matrix in (theta, sigma) if matrix):
            raise attributes.error(f"it has {len(pi)} priors for {len(theta.rows)} classes")
        thresholds = decode_thresholds(attributes, len(pi))
        return cls(pi, theta, kind, sigma, thresholds, decode_source(attributes))

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_features": spec.long(self.features),
            "num_classes": spec.long(self.classes),
            "pi": spec.tensor(self.pi, [len(self.pi)]),
            **encode_matrix("theta", self.theta),
            **(encode_matrix("sigma", self.sigma) if self.sigma else {"sigma": spec.tensor([], [0, 0])}),
            "model_type": spec.string(self.kind),
            **encode_choice(self.source, self.thresholds),
        }

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        nulls = inputs[0].null_mask
        if nulls is not None and nulls.any() and inputs[0].values.shape[1] == self.features:
            # A row before the first null may have to be refused first.
            self.raws(inputs[0].take(np.arange(len(nulls)) < int(np.argmax(nulls))))
        return Classifier.columns(self, *inputs)

    def raws(self, features: Column) -> Numbers:
        if self.kind == "gaussian":
            return self._all_gaussian(features.dense())
        self._check_all(features)
        matrix, start = self._scores
        scores = matrix.batch(features, start)
        return _all_normalised(scores) if self.kind == "complement" else scores

    def raw(self) -> RowGemv:
        if self.kind == "gaussian":
            return self._gaussian()
        matrix, start = self._scores
        scores, takes, shift = matrix.add_to(start), self._takes, self.kind == "complement"

        def raw(features: Vector) -> list[float]:
            for value in _stored(features):
                if not takes(value):
                    raise _refusal(value, self.kind)
            return _normalised(scores(features)) if shift else scores(features)

        return raw

    def _takes(self, values: Any) -> Any:
        """Whether this is a value, or which of these are, that the kind knows."""
        return (values == 0.0) | (values == 1.0) if self.kind == "bernoulli" else values >= 0.0

    def _check_all(self, features: Column) -> None:
        values = features.values
        is_wide = isinstance(values, Csr)
        bad = np.flatnonzero(~(self._takes(values.values) if is_wide else self._takes(values)))
        if len(bad):
            first = int(bad[0])
            value = float(values.values[first] if is_wide else values.flat[first])
            row = np.searchsorted(values.starts, first, "right") - 1 if is_wide else first // self.features
            raise _refusal(value, self.kind, int(row))

    @cached_property
    def _scores(self) -> tuple[Matrix, Sequence[float]]:
        """What features are multiplied by, and what is added."""
        if self.kind == "bernoulli":
            return self._bernoulli()
        return self.theta, self.pi if self.kind == "multinomial" else (0.0,) * self.classes

    def _bernoulli(self) -> tuple[Matrix, Sequence[float]]:
        absent = [[_log1p(-exp(value)) for value in row.values] for row in self.theta.rows]
        rows = [
            tuple(value - without for value, without in zip(row.values, without_row, strict=True))
            for row, without_row in zip(self.theta.rows, absent, strict=True)
        ]
        ones = [1.0] * self.features
        order, by_columns = self.theta.rows[0].order, self.theta.by_columns
        without = Matrix(tuple(Coefficients(tuple(row), order=order) for row in absent), by_columns)
        scores = Matrix(tuple(Coefficients(row, order=order) for row in rows), by_columns)
        return scores, without.add_to(self.pi)(ones)

    @cached_property
    def _normals(self) -> list[tuple[float, tuple[tuple[float, float], ...], float]]:
        """For each class its prior, means with variances, and the sum of the variances' logarithms."""
        if self.sigma is None:
            raise ValueError("a gaussian model has variances")
        fitted = []
        for prior, means, variances in zip(self.pi, self.theta.rows, self.sigma.rows, strict=True):
            total = 0.0
            for variance in variances.values:
                total += log(variance)
            fitted.append((prior, tuple(zip(means.values, variances.values, strict=True)), total))
        return fitted

    def _all_gaussian(self, values: Numbers) -> Numbers:
        """`_gaussian` of all rows."""
        made = np.empty((len(values), self.classes))
        for place, (prior, slots, logs) in enumerate(self._normals):
            total = np.zeros(len(values))
            for slot, (mean, variance) in enumerate(slots):
                gap = values[:, slot] - mean
                total = total + gap * gap / np.float64(variance)
            made[:, place] = prior - (total + logs) / 2.0
        return made

    def _gaussian(self) -> RowGemv:
        fitted = self._normals

        def raw(features: Vector) -> list[float]:
            values, made = dense(features), []
            for prior, slots, logs in fitted:
                total = 0.0
                for value, (mean, variance) in zip(values, slots, strict=True):
                    gap = value - mean
                    total += divide(gap * gap, variance)
                made.append(prior - (total + logs) / 2.0)
            return made

        return raw

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        probability = softmax(raw)
        return raw, probability, prediction(raw, probability, self.source, self.thresholds)

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        probabilities = softmax_all(raws)
        return raws, probabilities, predictions(raws, probabilities, self.source, self.thresholds)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        theta = Matrix(
            tuple(Coefficients(tuple(-0.1 * (slot + step + 1) for slot in range(6))) for step in range(3))
        )
        sigma = Matrix(tuple(Coefficients(tuple(0.5 + slot for slot in range(6))) for _ in range(3)))
        good: list[Vector] = [[0.0, 1.0, 1.0, 0.0, 1.0, 0.0], SparseVector(6, (1, 4), (1.0, 1.0)), [-0.0] * 6]
        for kind in KINDS:
            op = cls((-1.0, -1.1, -1.2), theta, kind, sigma if kind == "gaussian" else None)
            for column in (*hostile(6), from_cells(vector(6), good)):
                yield Example(op, (column,))
                chosen = cls(op.pi, theta, kind, op.sigma, (0.1, 0.0, 0.7), PROBABILITY)
                yield Example(chosen, (column,))


def _stored(features: Vector) -> Sequence[float]:
    return features.values if isinstance(features, SparseVector) else features


def _log1p(number: float) -> float:
    """Java's ``Math.log1p``: -Infinity of -1, NaN of less."""
    if number > -1.0 or number != number:
        return math.log1p(number)
    return -math.inf if number == -1.0 else math.nan


def _refusal(value: float, kind: str, position: int = 0) -> Refused:
    rule = "must be 0 or 1" if kind == "bernoulli" else "must not be negative"
    return Refused(
        f"a feature is {value}; it {rule} here", value=value, position=position, hint="Correct the value."
    )


def _normalised(scores: list[float]) -> list[float]:
    """Scores less the logarithm of the sum of their exponentials. Source: complementCalculation."""
    largest = scores[0]
    for score in scores:
        largest = max(largest, score) if score == score else score
    total = 0.0
    for score in scores:
        total += exp(score - largest)
    shift = log(total) + largest
    return [score - shift for score in scores]


def _all_normalised(scores: Numbers) -> Numbers:
    """`_normalised` of every row."""
    largest = scores[:, 0]
    for score in scores.T:
        # As Python's max, which keeps a NaN that stands first.
        largest = np.where(np.isnan(score) | (score > largest), score, largest)
    shift = log_all(added(exp_all(scores - largest[:, None]))) + largest
    made: Numbers = scores - shift[:, None]
    return made


@reads_spark(
    "org.apache.spark.ml.classification.NaiveBayesModel",
    ops=(NaiveBayes,),
    forms="multinomial, complement, bernoulli, gaussian; thresholds",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    kind = str(stage.param("modelType", "multinomial")).lower()
    op = NaiveBayes(
        saved_vector(stage, fitted["pi"]).values,
        saved_matrix(stage, fitted["theta"]),
        kind,
        saved_matrix(stage, fitted["sigma"]) if kind == "gaussian" else None,
        thresholds_of(stage),
        source_of(stage),
    )
    return [Lowered(op, output_columns(stage, "featuresCol"), probabilistic_outputs(stage))]
