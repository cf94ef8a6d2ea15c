"""Containers of every kind on disk, small enough to start in a moment, and pipelines of them as users write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from skewless.bundles.archive import write_files
from skewless.bundles.bundle import save
from skewless.ops.assemble import VectorAssembler
from skewless.schema import DOUBLE, Schema
from tests.builders import ACCEPT, SCHEMA, graph, stage, trained

Spec = dict[str, Any]

PAIR = Schema.of(a=DOUBLE, b=DOUBLE)
TEXT = "application/jsonlines;data=text"

SCRIPT = """
import os

class Model:
    def predict(self, data):
        return data * 2

def model_fn(model_dir):
    return Model()
"""
"""Only what the scikit-learn image asks of a script: all else is as it is by default."""

RETURNS_CSV = """
def output_fn(prediction, accept):
    return "\\n".join(",".join(map(str, row)) for row in prediction), "text/csv"
"""
TAKES_ANY_CSV = """
import numpy as np

def input_fn(body, content_type):
    assert content_type.partition(';')[0] == 'text/csv', content_type
    text = body if isinstance(body, str) else body.decode()
    return np.array([[float(x) for x in line.split(',')] for line in text.splitlines()])
"""
CLASSIFIER = """
import json

def input_fn(body, content_type):
    assert content_type == 'application/jsonlines', content_type
    text = body if isinstance(body, str) else body.decode()
    return [json.loads(line)["source"].split() for line in text.splitlines()]

def predict_fn(data, model):
    return [{"label": ["__label__long" if len(words) > 2 else "__label__short"]} for words in data]

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
"""Takes what built-in text classifiers do: an object with ``source`` a line."""


def vectors(folder: Path, **environment: str) -> Spec:
    """sparkml: two numbers as a vector."""
    path = folder / "vectors.tar.gz"
    if not path.exists():
        join = stage("join", VectorAssembler((None, None)), ["a", "b"], ["v"])
        save(graph(join), path, engine="tests", inputs=PAIR, rows=None)
    return _spec("sparkml", path, environment)


def numbers(folder: Path, **environment: str) -> Spec:
    """sparkml without stages: one number."""
    path = folder / "numbers.tar.gz"
    if not path.exists():
        save(graph(), path, engine="tests", inputs=None, rows=None)
    told = '{"input":[{"name":"x","type":"double"}],"output":{"name":"x","type":"double"}}'
    return _spec("sparkml", path, {SCHEMA: told, **environment})


def model(folder: Path, **environment: str) -> Spec:
    """xgboost: one number of two."""
    path = folder / "model.tar.gz"
    if not path.exists():
        write_files(dict(trained("reg:squarederror", 2)), path)
    return _spec("xgboost", path, environment)


def script(folder: Path, text: str, image: str = "sklearn", **environment: str) -> Spec:
    """A script in Python."""
    path = folder / f"script-{abs(hash((text, image))):x}.tar.gz"
    write_files({"code/inference.py": text.encode()}, path)
    named = {"SAGEMAKER_PROGRAM": "inference.py"} if image != "python" else {}
    return _spec(image, path, {**named, **environment})


def document(folder: Path, containers: Sequence[Spec], **more: Any) -> Path:
    """A pipeline.yaml of these."""
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump({"containers": list(containers), **more}))
    return path


def _spec(image: str, path: Path, environment: Mapping[str, str]) -> Spec:
    return {"image": image, "model_data": path.name, "environment": dict(environment)}


CSV_OUT = {ACCEPT: "text/csv"}
"""What mends most pipelines, in the environment of the container before the one that refuses."""
