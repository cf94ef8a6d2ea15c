"""Mixtures, discriminants, centroids, and predictions that hardly look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from tests.sklearn_parity.fitting import asked, covered, encoded, fit, fitted, named
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for covariance in ("full", "tied", "diag", "spherical"):
        yield _alone(
            GaussianMixture(2, covariance_type=covariance, reg_covar=0.1, max_iter=9, random_state=1)
        )
    yield _alone(BayesianGaussianMixture(n_components=3, reg_covar=0.1, max_iter=9, random_state=1))
    yield _alone(BayesianGaussianMixture(n_components=2, covariance_type="diag", max_iter=9, random_state=1))
    for kind in ("words", "three"):
        yield fitted(QuadraticDiscriminantAnalysis(reg_param=0.2), kind)
        # scikit-learn refuses what overflows when it is divided by the spread; such a decision is NaN here.
        yield fitted(NearestCentroid(), kind, far=False, within=1e100)
        yield fitted(NearestCentroid(priors="empirical", shrink_threshold=0.2), kind, far=False, within=1e100)
    yield fitted(QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.3), "four")
    yield fitted(NearestCentroid(metric="manhattan"), "words")
    yield encoded(NearestCentroid(), "words")
    for strategy, constant in (("prior", None), ("most_frequent", None), ("constant", "a")):
        yield fitted(DummyClassifier(strategy=strategy, constant=constant), "three")
    for strategy in ("mean", "median"):
        yield fitted(DummyRegressor(strategy=strategy))
    for bounds in ("nan", "clip", "raise"):
        yield _scaled(IsotonicRegression(out_of_bounds=bounds))
    yield _scaled(IsotonicRegression(increasing=False, y_min=0.1))


def _scaled(estimator: Any) -> Case:
    """Behind a scaler, since by itself it does not remember its features."""

    def build() -> Any:
        frame = numbers()[["a"]]
        return fit(make_pipeline(MaxAbsScaler(), estimator), frame, None), frame, asked(("a",))

    return Case(named(estimator, None), covered(estimator), build)


def _alone(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()
        return fit(estimator, frame, None), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
