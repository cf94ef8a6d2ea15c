"""Missing values, filled in and marked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    empty = numbers(nan=True).assign(b=math.nan)
    for options in (
        {},
        {"strategy": "median"},
        {"strategy": "most_frequent"},
        {"strategy": "constant"},
        {"strategy": "constant", "fill_value": -7.5},
        {"add_indicator": True},
        {"missing_values": 0.0},
        {"missing_values": 0.0, "add_indicator": True, "strategy": "median"},
    ):
        given = numbers() if "missing_values" in options else numbers(nan=True)
        yield _case(SimpleImputer(**options), given, hostile())
    yield _case(SimpleImputer(), empty, hostile(), " of an empty column")
    yield _case(
        SimpleImputer(keep_empty_features=True, add_indicator=True), empty, hostile(), " of an empty column"
    )
    for options in (
        {},
        {"features": "all"},
        {"error_on_new": False},
        {"missing_values": 0.0, "error_on_new": False},
        {"missing_values": 0.0},
    ):
        given = numbers() if "missing_values" in options else numbers(nan=True)
        yield _case(MissingIndicator(**options), given, hostile())
    for options in (
        {"strategy": "most_frequent"},
        {"strategy": "constant"},
        {"strategy": "constant", "fill_value": "größer"},
        {"strategy": "most_frequent", "missing_values": ""},
    ):
        absent = options.get("missing_values", math.nan)
        imputer = SimpleImputer(**options)
        model = make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"))
        yield _case(model, _texts(absent), _texts(absent), f" {imputer!r}")


def _texts(absent: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": ["a", absent, "日本", "a", "b"], "y": ["", "u", absent, "u", "U"]}).astype(
        object
    )


def _case(model: Any, frame: pd.DataFrame, rows: pd.DataFrame, note: str = "") -> Case:
    first = model[0] if hasattr(model, "steps") else model
    name = repr(model) if model is first else "make_pipeline"
    return Case(f"{name}{note}", (type(first).__name__,), lambda: (model.fit(frame), frame, rows))
