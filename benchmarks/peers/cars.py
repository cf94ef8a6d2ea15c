"""The car pipeline as users of scikit-learn and XGBoost build it, from the recipe. No Skewless here."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier


class Cars:
    """Fitted on what the recipe has, with the very trees that Skewless serves."""

    def __init__(self, work: str | Path) -> None:
        self.folder = Path(work) / "cars"
        recipe = json.loads((self.folder / "recipe.json").read_text())
        self.columns: list[str] = recipe["columns"]
        self.values: list[list[str]] = recipe["values"]
        self.labels: list[str] = recipe["labels"]
        self.rows: list[list[str]] = recipe["rows"]

    @cached_property
    def encoder(self) -> Any:
        """One-hot, the last category by zeros as the bundle has it: as one not known, which converts to fewer nodes."""
        known = [values[:-1] for values in self.values]
        encoder = OneHotEncoder(
            categories=known, handle_unknown="ignore", sparse_output=False, dtype=np.float32
        )
        return encoder.fit(np.array(self.rows, object))

    @cached_property
    def model(self) -> Any:
        """The forest."""
        model = XGBClassifier(n_jobs=1)
        model.load_model(self.folder / "xgb.json")
        return model

    @cached_property
    def pipeline(self) -> Any:
        """Both, as one pipeline of scikit-learn."""
        return Pipeline([("features", self.encoder), ("model", self.model)])

    def label(self, row: list[str]) -> str:
        """What the pipeline answers for one car."""
        return self.labels[int(self.pipeline.predict(np.array([row], object))[0])]

    @cached_property
    def features(self) -> Any:
        """What the model gets, for all rows."""
        return self.encoder.transform(np.array(self.rows, object))
