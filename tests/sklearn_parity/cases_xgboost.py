"""XGBoost's estimators behind scikit-learn's steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor

from tests.sklearn_parity.fitting import asked, covered, fit, named, target
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case

FEW: dict[str, Any] = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1}


def cases() -> Iterator[Case]:
    for kind in ("binary", "three"):
        yield _case(XGBClassifier(**FEW), kind)
    yield _case(XGBClassifier(booster="dart", rate_drop=0.5, **FEW), "binary")
    yield _case(XGBRegressor(**FEW), None)
    yield _case(XGBRegressor(missing=-1.0, objective="count:poisson", **FEW), None)
    yield _case(XGBRegressor(booster="gblinear", n_estimators=3, n_jobs=1), None, bad=False)
    yield _encoded(XGBRegressor(**FEW))
    yield _ranked(XGBRanker(**FEW))


def _labels(frame: pd.DataFrame, kind: str | None) -> Any:
    """XGBoost takes classes by number."""
    if kind is None:
        return np.abs(target(frame))
    count = 2 if kind == "binary" else 3
    return np.argsort(np.argsort(target(frame))) * count // len(frame)


def _case(estimator: Any, kind: str | None, bad: bool = True) -> Case:
    def build() -> Any:
        frame = numbers(nan=bad)
        model = make_pipeline(StandardScaler(with_std=False), estimator)
        rows = asked()
        return (
            model.fit(frame, _labels(frame, kind)),
            frame,
            rows if bad else rows[rows.abs().max(axis=1) < 1e9],
        )

    return Case(named(estimator, kind), covered(estimator), build, within=1e30 if bad else 1e9, generated=bad)


def _encoded(estimator: Any) -> Case:
    """Of a sparse matrix, whose absent entries are missing."""

    def build() -> Any:
        frame = numbers()[["c", "b"]]
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), estimator)
        rows = asked(("c", "b"))
        return fit(model, frame, None), frame, rows.mask(rows.isin([math.inf, -math.inf]), 7.0)

    return Case(named(estimator, None, " of a sparse matrix"), covered(estimator), build, generated=False)


def _ranked(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()
        model = make_pipeline(StandardScaler(), estimator)
        groups = {"xgbranker__qid": np.repeat(np.arange(4), 10)}
        return model.fit(frame, _labels(frame, "three"), **groups), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
