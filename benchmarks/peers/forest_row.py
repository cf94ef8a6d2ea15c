"""One row through forests, as peers do it: ``python -m benchmarks.peers.forest_row FOLDER NAME``.

Rows are there already as the float32 matrices that each library takes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import treelite
import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from benchmarks.peers.numba_walker import walk
from benchmarks.peers.onnx_cars import session_of
from benchmarks.peers.rounds import Case, answer_rounds

Way = Callable[[xgboost.Booster, list[Any]], Case]


def number(made: Any) -> float:
    """The one number in an answer."""
    return float(np.asarray(made).ravel()[0])


def inplace(booster: xgboost.Booster, rows: list[Any]) -> Case:
    """XGBoost's own call for arrays."""
    booster.set_param({"nthread": 1})
    return Case(booster.inplace_predict, rows, number)


def predict(booster: xgboost.Booster, rows: list[Any]) -> Case:
    """The call that answers must equal."""
    booster.set_param({"nthread": 1})
    return Case(lambda row: booster.predict(xgboost.DMatrix(row, nthread=1)), rows, number)


def gtil(booster: xgboost.Booster, rows: list[Any]) -> Case:
    """Its interpreter of general trees."""
    model = treelite.frontend.from_xgboost(booster)
    return Case(partial(treelite.gtil.predict, model, nthread=1), rows, number)


def onnx(booster: xgboost.Booster, rows: list[Any]) -> Case:
    """The forest as a node of ONNX Runtime."""
    types = [("x", FloatTensorType([None, booster.num_features()]))]
    model = convert_xgboost(booster, initial_types=types, target_opset=15)
    session = session_of(model.SerializeToString())
    return Case(lambda inputs: session.run(None, inputs), [{"x": row} for row in rows], number)


def walker(booster: xgboost.Booster, rows: list[Any]) -> Case:
    """A loop over the nodes compiled by numba: what a few lines of one's own can do."""
    return Case(walk(booster), [row[0] for row in rows], number)


WAYS: Final[Mapping[str, tuple[Way, str, str]]] = {
    "predict": (predict, "XGBoost, Booster.predict", "xgboost-cpu"),
    "inplace": (inplace, "XGBoost, inplace_predict", "xgboost-cpu"),
    "treelite": (gtil, "treelite GTIL", "treelite"),
    "onnx": (onnx, "ONNX Runtime", "onnxruntime"),
    "numba": (walker, "numba walker", "numba"),
}


def main() -> None:
    """Load every forest and answer."""
    work, name, *forests = sys.argv[1:]
    folder = Path(work) / "forests"
    way, title, package = WAYS[name]
    cases = {}
    for forest in forests:
        rows = np.load(folder / f"rows-{forest.partition('x')[2]}.npy")
        booster = xgboost.Booster(model_file=folder / f"{forest}.json")
        cases[f"{title} {forest}"] = way(booster, [np.ascontiguousarray(row[None]) for row in rows])
    answer_rounds(cases, {package: version(package)})


if __name__ == "__main__":
    main()
