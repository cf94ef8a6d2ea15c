"""Linear models: weights times features plus an intercept, and what scikit-learn makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, register
from skewless.ops.sklearn.numbers import EPSILON, WHY_NOT_BITS, Fitted, dots, rounding, row_dots
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import Predictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector

_SEVERAL: Final = "it predicts several outputs at once"
ONE_EACH: Final = "Fit one model for each output."


@register
@dataclass(frozen=True)
class Linear(Predictor):
    """Weights times features, plus the intercepts.

    A ``center`` is taken off the features first; of a ``threshold`` counts whether they are above it.
    Source: sklearn.linear_model's LinearModel and LinearClassifierMixin.
    """

    name: ClassVar[str] = "sklearn_linear"
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    weights: Fitted
    intercepts: Fitted
    outcome: Outcome
    center: Fitted | None = None
    threshold: float | None = None

    @property
    def features(self) -> int:
        return self.weights.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome = decode_outcome(attributes)
        weights = Fitted.decode(attributes, "weights", outcome.width, None)
        intercepts = Fitted.decode(attributes, "intercepts", outcome.width)
        centered = "center" in attributes
        center = Fitted.decode(attributes, "center", weights.shape[1]) if centered else None
        threshold = attributes.double("threshold") if "threshold" in attributes else None
        return cls(weights, intercepts, outcome, center, threshold)

    def encode(self) -> Mapping[str, Value]:
        center = {} if self.center is None else self.center.encode("center")
        return {
            **self.weights.encode("weights"),
            **self.intercepts.encode("intercepts"),
            **self.outcome.encode(),
            **center,
            **({} if self.threshold is None else {"threshold": spec.double(self.threshold)}),
        }

    def scores(self, column: Column) -> Numbers:
        return dots(self._prepared(column), self.weights) + self.intercepts.values

    def _prepared(self, column: Column) -> Column:
        if self.center is not None:
            return Column(column.type, column.dense() - self.center.values)
        if self.threshold is not None:
            return Column(column.type, (column.dense() > self.threshold).astype(np.float64))
        return column

    def score(self) -> RowScore:
        dot, intercepts, threshold = row_dots(self.weights), self.intercepts.lists, self.threshold
        center = None if self.center is None else self.center.lists

        def score(row: Vector) -> list[float]:
            if center is not None:
                row = [value - middle for value, middle in zip(dense_row(row), center, strict=True)]
            elif threshold is not None:
                row = [1.0 if value > threshold else 0.0 for value in dense_row(row)]
            return [total + start for total, start in zip(dot(row), intercepts, strict=True)]

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        largest = np.abs(self.intercepts.values).max(initial=0.0)
        made: Numbers = rounding(self._prepared(column), self.weights, given) + EPSILON * largest
        return made

    @classmethod
    def examples(cls) -> Iterable[Example]:
        weights = np.array(
            [[0.3, -0.0, 1e-3, 2.0, -1.0], [5e-324, 0.1, -0.7, 0.0, 3.0], [1.0, 2.0, 3.0, -4.0, 0.5]]
        )
        starts = np.array([0.25, -0.0, 1.0])
        names = ("ü", "", "b")
        for column in hostile(5):
            for kind in ("side", "sigmoid", "huber", "boosted", "exponential", "samme", "at_least"):
                outcome = Classified(kind, (False, True))
                yield Example(cls(Fitted(weights[:1]), Fitted(starts[:1]), outcome), (column,))
            for kind in (
                "largest",
                "softmax",
                "one_vs_rest",
                "huber_shares",
                "joint",
                "posterior",
                "least",
                "winner",
            ):
                yield Example(cls(Fitted(weights), Fitted(starts), Classified(kind, names)), (column,))
            for kind in ("samme_classes", "posterior_sides"):
                outcome = Classified(kind, (1, 2))
                yield Example(cls(Fitted(weights[:2]), Fitted(starts[:2]), outcome), (column,))
            yield Example(
                cls(Fitted(weights[2:]), Fitted(starts[2:]), Valued(), Fitted(weights[0])), (column,)
            )
            yield Example(cls(Fitted(weights[1:2]), Fitted(starts[1:2]), Valued("exp")), (column,))
            for threshold in (0.0, -0.3):
                op = cls(Fitted(weights), Fitted(starts), Classified("joint", names), None, threshold)
                yield Example(op, (column,))


def single(step: SklearnStep, values: Any, rows: int = 1) -> Fitted:
    """Weights as so many rows. UnsupportedError where there are more, one for each output."""
    found = np.atleast_2d(np.asarray(values.toarray() if hasattr(values, "toarray") else values, np.float64))
    if len(found) != rows:
        raise step.refused(_SEVERAL, ONE_EACH)
    return Fitted(found)


def started(step: SklearnStep, rows: int) -> Fitted:
    """As many intercepts; scikit-learn has a single zero where none was fitted."""
    found = np.ravel(np.asarray(step.estimator.intercept_, np.float64))
    return Fitted(np.broadcast_to(found, (rows,)) if len(found) == 1 else found)


def of_classes(step: SklearnStep, sides: str, many: str) -> Linear:
    """A classifier with one row of weights for two classes, or one for each."""
    outcome = classified(step, sides if len(step.estimator.classes_) == 2 else many)
    weights = single(step, step.estimator.coef_, outcome.width)
    return Linear(weights, started(step, outcome.width), outcome)


_REGRESSORS: Final = (
    *(
        "_base.LinearRegression",
        "_ridge.Ridge",
        "_ridge.RidgeCV",
        "_bayes.BayesianRidge",
        "_bayes.ARDRegression",
    ),
    *(f"_coordinate_descent.{name}" for name in ("Lasso", "LassoCV", "ElasticNet", "ElasticNetCV")),
    *(f"_least_angle.{name}" for name in ("Lars", "LarsCV", "LassoLars", "LassoLarsCV", "LassoLarsIC")),
    *("_omp.OrthogonalMatchingPursuit", "_omp.OrthogonalMatchingPursuitCV", "_huber.HuberRegressor"),
    *("_theil_sen.TheilSenRegressor", "_quantile.QuantileRegressor", "_stochastic_gradient.SGDRegressor"),
    "_passive_aggressive.PassiveAggressiveRegressor",
)


@reads_sklearn(
    *(f"linear_model.{name}" for name in _REGRESSORS),
    "svm._classes.LinearSVR",
    ops=(Linear,),
    forms="predict of one output, without return_std",
)
def _read_regressor(step: SklearnStep) -> Made:
    return answering(step, Linear(single(step, step.estimator.coef_), started(step, 1), Valued()))


@reads_sklearn(
    *(f"linear_model._glm.glm.{name}" for name in ("TweedieRegressor", "PoissonRegressor", "GammaRegressor")),
    ops=(Linear,),
    forms="links identity and log",
)
def _read_generalized(step: SklearnStep) -> Made:
    link = type(step.estimator._base_loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise step.refused(f"its link is {link}")
    outcome = Valued("exp" if link == "LogLink" else "identity")
    return answering(step, Linear(single(step, step.estimator.coef_), started(step, 1), outcome))


@reads_sklearn("cross_decomposition._pls.PLSRegression", ops=(Linear,), forms="predict of one output")
def _read_pls(step: SklearnStep) -> Made:
    weights = single(step, step.estimator.coef_)
    center = Fitted(np.ravel(step.estimator._x_mean))
    return answering(step, Linear(weights, started(step, 1), Valued(), center))


@reads_sklearn(
    "linear_model._logistic.LogisticRegression",
    "linear_model._logistic.LogisticRegressionCV",
    "discriminant_analysis.LinearDiscriminantAnalysis",
    ops=(Linear,),
    forms="two classes or more",
)
def _read_logistic(step: SklearnStep) -> Made:
    return answering(step, of_classes(step, "sigmoid", "softmax"))


@reads_sklearn(
    "linear_model._ridge.RidgeClassifier",
    "linear_model._ridge.RidgeClassifierCV",
    "linear_model._perceptron.Perceptron",
    "linear_model._passive_aggressive.PassiveAggressiveClassifier",
    "svm._classes.LinearSVC",
    ops=(Linear,),
    forms="two classes or more; not several labels a row",
)
def _read_margins(step: SklearnStep) -> Made:
    if getattr(step.estimator, "_label_binarizer", None) is not None:
        kind = str(step.estimator._label_binarizer.y_type_)
        if kind.startswith("multilabel"):
            raise step.refused("it predicts several labels for a row", ONE_EACH)
    return answering(step, of_classes(step, "side", "largest"))


@reads_sklearn(
    "linear_model._stochastic_gradient.SGDClassifier",
    ops=(Linear,),
    forms="all losses, with probabilities for log_loss and modified_huber",
)
def _read_sgd(step: SklearnStep) -> Made:
    kinds = {"log_loss": ("sigmoid", "one_vs_rest"), "modified_huber": ("huber", "huber_shares")}
    return answering(step, of_classes(step, *kinds.get(step.estimator.loss, ("side", "largest"))))


@reads_sklearn(
    "linear_model._stochastic_gradient.SGDOneClassSVM",
    ops=(Linear,),
    forms="predict and decision_function",
)
def _read_one_class(step: SklearnStep) -> Made:
    outcome = Classified("at_least", (-1, 1))
    offset = Fitted(-np.ravel(step.estimator.offset_))
    return answering(step, Linear(single(step, step.estimator.coef_), offset, outcome))
