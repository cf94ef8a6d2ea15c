"""Naive Bayes: the logarithm of each class' probability together with the features, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Refused, register
from skewless.ops.sklearn.linear import Linear
from skewless.ops.sklearn.numbers import EPSILON, WHY_NOT_BITS, Fitted
from skewless.ops.sklearn.outcomes import Classified, Outcome, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import Predictor, RowPredictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import Vector


@register
@dataclass(frozen=True)
class GaussianBayes(Predictor):
    """Squared distances from each class' means in units of its variances. Source: sklearn.naive_bayes.GaussianNB."""

    name: ClassVar[str] = "sklearn_gaussian_bayes"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    means: Fitted
    variances: Fitted
    start: Fitted
    outcome: Outcome
    expanded: bool = False
    """Whether scikit-learn multiplies the squares out, which loses more where a row is near a mean."""

    @property
    def features(self) -> int:
        return self.means.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome = decode_outcome(attributes)
        means = Fitted.decode(attributes, "means", outcome.width, None)
        variances = Fitted.decode(attributes, "variances", *means.shape)
        if not (variances.values > 0.0).all():
            raise attributes.error("a variance is not above zero")
        start = Fitted.decode(attributes, "start", outcome.width)
        return cls(means, variances, start, outcome, attributes.boolean("expanded", False))

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.means.encode("means"),
            **self.variances.encode("variances"),
            **self.start.encode("start"),
            **({"expanded": spec.boolean(True)} if self.expanded else {}),
            **self.outcome.encode(),
        }

    def scores(self, column: Column) -> Numbers:
        return self.start.values - 0.5 * self._distances(column.dense())

    def _distances(self, rows: Numbers) -> Numbers:
        made = np.zeros((len(rows), len(self.means)))
        for feature in range(rows.shape[1]):
            apart = rows[:, feature, None] - self.means.values[:, feature]
            made += apart * apart / self.variances.values[:, feature]
        return made

    def score(self) -> RowScore:
        fitted = list(zip(self.means.lists, self.variances.lists, self.start.lists, strict=True))

        def score(row: Vector) -> list[float]:
            slots, made = dense_row(row), []
            for means, variances, start in fitted:
                total = 0.0
                for value, mean, variance in zip(slots, means, variances, strict=True):
                    apart = value - mean
                    total += apart * apart / variance
                made.append(start - 0.5 * total)
            return made

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        rows = column.dense()
        terms = self._distances(rows).max(axis=1, initial=0.0)
        if self.expanded:
            size = (np.abs(rows[:, None, :]) + np.abs(self.means.values)) ** 2 / self.variances.values
            terms = size.sum(axis=2).max(axis=1, initial=0.0)
        slope = (
            (np.abs(rows[:, None, :] - self.means.values) / self.variances.values)
            .sum(axis=2)
            .max(axis=1, initial=0.0)
        )
        made: Numbers = (terms + np.abs(self.start.values).max()) * EPSILON * (
            self.features + 8
        ) + given * slope
        return made

    @classmethod
    def examples(cls) -> Iterable[Example]:
        means = Fitted([[0.1, -0.0, 1e-3], [2.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
        variances = Fitted([[1.0, 0.5, 5e-324], [1e-9, 2.0, 1.0], [1.0, 1.0, 1e300]])
        outcome = Classified("joint", ("a", "ü", ""))
        for column in hostile(3):
            yield Example(cls(means, variances, Fitted([-1.0, -0.5, -2.0]), outcome), (column,))


@register
@dataclass(frozen=True)
class CategoricalBayes(RowPredictor):
    """The logarithm of each category's probability, added up feature by feature.

    A category that was not there in training fails, as it does in scikit-learn. ``tables`` has for each feature classes
    by categories. Source: sklearn.naive_bayes.CategoricalNB.
    """

    name: ClassVar[str] = "sklearn_categorical_bayes"
    bad_values: ClassVar[str] = (
        "A null vector, one of another length, NaN, infinities, negative numbers and categories beyond those of the "
        "training fail; a fraction is cut off."
    )
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = "numpy's exponential and logarithm differ from the C library's in last bits"

    tables: tuple[Fitted, ...]
    start: Fitted
    outcome: Outcome

    @property
    def features(self) -> int:
        return len(self.tables)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome = decode_outcome(attributes)
        features = attributes.integer("num_features")
        if not 0 < features <= 1_000_000:
            raise attributes.error(f"num_features is {features}; it must be 1 to 1,000,000")
        tables = tuple(
            Fitted.decode(attributes, f"table_{feature}", outcome.width, None) for feature in range(features)
        )
        return cls(tables, Fitted.decode(attributes, "start", outcome.width), outcome)

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {"num_features": spec.long(self.features)}
        for feature, table in enumerate(self.tables):
            made |= table.encode(f"table_{feature}")
        return {**made, **self.start.encode("start"), **self.outcome.encode()}

    def score(self) -> RowScore:
        tables: list[list[list[float]]] = [table.lists for table in self.tables]
        start = self.start.lists
        counts = [table.shape[1] for table in self.tables]

        def score(row: Vector) -> list[float]:
            made = [0.0] * len(start)
            for feature, value in enumerate(dense_row(row)):
                category = int(value)
                if not 0 <= category < counts[feature] or value <= -1.0:
                    raise _unknown(feature, value, counts[feature])
                for place, table in enumerate(tables[feature]):
                    made[place] += table[category]
            return [total + first for total, first in zip(made, start, strict=True)]

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        return np.full(len(column), 4.0 * EPSILON)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tables = (Fitted([[-0.1, -2.0], [-1.0, -0.5]]), Fitted([[-1.0, -1.0, -math.inf], [-0.3, -2.0, -0.0]]))
        op = cls(tables, Fitted([-0.5, -1.5]), Classified("joint", (False, True)))
        for column in hostile(2):
            yield Example(op, (column,))
        rows: list[Vector] = [[0.0, 2.0], [1.9, -0.0], [-0.5, 1.0]]
        yield Example(op, (from_cells(vector(2), rows),))
        rows[1:] = [[0.0, 7.0], [math.nan, 0.0]]
        yield Example(op, (from_cells(vector(2), rows),))
        for bad in ([2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 1e300]):
            yield Example(op, (from_cells(vector(2), [rows[0], bad]),))


def _unknown(feature: int, value: float, count: int) -> Refused:
    return Refused(
        f"feature {feature} is {value!r}, which is none of its {count} categories",
        value=value,
        hint="Fit with min_categories, or encode unknown categories before; scikit-learn fails on it too.",
    )


@reads_sklearn("naive_bayes.GaussianNB", ops=(GaussianBayes,), forms="predict and predict_proba")
def _read_gaussian(step: SklearnStep) -> Made:
    fitted = step.estimator
    spread = -0.5 * np.sum(np.log(2.0 * np.pi * fitted.var_), axis=1)
    start = Fitted(np.log(fitted.class_prior_) + spread)
    op = GaussianBayes(Fitted(fitted.theta_), Fitted(fitted.var_), start, classified(step, "joint"))
    return answering(step, op)


@reads_sklearn(
    "naive_bayes.MultinomialNB",
    "naive_bayes.ComplementNB",
    ops=(Linear,),
    forms="predict and predict_proba",
)
def _read_counts(step: SklearnStep) -> Made:
    fitted = step.estimator
    start = np.asarray(fitted.class_log_prior_, np.float64)
    if type(fitted).__name__ == "ComplementNB" and len(fitted.classes_) > 1:
        start = np.zeros(len(fitted.classes_))
    op = Linear(Fitted(fitted.feature_log_prob_), Fitted(start), classified(step, "joint"))
    return answering(step, op)


@reads_sklearn("naive_bayes.BernoulliNB", ops=(Linear,), forms="predict and predict_proba; binarize")
def _read_flags(step: SklearnStep) -> Made:
    fitted = step.estimator
    absent = np.log(1 - np.exp(fitted.feature_log_prob_))
    weights = Fitted(fitted.feature_log_prob_ - absent)
    start = Fitted(fitted.class_log_prior_ + absent.sum(axis=1))
    threshold = None if fitted.binarize is None else float(fitted.binarize)
    return answering(step, Linear(weights, start, classified(step, "joint"), threshold=threshold))


@reads_sklearn("naive_bayes.CategoricalNB", ops=(CategoricalBayes,), forms="predict and predict_proba")
def _read_categorical(step: SklearnStep) -> Made:
    fitted = step.estimator
    tables = tuple(Fitted(table) for table in fitted.feature_log_prob_)
    op = CategoricalBayes(tables, Fitted(fitted.class_log_prior_), classified(step, "joint"))
    return answering(step, op)
