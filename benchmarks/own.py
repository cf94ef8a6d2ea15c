"""Our own ways of answering one row in a process. Run as a worker: ``python -m benchmarks.own FOLDER PART``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.artifacts import booster_of
from benchmarks.forests import LARGEST, WIDTH, names
from benchmarks.peers.rounds import Case, answer_rounds
from benchmarks.workloads import cars, chain_sizes
from skewless.boosters.booster import Booster
from skewless.bundles.bundle import open_bundle
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.settings import Settings
from skewless.transforms.transform import Transform


def _body(pipeline: Pipeline, body: bytes) -> bytes:
    return pipeline.invoke(body, "text/csv").body


def _lines(path: Path, *, fused: bool = True) -> Case:
    """A pipeline of cars: a line as bytes to the answer's bytes."""
    pipeline = load_pipeline(path, fused=fused)
    rows = [",".join(row).encode() for row in cars()]
    return Case(partial(_body, pipeline), rows, bytes.decode)


def row(work: Path) -> dict[str, Case]:
    """The car pipeline by the row, and hop by hop as the reference."""
    path = work / "cars" / "pipeline.yaml"
    return {"skewless": _lines(path), "skewless, hop by hop": _lines(path, fused=False)}


def containers(work: Path) -> dict[str, Case]:
    """Chains of all lengths."""
    return {str(size): _lines(work / "chains" / f"{size}.yaml") for size in chain_sizes()}


def mixed(work: Path) -> dict[str, Case]:
    """The pipeline of 13 fields with either model: values as Python objects to the prediction."""
    rows = json.loads((work / "mixed" / "recipe.json").read_text())["rows"]
    cases = {}
    for model in ("linear", "forest"):
        bundle = open_bundle(work / "mixed" / f"{model}.tar.gz", Settings())
        function = Transform(bundle.graph, bundle.inputs).row_function(["prediction"])
        cases[f"skewless, {model}"] = Case(function, rows, lambda made: made[0])
    return cases


def trees(work: Path) -> dict[str, Case]:
    """Forests of XGBoost: a row as Python floats to the prediction; the largest also as a container's CSV."""
    cases = {}
    for name, width in names().items():
        rows = np.load(work / "forests" / f"rows-{width}.npy").tolist()
        booster = Booster(booster_of(work / "forests" / f"{name}.tar.gz"))
        cases[f"skewless {name}"] = Case(booster.predict_row, rows)
    pipeline = load_pipeline(work / "forests" / f"{LARGEST}.yaml")
    rows = np.load(work / "forests" / f"rows-{WIDTH}.npy").tolist()
    lines = [",".join(map(repr, values)).encode() for values in rows]
    cases["skewless, CSV"] = Case(partial(_body, pipeline), lines, lambda made: float(made.decode()))
    return cases


PARTS: Final[Mapping[str, Callable[[Path], dict[str, Case]]]] = {
    part.__name__: part for part in (row, containers, mixed, trees)
}


def main() -> Any:
    """Make the part's cases and answer."""
    folder, part = sys.argv[1:]
    answer_rounds(PARTS[part](Path(folder)))


if __name__ == "__main__":
    main()
