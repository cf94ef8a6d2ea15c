"""Bins, norms, products and selectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for encode in ("ordinal", "onehot", "onehot-dense"):
        for strategy in ("uniform", "quantile", "kmeans"):
            bins = KBinsDiscretizer(
                3, encode=encode, strategy=strategy, quantile_method="averaged_inverted_cdf", random_state=0
            )
            yield _case(bins, numbers()[["a", "c", "d"]])
    for threshold in (0.0, 0.1, -2.5):
        yield _case(Binarizer(threshold=threshold), numbers())
    for norm in ("l1", "l2", "max"):
        yield _case(Normalizer(norm=norm), numbers())
        yield _case(Normalizer(norm=norm), _wide())
        yield _sparse(Normalizer(norm=norm))
    yield _sparse(Binarizer(threshold=0.5))
    for options in (
        {},
        {"degree": 3},
        {"degree": 4, "interaction_only": True},
        {"degree": (2, 3), "include_bias": False},
        {"degree": (2, 3), "interaction_only": True},
        {"degree": 1, "include_bias": False},
        {"degree": 0},
        {"degree": (0, 2), "order": "F"},
    ):
        yield _case(PolynomialFeatures(**options), numbers())
    yield _sparse(PolynomialFeatures())
    yield _sparse(PolynomialFeatures(interaction_only=True, include_bias=False))
    yield from _selectors()


def _wide() -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(random.normal(size=(20, 300)), columns=[f"f{slot}" for slot in range(300)])


def _case(estimator: Any, frame: pd.DataFrame) -> Case:
    def build() -> Any:
        names = list(frame.columns)
        return estimator.fit(frame), frame, hostile(names)

    return Case(
        f"{estimator!r} of {frame.shape[1]}",
        (type(estimator).__name__,),
        build,
        generated=len(frame.columns) < 9,
    )


def _sparse(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()[["c", "b"]]
        model = make_pipeline(
            OneHotEncoder(handle_unknown="ignore"), StandardScaler(with_mean=False), estimator
        )
        return model.fit(frame), frame, hostile(("c", "b"))

    return Case(f"{estimator!r} of a sparse matrix", (type(estimator).__name__,), build)


def _selectors() -> Iterator[Case]:
    forest = RandomForestClassifier(4, random_state=0)
    for selector in (
        VarianceThreshold(),
        SelectKBest(k=2),
        SelectPercentile(percentile=60),
        SelectFpr(alpha=0.9),
        SelectFdr(alpha=0.9),
        SelectFwe(alpha=0.9),
        GenericUnivariateSelect(mode="k_best", param=1),
        SelectFromModel(LogisticRegression()),
        SelectFromModel(forest, threshold="median"),
        SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
        RFE(LogisticRegression(), n_features_to_select=2),
        RFECV(LogisticRegression(), cv=2),
    ):
        yield _selected(selector)


def _selected(selector: Any) -> Case:
    """Before a scaler, so that it is no last step."""

    def build() -> Any:
        frame = numbers()
        target = (frame["a"] + frame["d"] > 4.0).astype(int)
        with np.errstate(all="ignore"):
            model = make_pipeline(selector, Binarizer(threshold=1.0)).fit(frame, target)
        return model, frame, hostile()

    return Case(f"{selector!r}", (type(selector).__name__,), build)
