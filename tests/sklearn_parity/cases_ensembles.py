"""Predictors that are put together of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn import ensemble, multiclass
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor, Ridge, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.sklearn_parity.fitting import encoded
from tests.sklearn_parity.fitting import fitted as fitted_and_generated
from tests.sklearn_parity.harness import Case

SEED: dict[str, Any] = {"random_state": 1}


def fitted(estimator: Any, kind: str | None = None, **case: Any) -> Case:
    """Without rows made up for it: the members have theirs, and these here are slow."""
    return fitted_and_generated(estimator, kind, **{"generated": False, **case})


def cases() -> Iterator[Case]:
    yield from _votes()
    yield from _bags()
    yield from _stacks()
    yield from _calibrated()
    for kind in ("binary", "three"):
        for member in (
            LogisticRegression(max_iter=20),
            RidgeClassifier(),
            DecisionTreeClassifier(max_depth=2),
        ):
            yield fitted(multiclass.OneVsRestClassifier(member), kind)
        yield fitted(multiclass.OneVsOneClassifier(LogisticRegression(max_iter=20)), kind)
    yield fitted(multiclass.OneVsOneClassifier(GaussianNB()), "four")
    yield fitted(
        multiclass.OutputCodeClassifier(LogisticRegression(max_iter=20), code_size=1.0, random_state=3),
        "four",
    )
    for response, threshold in (("auto", "auto"), ("predict_proba", 0.3), ("decision_function", -0.5)):
        member = LogisticRegression(max_iter=20)
        yield fitted(FixedThresholdClassifier(member, threshold=threshold, response_method=response), "words")
    yield fitted(TunedThresholdClassifierCV(LogisticRegression(max_iter=20), cv=2, thresholds=3), "binary")
    yield fitted(SelfTrainingClassifier(GaussianNB()), "binary")
    yield fitted(RANSACRegressor(LinearRegression(), min_samples=10, **SEED))


def _members() -> list[tuple[str, Any]]:
    transformer = ColumnTransformer([("some", StandardScaler(), ["a", "c"])], remainder="passthrough")
    return [
        ("tree", DecisionTreeClassifier(max_depth=2)),
        ("piped", make_pipeline(transformer, LogisticRegression(max_iter=20))),
        ("gone", "drop"),
        ("searched", GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 0.1]}, cv=2)),
    ]


def _votes() -> Iterator[Case]:
    for voting in ("soft", "hard"):
        for weights in (None, [2.0, 0.5, 9.0, 1.0]):
            yield fitted(ensemble.VotingClassifier(_members(), voting=voting, weights=weights), "three")
    for weights in (None, [0.25, 3.0]):
        members = [("near", KNeighborsRegressor(3)), ("straight", make_pipeline(StandardScaler(), Ridge()))]
        yield fitted(ensemble.VotingRegressor(members, weights=weights))


def _bags() -> Iterator[Case]:
    few: dict[str, Any] = {"n_estimators": 4, "random_state": 1}
    yield fitted(ensemble.BaggingClassifier(max_features=0.5, **few), "words")
    yield fitted(ensemble.BaggingClassifier(RidgeClassifier(), **few), "binary")
    yield fitted(ensemble.BaggingRegressor(max_features=0.75, **few))
    yield encoded(ensemble.BaggingRegressor(Ridge(), max_features=0.6, **few))
    for kind in ("words", "three"):
        yield fitted(ensemble.AdaBoostClassifier(**few), kind)
    yield fitted(ensemble.AdaBoostClassifier(LogisticRegression(max_iter=20), **few), "four")
    yield fitted(ensemble.AdaBoostRegressor(**few))
    yield fitted(ensemble.AdaBoostRegressor(Ridge(), **few))


def _stacks() -> Iterator[Case]:
    members = [member for member in _members() if member[0] != "searched"]
    for kind in ("words", "three"):
        yield fitted(ensemble.StackingClassifier(members, cv=2), kind)
    final = DecisionTreeClassifier(max_depth=3)
    yield fitted(ensemble.StackingClassifier(members, final, cv=2, passthrough=True), "four")
    ridges = [("one", RidgeClassifier()), ("two", GaussianNB())]
    yield fitted(ensemble.StackingClassifier(ridges, cv=2, stack_method="predict"), "binary")
    numbers = [("straight", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2))]
    yield fitted(ensemble.StackingRegressor(numbers, Ridge(), cv=2, passthrough=True))


def _calibrated() -> Iterator[Case]:
    for method in ("sigmoid", "isotonic", "temperature"):
        for kind in ("words", "three"):
            yield fitted(CalibratedClassifierCV(LogisticRegression(max_iter=20), method=method, cv=2), kind)
            # Of a batch with a row whose probabilities do not add up to 1, scikit-learn takes no logarithms.
            near: dict[str, Any] = {"far": False} if method == "temperature" else {}
            yield fitted(CalibratedClassifierCV(GaussianNB(), method=method, cv=2), kind, **near)
    yield fitted(CalibratedClassifierCV(RidgeClassifier(), ensemble=False, cv=2), "flags")
