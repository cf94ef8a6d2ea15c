"""The pipeline of 13 fields, as peers do it: ``python -m benchmarks.peers.mixed_row FOLDER onnx|scikit``.

The linear model takes its numbers from the recipe; the forest is the one that ours was made of.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.peers.onnx_cars import session_of
from benchmarks.peers.rounds import Case, answer_rounds


class Mixed:
    """Built from the recipe."""

    def __init__(self, work: str) -> None:
        self.folder = Path(work) / "mixed"
        self.recipe = json.loads((self.folder / "recipe.json").read_text())
        self.columns = [*self.recipe["numbers"], *self.recipe["words"]]
        self.rows = self.recipe["rows"]
        self.frame = pd.DataFrame(self.rows, columns=self.columns)

    def pipelines(self) -> dict[str, Any]:
        """Both, whole."""
        recipe = self.recipe
        encoder = OneHotEncoder(
            categories=[known[:-1] for known in recipe["values"]],
            handle_unknown="ignore",
            sparse_output=False,
        )
        columns = ColumnTransformer(
            [("numbers", StandardScaler(), recipe["numbers"]), ("words", encoder, recipe["words"])]
        ).fit(self.frame)
        scaler = columns.named_transformers_["numbers"]
        scaler.scale_ = np.array(recipe["std"])  # Spark's deviation is that of a sample
        features = columns.transform(self.frame)
        linear = LinearRegression().fit(features, recipe["price"])
        linear.coef_, linear.intercept_ = np.array(recipe["coefficients"]), np.float64(recipe["intercept"])
        forest = joblib.load(self.folder / "forest.joblib").set_params(n_jobs=1)
        return {
            "linear": Pipeline([("columns", columns), ("model", linear)]),
            "forest": Pipeline([("columns", columns), ("model", forest)]),
        }


def number(made: Any) -> float:
    """The one number in an answer."""
    return float(np.asarray(made[0]).ravel()[0])


def scikit(mixed: Mixed) -> dict[str, Case]:
    """Pipeline.predict of a frame of one row, which is there already."""
    frames = [mixed.frame.iloc[[place]] for place in range(len(mixed.rows))]
    return {
        f"scikit-learn, {name}": Case(pipeline.predict, frames, number)
        for name, pipeline in mixed.pipelines().items()
    }


def onnx(mixed: Mixed) -> dict[str, Case]:
    """The whole graph, called with inputs that are there already; its trees take numbers of 32 bits."""
    numbers = mixed.recipe["numbers"]
    types = [
        (name, (FloatTensorType if name in numbers else StringTensorType)([None, 1]))
        for name in mixed.columns
    ]
    inputs = [
        {
            name: np.array([[value]], np.float32 if name in numbers else object)
            for name, value in zip(mixed.columns, row, strict=True)
        }
        for row in mixed.rows
    ]
    cases = {}
    for name, pipeline in mixed.pipelines().items():
        model = convert_sklearn(
            pipeline, initial_types=types, target_opset={"": 15, "ai.onnx.ml": 3}
        ).SerializeToString()
        run = partial(session_of(model).run, None)
        cases[f"ONNX Runtime, {name}"] = Case(run, inputs, number)
    return cases


WAYS: Final[Mapping[str, tuple[Callable[[Mixed], dict[str, Case]], str]]] = {
    "onnx": (onnx, "onnxruntime"),
    "scikit": (scikit, "scikit-learn"),
}


def main() -> None:
    """Make the way's cases and answer."""
    folder, name = sys.argv[1:]
    way, package = WAYS[name]
    answer_rounds(way(Mixed(folder)), {package: version(package)})


if __name__ == "__main__":
    main()
