"""Support vector machines and neural networks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from tests.sklearn_parity.fitting import asked, covered, encoded, fitted, named, one_feature
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        for kind in ("words", "four"):
            yield fitted(SVC(kernel=kernel, max_iter=300), kind)
        yield fitted(SVR(kernel=kernel, max_iter=300))
    yield fitted(SVC(decision_function_shape="ovo"), "four")
    yield fitted(SVC(break_ties=True), "three")
    yield fitted(SVC(gamma=0.01, coef0=1.0, degree=2, kernel="poly", max_iter=300), "flags")
    for kind in ("binary", "three"):
        yield fitted(SVC(probability=True, random_state=1), kind)
        yield fitted(NuSVC(nu=0.2), kind)
    yield fitted(NuSVR())
    yield fitted(OneClassSVM())
    yield one_feature(SVC(), "words")
    yield encoded(SVC(probability=True, random_state=1), "three")
    yield encoded(SVR())
    yield encoded(OneClassSVM(kernel="linear"))
    yield from _networks()


def _networks() -> Iterator[Case]:
    for activation in ("identity", "logistic", "tanh", "relu"):
        layers: dict[str, Any] = {"activation": activation, "max_iter": 5, "random_state": 1}
        yield fitted(MLPClassifier((4, 3), **layers), "words")
        yield fitted(MLPClassifier((5,), **layers), "three")
        yield fitted(MLPRegressor(hidden_layer_sizes=(4,), **layers))
    yield fitted(MLPRegressor(hidden_layer_sizes=(), max_iter=5, random_state=1))
    yield encoded(MLPClassifier((4,), max_iter=5, random_state=1), "four")
    yield _poisson(MLPRegressor(hidden_layer_sizes=(3,), loss="poisson", max_iter=5, random_state=1))


def _poisson(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return estimator.fit(frame, frame["c"] + 0.5), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
