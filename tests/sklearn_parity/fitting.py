"""Predictors fitted on small frames, with the rows that they are asked about."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.sklearn_parity.frames import NAMES, hostile, numbers
from tests.sklearn_parity.harness import Case

LABELS: Final[dict[str, Sequence[Any]]] = {
    "binary": (0, 1),
    "flags": (False, True),
    "words": ("no", "ü"),
    "floats": (-1.0, 2.0),
    "three": ("", "a", "日本"),
    "four": (-7, 0, 3, 2**40),
}


def target(frame: pd.DataFrame) -> Any:
    """A number for each row, that has to do with its columns."""
    noise = np.random.default_rng(3).normal(0.0, 0.3, len(frame))
    columns = frame.fillna(0.0).to_numpy()
    return columns[:, 0] - 0.5 * columns[:, -1].clip(-5, 5) + noise


def classes(frame: pd.DataFrame, kind: str) -> Any:
    """As many classes as the kind has, each of them there."""
    labels = LABELS[kind]
    ranks = np.argsort(np.argsort(target(frame)))
    return np.array(labels)[ranks * len(labels) // len(frame)]


def tame(names: Sequence[str] = NAMES) -> pd.DataFrame:
    """Rows near the fitted ones and between them, where predictions differ."""
    random = np.random.default_rng(11)
    rows = random.normal(2.0, 3.0, (7, len(names)))
    rows[::3] = rows[::3].round()
    return pd.DataFrame(rows, columns=list(names))


def asked(names: Sequence[str] = NAMES, *, far: bool = True) -> pd.DataFrame:
    """Rows to predict: tame and hostile ones."""
    return pd.concat([tame(names), hostile(names)] if far else [tame(names)], ignore_index=True)


def fitted(
    estimator: Any,
    kind: str | None = None,
    *,
    nan: bool = False,
    far: bool = True,
    rows: int = 40,
    **case: Any,
) -> Case:
    """A case of an estimator over dense numbers: of a kind of classes, or else of numbers."""

    def build() -> Any:
        frame = numbers(rows, nan=nan)
        return fit(estimator, frame, kind), frame, asked(far=far)

    return Case(named(estimator, kind, " of NaN" if nan else ""), covered(estimator), build, **case)


def one_feature(estimator: Any, kind: str | None = None, **case: Any) -> Case:
    """The same over a single column."""

    def build() -> Any:
        frame = numbers()[["a"]]
        return fit(estimator, frame, kind), frame, asked(("a",))

    return Case(named(estimator, kind, " of one feature"), covered(estimator), build, **case)


def encoded(estimator: Any, kind: str | None = None, **case: Any) -> Case:
    """The same over a sparse matrix, which an encoder makes."""

    def build() -> Any:
        frame = numbers()[["c", "b"]]
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), estimator)
        return fit(model, frame, kind), frame, asked(("c", "b"))

    return Case(named(estimator, kind, " of a sparse matrix"), covered(estimator), build, **case)


def fit(estimator: Any, frame: pd.DataFrame, kind: str | None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(frame, target(frame) if kind is None else classes(frame, kind))


def covered(estimator: Any) -> tuple[str, ...]:
    return (type(estimator).__name__,)


def named(estimator: Any, kind: str | None, *more: str) -> str:
    """A case's name: the estimator in one line."""
    text = re.sub(r"\s+", " ", repr(estimator))
    return f"{text[:120]}{f' of {kind}' if kind else ''}{''.join(more)}"


def quiet(kind: Any, **parameters: Any) -> Any:
    """An estimator of a class that will be gone, of which scikit-learn warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**parameters)
