"""Powers, quantiles and numpy's functions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, QuantileTransformer

from skewless.ops.sklearn.functions import FUNCTIONS
from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    varied = ["a", "c", "d"]
    for standardize in (False, True):
        yield _case(PowerTransformer(standardize=standardize), numbers()[varied])
        yield _case(PowerTransformer(standardize=standardize), numbers(nan=True)[varied], " of NaN")
        positive = numbers(positive=True)[varied]
        yield _case(PowerTransformer("box-cox", standardize=standardize), positive, "", _positive())
    for output in ("uniform", "normal"):
        for count in (40, 7):
            yield _case(QuantileTransformer(n_quantiles=count, output_distribution=output), numbers())
        nan = QuantileTransformer(n_quantiles=10, output_distribution=output)
        yield _case(nan, numbers(nan=True), " of NaN")
    yield _case(FunctionTransformer(), numbers())
    for name in sorted(set(FUNCTIONS) - {"clip", "identity"}):
        yield _case(FunctionTransformer(getattr(np, name)), numbers(), f" {name}")
    yield _case(FunctionTransformer(np.log1p, validate=True), numbers(), " validated")
    for options in ({"a_min": 0.0, "a_max": 1.5}, {"a_min": None, "a_max": -0.0}, {"min": 2, "max": 3}):
        yield _case(FunctionTransformer(np.clip, kw_args=options), numbers(), f" {options}")


def _positive() -> pd.DataFrame:
    rows = [[0.5, 1.0, 1e-300], [1e300, 5e-324, 2.0], [math.nan, 1.0, 3.0], [0.0, 1.0, 1.0], [-1.0, 1.0, 1.0]]
    return pd.DataFrame(rows, columns=["a", "c", "d"])


def _case(estimator: Any, frame: pd.DataFrame, note: str = "", rows: pd.DataFrame | None = None) -> Case:
    def build() -> Any:
        model = estimator.fit(frame)
        return model, frame, hostile(list(frame.columns)) if rows is None else rows

    name = type(estimator).__name__
    given = {key: getattr(value, "__name__", value) for key, value in estimator.get_params().items()}
    return Case(f"{name} {given}{note}", (name,), build)
