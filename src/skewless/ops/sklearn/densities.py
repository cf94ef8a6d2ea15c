"""Gaussian densities: mixtures, quadratic discriminants, and classes by their nearest centroid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Lowered, register
from skewless.ops.sklearn.bayes import GaussianBayes
from skewless.ops.sklearn.distances import Centres
from skewless.ops.sklearn.numbers import EPSILON, WHY_NOT_BITS, Fitted, row_dots
from skewless.ops.sklearn.outcomes import Classified, answered, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import Predictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector


@register
@dataclass(frozen=True)
class Gaussians(Predictor):
    """For each class a number, less half the squared length of the way from its mean, turned and scaled.

    ``axes`` has a matrix for each, axes by features. Source: sklearn.mixture's _estimate_log_gaussian_prob and
    sklearn.discriminant_analysis' QuadraticDiscriminantAnalysis._decision_function.
    """

    name: ClassVar[str] = "sklearn_gaussians"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    means: Fitted
    axes: tuple[Fitted, ...]
    start: Fitted
    outcome: Classified

    @property
    def features(self) -> int:
        return self.means.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome = decode_outcome(attributes)
        if not isinstance(outcome, Classified):
            raise attributes.error("it has no labels")
        means = Fitted.decode(attributes, "means", outcome.width, None)
        axes = tuple(
            Fitted.decode(attributes, f"axes_{place}", None, means.shape[1]) for place in range(outcome.width)
        )
        return cls(means, axes, Fitted.decode(attributes, "start", outcome.width), outcome)

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {"classes_count": spec.long(len(self.axes))}
        for place, axes in enumerate(self.axes):
            made |= axes.encode(f"axes_{place}")
        return {**made, **self.means.encode("means"), **self.start.encode("start"), **self.outcome.encode()}

    def scores(self, column: Column) -> Numbers:
        rows = column.dense()
        made = np.empty((len(rows), len(self.axes)))
        for place, axes in enumerate(self.axes):
            along = axes.products.dense(rows - self.means.values[place])
            total = np.zeros(len(rows))
            for axis in range(along.shape[1]):
                total += along[:, axis] * along[:, axis]
            made[:, place] = self.start.values[place] - 0.5 * total
        return made

    def score(self) -> RowScore:
        fitted = list(
            zip(self.means.lists, [row_dots(axes) for axes in self.axes], self.start.lists, strict=True)
        )

        def score(row: Vector) -> list[float]:
            slots, made = dense_row(row), []
            for means, turn, start in fitted:
                apart = [value - mean for value, mean in zip(slots, means, strict=True)]
                total = 0.0
                for along in turn(apart):
                    total += along * along
                made.append(start - 0.5 * total)
            return made

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        rows, slots = column.dense(), EPSILON * (self.features + 8)
        worst = np.zeros(len(rows))
        for place, axes in enumerate(self.axes):
            size = np.abs(axes.values).T
            along = np.abs((rows - self.means.values[place]) @ axes.values.T)
            # The mean may be taken off before or after the turn.
            off = (np.abs(rows) + np.abs(self.means.values[place])) @ size * slots + given[
                :, None
            ] * size.sum(axis=0)
            worst = np.maximum(worst, (along * off + off * off + along * along * slots).sum(axis=1))
        made: Numbers = worst + EPSILON * 4.0 * np.abs(self.start.values).max()
        return made

    @classmethod
    def examples(cls) -> Iterable[Example]:
        means = Fitted([[0.1, -0.0, 1e-3], [2.0, 1.0, -1.0]])
        axes = (Fitted([[1.0, 0.0, 0.5], [0.0, -2.0, 5e-324]]), Fitted(np.eye(3) / 7.0))
        for column in hostile(3):
            for kind in ("joint", "posterior_sides"):
                yield Example(cls(means, axes, Fitted([-1.0, -0.5]), Classified(kind, ("", "ü"))), (column,))


@reads_sklearn(
    "mixture._gaussian_mixture.GaussianMixture",
    "mixture._bayesian_mixture.BayesianGaussianMixture",
    ops=(Gaussians, GaussianBayes),
    forms="all types of covariance; predict and predict_proba",
)
def _read_mixture(step: SklearnStep) -> Made:
    fitted = step.estimator
    means = np.asarray(fitted.means_, np.float64)
    count = len(means)
    # With the mean itself as the row, what is left is the density's own constant.
    here = np.array(
        [fitted._estimate_weighted_log_prob(means[place : place + 1])[0, place] for place in range(count)]
    )
    outcome = Classified("joint", tuple(range(count)))
    factors = np.asarray(fitted.precisions_cholesky_, np.float64)
    kind = fitted.covariance_type
    if kind in ("diag", "spherical"):
        spread = np.broadcast_to(factors if kind == "diag" else factors[:, None], means.shape)
        return answering(
            step, GaussianBayes(Fitted(means), Fitted(1.0 / spread**2), Fitted(here), outcome, True)
        )
    turned = [factors if kind == "tied" else factors[place] for place in range(count)]
    axes = tuple(Fitted(factor.T) for factor in turned)
    return answering(step, Gaussians(Fitted(means), axes, Fitted(here), outcome))


@reads_sklearn(
    "discriminant_analysis.QuadraticDiscriminantAnalysis",
    ops=(Gaussians,),
    forms="all solvers",
)
def _read_quadratic(step: SklearnStep) -> Made:
    fitted = step.estimator
    outcome = classified(step, "posterior_sides" if len(fitted.classes_) == 2 else "posterior")
    axes, start = [], []
    for turned, spread, prior in zip(fitted.rotations_, fitted.scalings_, fitted.priors_, strict=True):
        axes.append(Fitted((turned * spread**-0.5).T))
        start.append(-0.5 * np.sum(np.log(spread)) + math.log(prior) if prior > 0.0 else -math.inf)
    return answering(step, Gaussians(Fitted(fitted.means_), tuple(axes), Fitted(start), outcome))


@reads_sklearn(
    "neighbors._nearest_centroid.NearestCentroid",
    ops=(GaussianBayes, Centres),
    forms="metric euclidean; manhattan where the classes' priors are equal",
)
def _read_centroids(step: SklearnStep) -> Made:
    fitted = step.estimator
    uniform = bool(np.isclose(fitted.class_prior_, 1 / len(fitted.classes_)).all())
    centres, metric = Fitted(fitted.centroids_), fitted.metric
    if metric not in ("euclidean", "manhattan") or (metric == "manhattan" and not uniform):
        raise step.refused(f"its metric is {metric} with priors that are {'' if uniform else 'not '}equal")
    nearest = Centres(centres, classified(step, "least"), metric)
    if metric == "manhattan":
        return answering(step, nearest)
    spread = np.where(fitted.within_class_std_dev_ == 0.0, 1.0, fitted.within_class_std_dev_)
    variances = Fitted(np.broadcast_to(spread**2 / 2.0, centres.shape))
    outcome = classified(step, "posterior_sides" if len(fitted.classes_) == 2 else "posterior")
    op = GaussianBayes(centres, variances, Fitted(2.0 * np.log(fitted.class_prior_)), outcome, True)
    if not uniform:
        return answering(step, op)
    # With equal priors, scikit-learn predicts by distances that are not scaled.
    decision, probability, prediction = answered(step, op.outputs)
    ops = (
        Lowered(op, step.inputs, (decision, probability, "")),
        Lowered(nearest, step.inputs, (prediction,)),
    )
    columns = {decision: "decision_function", probability: "predict_proba", prediction: "predict"}
    return Made(ops, columns)
