"""Linear regressors and classifiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import linear_model as linear
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.svm import LinearSVC, LinearSVR

from tests.sklearn_parity.fitting import asked, covered, encoded, fitted, named, one_feature, quiet
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for regressor in (
        *(linear.LinearRegression(), linear.LinearRegression(fit_intercept=False)),
        *(linear.Ridge(), linear.RidgeCV(), linear.Lasso(0.1), linear.LassoCV(alphas=3, cv=2)),
        *(linear.ElasticNet(0.1), linear.ElasticNetCV(alphas=3, cv=2), linear.Lars(), linear.LarsCV(cv=2)),
        *(linear.LassoLars(0.1), linear.LassoLarsCV(cv=2), linear.LassoLarsIC(), linear.BayesianRidge()),
        *(
            linear.ARDRegression(),
            linear.OrthogonalMatchingPursuit(),
            linear.OrthogonalMatchingPursuitCV(cv=2),
        ),
        *(linear.HuberRegressor(max_iter=9), linear.TheilSenRegressor(max_subpopulation=50, random_state=1)),
        *(
            linear.QuantileRegressor(),
            linear.SGDRegressor(max_iter=5, random_state=1),
            LinearSVR(max_iter=50),
        ),
        *(quiet(linear.PassiveAggressiveRegressor, max_iter=3, random_state=1), PLSRegression(2)),
    ):
        yield fitted(regressor)
    yield one_feature(linear.LinearRegression())
    yield one_feature(PLSRegression(1))
    yield encoded(linear.Ridge())
    for estimator in (
        linear.PoissonRegressor(),
        linear.GammaRegressor(),
        linear.TweedieRegressor(power=0.0),
        linear.TweedieRegressor(power=1.5),
        linear.TweedieRegressor(power=0.0, link="log"),
    ):
        yield _positive(estimator)
    for classifier in _classifiers():
        for kind in ("binary", "three"):
            yield fitted(classifier, kind)
    for kind in ("flags", "words", "floats", "four"):
        yield fitted(linear.LogisticRegression(max_iter=20), kind)
    yield one_feature(linear.LogisticRegression(), "words")
    yield encoded(linear.LogisticRegression(), "three")
    yield encoded(linear.SGDClassifier(loss="log_loss", random_state=1), "binary")
    yield _alone(linear.SGDOneClassSVM(random_state=1))


def _classifiers() -> Iterator[Any]:
    yield linear.LogisticRegression(max_iter=20)
    yield linear.LogisticRegression(max_iter=20, C=1e6, fit_intercept=False)
    yield linear.LogisticRegressionCV(Cs=2, cv=2, max_iter=20, use_legacy_attributes=False, l1_ratios=(0.0,))
    yield linear.RidgeClassifier()
    yield linear.RidgeClassifierCV()
    for loss in ("hinge", "log_loss", "modified_huber", "squared_error"):
        yield linear.SGDClassifier(loss=loss, max_iter=5, random_state=1)
    yield linear.Perceptron(max_iter=5, random_state=1)
    yield quiet(linear.PassiveAggressiveClassifier, max_iter=5, random_state=1)
    yield LinearSVC(max_iter=50)
    yield LinearDiscriminantAnalysis()
    yield LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _positive(estimator: Any) -> Case:
    """Fitted on numbers above zero."""

    def build() -> Any:
        frame = numbers(positive=True)
        return estimator.fit(frame, np.abs(frame["a"]) + 0.5), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)


def _alone(estimator: Any) -> Case:
    """Fitted without a target."""

    def build() -> Any:
        frame = numbers()
        return estimator.fit(frame), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
