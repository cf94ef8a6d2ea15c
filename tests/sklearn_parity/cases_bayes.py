"""Naive Bayes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from sklearn import naive_bayes as bayes

from tests.sklearn_parity.fitting import asked, classes, covered, encoded, fitted, named, one_feature
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for kind in ("words", "three"):
        yield fitted(bayes.GaussianNB(), kind)
        for estimator in (
            bayes.MultinomialNB(),
            bayes.ComplementNB(norm=True),
            bayes.MultinomialNB(fit_prior=False),
        ):
            yield _counts(estimator, kind)
            yield encoded(estimator, kind)
        for threshold in (0.0, 1.5, None):
            yield _counts(bayes.BernoulliNB(binarize=threshold), kind)
        yield encoded(bayes.BernoulliNB(), kind)
        yield _categories(bayes.CategoricalNB(), kind)
        yield _categories(bayes.CategoricalNB(min_categories=6, alpha=1e-10), kind)
    yield one_feature(bayes.GaussianNB(priors=[0.9, 0.1]), "flags")


def _counts(estimator: Any, kind: str) -> Case:
    def build() -> Any:
        frame = numbers(positive=True)
        return estimator.fit(frame, classes(frame, kind)), frame, asked()

    return Case(named(estimator, kind), covered(estimator), build)


def _categories(estimator: Any, kind: str) -> Case:
    """Whole numbers, fractions of them, and such as were not there."""

    def build() -> Any:
        frame = numbers()[["c", "a"]].assign(a=lambda made: made["a"].clip(0, 4).round())
        model = estimator.fit(frame, classes(frame, kind))
        rows = pd.DataFrame(
            {"c": [0.0, 3.0, 1.9, -0.5, 4.0, 5.0, -1.0], "a": [4.0, -0.0, 2.2, 0.0, 1.0, 9.0, 0.0]}
        )
        return model, frame, pd.concat([rows, asked(("c", "a"))], ignore_index=True)

    return Case(named(estimator, kind), covered(estimator), build, within=1e15)
