"""Encoders of categories."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from tests.sklearn_parity.harness import Case


def frame(missing: Any = math.nan) -> pd.DataFrame:
    """Strings (empty, not ASCII, with missing ones), floats, whole numbers and booleans."""
    rows = 30
    text = ["red", "", "größer", "日本", "red", missing, "blue"]
    return pd.DataFrame(
        {
            "text": [text[row % len(text)] for row in range(rows)],
            "float": [(0.5, -2.0, 0.0, math.nan)[row % 4] for row in range(rows)],
            "whole": [(3, -1, 2**40, 7, 3)[row % 5] for row in range(rows)],
            "flag": [row % 3 == 0 for row in range(rows)],
        }
    )


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": ["red", "Red", "red ", "", math.nan, "größer", "e\u0301", "blue", "blue", "日本"],
            "float": [0.5, -0.0, 5e-324, math.nan, -2.0, 1e300, math.inf, -math.inf, 0.5, 0.0],
            "whole": [3, 0, 2**40, 2**40 + 1, -1, 7, 3, 3, -(2**62), 7],
            "flag": [True, False] * 5,
        }
    )


def plain() -> pd.DataFrame:
    """Without missing values."""
    made = frame("none")
    made["float"] = made["float"].fillna(9.0)
    return made


def cases() -> Iterator[Case]:
    for encoder in (
        OneHotEncoder(),
        OneHotEncoder(sparse_output=False),
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.int8),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=8),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
        OneHotEncoder(handle_unknown="infrequent_if_exist"),
        OneHotEncoder(handle_unknown="ignore", min_frequency=8),
        OneHotEncoder(handle_unknown="warn", min_frequency=0.2),
        OneHotEncoder(drop="first"),
        OneHotEncoder(drop="first", handle_unknown="ignore"),
        OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        OneHotEncoder(drop="first", handle_unknown="infrequent_if_exist", max_categories=3),
        OneHotEncoder(drop=["red", 0.5, 7, True], handle_unknown="ignore"),
        OneHotEncoder(drop="first", min_frequency=8),
        OrdinalEncoder(),
        OrdinalEncoder(encoded_missing_value=-2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=math.nan, encoded_missing_value=-9),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=99, max_categories=3),
        OrdinalEncoder(min_frequency=8),
    ):
        yield _case(encoder, frame())
    yield _case(OrdinalEncoder(dtype=np.int64), plain(), " of whole numbers")
    yield _case(OneHotEncoder(handle_unknown="ignore"), plain(), " without missing values")
    yield _case(OneHotEncoder(handle_unknown="ignore"), frame(None), " of None")
    categories = [["blue", "red", ""], [-2.0, 0.0, 0.5], [-1, 3], [False, True]]
    yield _case(
        OneHotEncoder(categories=categories, handle_unknown="ignore"), plain(), " of given categories"
    )
    yield _case(_wide(), pd.DataFrame({"id": [f"k{n}" for n in range(1100)]}), " of many categories")
    for target in ("continuous", "binary", "multiclass"):
        for smooth in ("auto", 3.0):
            yield _target(TargetEncoder(target_type=target, smooth=smooth, random_state=1))


def _wide() -> Any:
    return OneHotEncoder(handle_unknown="ignore")


def _case(encoder: Any, given: pd.DataFrame, note: str = "") -> Case:
    def build() -> Any:
        names = list(given.columns)
        made = rows()[names] if "text" in names else pd.DataFrame({"id": ["k1099", "k0", "", math.nan, "k"]})
        if note == " of None":
            made = made.replace({"text": {math.nan: None}})
        return encoder.fit(given), given, made

    return Case(f"{type(encoder).__name__} {encoder.get_params()}{note}", (type(encoder).__name__,), build)


def _target(encoder: Any) -> Case:
    def build() -> Any:
        given = frame()
        y = {"continuous": np.arange(30) ** 1.5, "binary": np.arange(30) % 2, "multiclass": np.arange(30) % 3}
        return encoder.fit(given, y[encoder.target_type]), given, rows()

    return Case(f"{encoder!r}", ("TargetEncoder",), build)
