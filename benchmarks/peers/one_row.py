"""One car in a process, as peers do it. Run as a worker: ``python -m benchmarks.peers.one_row FOLDER NAME``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import treelite

from benchmarks.peers.cars import Cars
from benchmarks.peers.onnx_cars import OnnxCars
from benchmarks.peers.rounds import Case, answer_rounds


def onnx(cars: Cars) -> dict[str, Case]:
    """The whole graph, called with inputs that are there already, and from a line of CSV to bytes."""
    graph = OnnxCars(cars)
    inputs = [graph.inputs(row) for row in cars.rows]
    lines = [",".join(row).encode() for row in cars.rows]

    def whole(line: bytes) -> bytes:
        return graph.label(line.decode().split(",")).encode()

    session = partial(graph.session.run, ["cat"])
    return {
        "ONNX Runtime, the call alone": Case(session, inputs, lambda made: str(made[0][0])),
        "ONNX Runtime, CSV to label": Case(whole, lines, bytes.decode),
    }


def scikit(cars: Cars) -> dict[str, Case]:
    """Pipeline.predict, and the model alone on features that are there already."""
    rows = [np.array([row], object) for row in cars.rows]
    features = [np.ascontiguousarray(row[None]) for row in cars.features]
    booster = cars.model.get_booster()

    def named(made: Any) -> str:
        return cars.labels[int(made[0])]

    return {
        "scikit-learn + XGBoost, predict": Case(cars.pipeline.predict, rows, named),
        "XGBoost, inplace_predict of the model alone": Case(booster.inplace_predict, features, named),
    }


def gtil(cars: Cars) -> dict[str, Case]:
    """GTIL on features that are there already."""
    model = treelite.frontend.from_xgboost(cars.model.get_booster())
    features = [np.ascontiguousarray(row[None]) for row in cars.features]
    predict = partial(treelite.gtil.predict, model, nthread=1)

    def named(made: Any) -> str:
        flat = np.asarray(made).ravel()
        return cars.labels[int(flat[0] if flat.size == 1 else flat.argmax())]

    return {"treelite GTIL, the model alone": Case(predict, features, named)}


WAYS: Final[Mapping[str, tuple[Callable[[Cars], dict[str, Case]], str]]] = {
    "onnx": (onnx, "onnxruntime"),
    "scikit": (scikit, "scikit-learn"),
    "treelite": (gtil, "treelite"),
}


def main() -> None:
    """Make the way's cases and answer."""
    folder, name = sys.argv[1:]
    way, package = WAYS[name]
    answer_rounds(way(Cars(folder)), {package: version(package)})


if __name__ == "__main__":
    main()
