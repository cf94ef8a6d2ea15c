"""Trees, averaged and added up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier

from tests.sklearn_parity.fitting import (
    asked,
    classes,
    covered,
    encoded,
    fit,
    fitted,
    named,
    one_feature,
    target,
)
from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case

FEW: dict[str, Any] = {"n_estimators": 5, "random_state": 1}


def cases() -> Iterator[Case]:
    seed: dict[str, Any] = {"random_state": 1}
    for classifier in (
        *(tree.DecisionTreeClassifier(**seed), tree.DecisionTreeClassifier(max_leaf_nodes=5, **seed)),
        *(tree.ExtraTreeClassifier(**seed), ensemble.RandomForestClassifier(max_depth=4, **FEW)),
        ensemble.ExtraTreesClassifier(criterion="entropy", **FEW),
    ):
        for kind in ("words", "four"):
            yield fitted(classifier, kind)
        yield fitted(classifier, "three", nan=True)
    for regressor in (
        *(
            tree.DecisionTreeRegressor(**seed),
            tree.DecisionTreeRegressor(criterion="absolute_error", max_depth=3),
        ),
        *(tree.ExtraTreeRegressor(**seed), ensemble.RandomForestRegressor(criterion="poisson", **FEW)),
        ensemble.ExtraTreesRegressor(**FEW),
    ):
        yield _above_zero(regressor)
        yield _above_zero(regressor, nan=True)
    yield encoded(ensemble.RandomForestClassifier(**FEW), "three")
    yield one_feature(ensemble.RandomForestRegressor(**FEW))
    yield _near_thresholds()
    yield _monotonic()
    yield from _boosted()
    for forest in (
        ensemble.IsolationForest(**FEW),
        ensemble.IsolationForest(max_features=0.5, contamination=0.2, **FEW),
    ):
        yield _alone(forest)


def _boosted() -> Iterator[Case]:
    for loss, kind in (("log_loss", "words"), ("log_loss", "three"), ("exponential", "binary")):
        yield fitted(ensemble.GradientBoostingClassifier(loss=loss, max_depth=2, **FEW), kind)
    yield fitted(ensemble.GradientBoostingClassifier(init="zero", **FEW), "four")
    yield fitted(ensemble.GradientBoostingClassifier(init=DummyClassifier(strategy="prior"), **FEW), "binary")
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield fitted(ensemble.GradientBoostingRegressor(loss=loss, **FEW))
    yield fitted(ensemble.GradientBoostingRegressor(init="zero", **FEW))
    yield encoded(ensemble.GradientBoostingRegressor(**FEW))
    few: dict[str, Any] = {"max_iter": 5, "min_samples_leaf": 3, "random_state": 1}
    for nan in (False, True):
        for kind in ("words", "four"):
            yield fitted(ensemble.HistGradientBoostingClassifier(**few), kind, nan=nan)
        yield fitted(ensemble.HistGradientBoostingRegressor(**few), nan=nan)
    for loss in ("poisson", "gamma", "quantile", "absolute_error"):
        model = ensemble.HistGradientBoostingRegressor(
            loss=loss, quantile=0.3 if loss == "quantile" else None, **few
        )
        yield _above_zero(model)
    for flags in ([False, False, True, False], [True, False, True, False]):
        yield _categories(ensemble.HistGradientBoostingClassifier(categorical_features=flags, **few), "three")
    yield _categories(ensemble.HistGradientBoostingRegressor(categorical_features=[2], **few), None)


def _above_zero(estimator: Any, nan: bool = False) -> Case:
    def build() -> Any:
        frame = numbers(nan=nan)
        return estimator.fit(frame, np.abs(target(frame)) + 0.1), frame, asked()

    return Case(named(estimator, None, " of NaN" if nan else ""), covered(estimator), build)


def _near_thresholds() -> Case:
    """Rows at the thresholds, and next to them in both widths of numbers."""

    def build() -> Any:
        frame = numbers()
        model = tree.DecisionTreeRegressor().fit(frame, target(frame))
        cuts = [
            cut
            for cut, feature in zip(model.tree_.threshold, model.tree_.feature, strict=True)
            if feature >= 0
        ]
        near = [float(value) for cut in cuts[:6] for value in _around(float(cut))]
        near += [3.4028235677973362e38, 3.4028235677973366e38, -3.4028235677973366e38, 3.5e38]
        rows = pd.DataFrame([[value] * 4 for value in near], columns=list(frame.columns))
        return model, frame, rows

    return Case("DecisionTreeRegressor at its thresholds", ("DecisionTreeRegressor",), build)


def _around(cut: float) -> Iterator[float]:
    narrow = np.float32(cut)
    for one in (
        narrow,
        np.nextafter(narrow, np.float32(math.inf)),
        np.nextafter(narrow, np.float32(-math.inf)),
    ):
        middle = (float(narrow) + float(one)) / 2.0
        for value in (cut, float(one), middle):
            yield from (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf))


def _monotonic() -> Case:
    """Where NaN is refused, since the tree was grown under a constraint."""

    def build() -> Any:
        frame = numbers()
        model = tree.DecisionTreeRegressor(monotonic_cst=[1, 0, 0, -1], max_depth=3)
        return model.fit(frame, target(frame)), frame, asked()

    return Case("DecisionTreeRegressor with monotonic_cst", ("DecisionTreeRegressor",), build)


def _categories(estimator: Any, kind: str | None) -> Case:
    """Numbers that stand for categories, known and unknown ones, missing and negative ones."""

    def build() -> Any:
        frame = numbers(60)
        frame["a"] = frame["a"].round()
        frame.loc[::9, "c"] = math.nan
        model = estimator.fit(frame, target(frame) if kind is None else classes(frame, kind))
        odd = [0.0, -0.0, 1.0, 3.0, 7.0, 0.5, -1.0, 255.0, 256.0, 300.0, math.nan, math.inf, 1e300]
        rows = pd.DataFrame([[value, 0.1, value, 1.0] for value in odd], columns=list(frame.columns))
        return model, frame, pd.concat([rows, hostile()], ignore_index=True)

    return Case(named(estimator, kind), covered(estimator), build)


def _alone(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()
        return fit(estimator, frame, None), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
