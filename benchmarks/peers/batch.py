"""A CSV file of cars to a file of labels with pandas: ``python -m benchmarks.peers.batch FOLDER WAY IN OUT``.

What one writes by hand around a pipeline: read, predict in chunks, write. Prints the seconds, imports not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.cars import Cars
from benchmarks.peers.onnx_cars import OnnxCars

_CHUNK = 100_000


def scikit(cars: Cars) -> Callable[[Any], Any]:
    """Pipeline.predict on arrays."""
    pipeline, labels = cars.pipeline, np.array(cars.labels, object)
    return lambda values: labels[pipeline.predict(values)]


def onnx(cars: Cars) -> Callable[[Any], Any]:
    """The whole graph."""
    graph = OnnxCars(cars)

    def predict(values: Any) -> Any:
        inputs = {name: values[:, [place]] for place, name in enumerate(cars.columns)}
        return graph.session.run(["cat"], inputs)[0]

    return predict


def main() -> None:
    """Transform the file."""
    folder, way, source, target = sys.argv[1:]
    cars = Cars(folder)
    predict = {"scikit": scikit, "onnx": onnx}[way](cars)
    predict(np.array(cars.rows[:10], object))
    begin = time.perf_counter()
    with Path(target).open("w") as file:
        for frame in pd.read_csv(source, header=None, dtype=str, chunksize=_CHUNK):
            file.write("\n".join(predict(frame.to_numpy(object))) + "\n")
    print(json.dumps(time.perf_counter() - begin))


if __name__ == "__main__":
    main()
