"""A whole pipeline made in a second without Spark: the car example's three containers, and ways to spoil them.

What the stages give is not what is tested with these, so the parity rows may be our own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from skewless.bundles.archive import read_files, write_files
from skewless.bundles.bundle import save
from skewless.containers.load import load_pipeline
from skewless.datasets import CAR_COLUMNS, CAR_LABELS, CAR_VALUES, car_class
from skewless.jobs.training.train import train
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.op import Op
from skewless.schema import DOUBLE, STRING, Field, Schema
from skewless.settings import Settings
from skewless.spec import PIPELINE, Attributes, Model, Socket, Stage, StageGraph, strings
from skewless.transforms.transform import Transform

CAR = b"low,low,5more,more,big,high"
CAR_LABEL = b"vgood"
PRICY = b"vhigh,vhigh,2,2,small,low"
PRICY_LABEL = b"unacc"
ODD = ("größer ✓", 'a, "b"')
"""Values of the first column that text could lose."""

VALUES = (CAR_VALUES[0] + ODD, *CAR_VALUES[1:])
INPUTS = Schema(tuple(Field(name, STRING) for name in CAR_COLUMNS))
CAR_SCHEMA = {
    "input": [{"name": name, "type": "string"} for name in CAR_COLUMNS],
    "output": {"name": "features", "type": "double", "struct": "vector"},
}
LABEL_SCHEMA = {"input": [{"name": "label", "type": "double"}], "output": {"name": "cat", "type": "string"}}
Document = dict[str, Any]


def stage(name: str, op: Op, inputs: Iterable[str], outputs: Iterable[str]) -> Stage:
    """A stage of a graph."""
    attributes = Attributes(op.encode(), file=None, stage=name)
    return Stage(
        name,
        Model(op.name, attributes, op.encode_files(), op.encode_models()),
        tuple(map(Socket, op.inputs, inputs)),
        tuple(map(Socket, op.outputs, outputs)),
    )


def graph(name: str, stages: Iterable[Stage]) -> StageGraph:
    """Stages in a pipeline."""
    several = tuple(stages)
    nodes = {"nodes": strings([one.name for one in several])}
    root = Stage(name, Model(PIPELINE, Attributes(nodes, file=None, stage=name)), stages=several)
    return StageGraph(root, name=name, uid="5c9b2d0e-8a55-4a4e-9a6e-0c1b5f4f1a01", version="0.25.2")


def cars() -> Sequence[tuple[str, ...]]:
    """A few hundred cars; every value of every column is among them."""
    known: list[tuple[str, ...]] = list(islice(product(*CAR_VALUES), 0, None, 5))
    return known + [(odd, *row[1:]) for odd in ODD for row in known[:20]]


def label_of(car: tuple[str, ...]) -> str:
    """The published label; the odd ones count as dear."""
    return car_class(("vhigh", *car[1:]) if car[0] in ODD else car)


def _features() -> Iterator[Stage]:
    for name, values in zip(CAR_COLUMNS, VALUES, strict=True):
        yield stage(f"index_{name}", StringIndexer(values), [name], [f"{name}_index"])
    for name, values in zip(CAR_COLUMNS, VALUES, strict=True):
        encoder = OneHotEncoder((len(values),), drop_last=False)
        yield stage(f"hot_{name}", encoder, [f"{name}_index"], [f"{name}_hot"])
    sizes = tuple(map(len, VALUES))
    yield stage("assemble", VectorAssembler(sizes), [f"{name}_hot" for name in CAR_COLUMNS], ["features"])


def build(folder: Path) -> Path:
    """Fit, train and write it all; gives the path of pipeline.yaml."""
    rows = cars()
    fitted = graph("cars", _features())
    table = pa.table({name: [row[column] for row in rows] for column, name in enumerate(CAR_COLUMNS)})
    recorded = Transform(fitted, INPUTS).table(table)
    save(fitted, folder / "model.tar.gz", engine="tests", inputs=INPUTS, rows=recorded.slice(0, 60))
    labels = [CAR_LABELS.index(label_of(row)) for row in rows]
    lines = (
        ",".join(map(str, (label, *features)))
        for label, features in zip(labels, recorded["features"].to_pylist(), strict=True)
    )
    (folder / "train.csv").write_text("\n".join(lines))
    wanted = {"objective": "multi:softmax", "num_class": 4, "num_round": 12, "eta": 0.7, "nthread": 1}
    train(folder / "train.csv", None, wanted, folder / "xgb.tar.gz", on_round=lambda done: None)
    named = graph("labels", [stage("name", IndexToString(CAR_LABELS), ["label"], ["cat"])])
    inputs = Schema((Field("label", DOUBLE),))
    known = Transform(named, inputs).table(pa.table({"label": [0.0, 1.0, 2.0, 3.0]}))
    save(named, folder / "postprocess.tar.gz", engine="tests", inputs=inputs, rows=known)
    write(folder, document())
    _record(folder, rows[:50])
    return folder / "pipeline.yaml"


def document() -> Document:
    """What pipeline.yaml says."""

    def sparkml(data: str, schema: Document) -> Document:
        environment = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}
        return {"image": "sagemaker-sparkml-serving", "model_data": data, "environment": environment}

    return {
        "containers": [
            sparkml("model.tar.gz", CAR_SCHEMA),
            {"image": "xgboost", "model_data": "xgb.tar.gz"},
            sparkml("postprocess.tar.gz", LABEL_SCHEMA),
        ]
    }


def write(folder: Path, what: Document) -> Path:
    """Write pipeline.yaml."""
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(what, allow_unicode=True, sort_keys=False))
    return path


def _record(folder: Path, rows: Sequence[tuple[str, ...]]) -> None:
    body = "".join(f"{','.join(row)}\n" for row in rows).encode()
    with load_pipeline(folder / "pipeline.yaml", fused=False, verify=False) as pipeline:
        answer = pipeline.invoke(body).body
    (folder / "parity-input.csv").write_bytes(body)
    (folder / "parity-output.csv").write_bytes(answer)
    write(folder, document() | {"parity": {"input": "parity-input.csv", "output": "parity-output.csv"}})


def change(artifact: Path, file: str, edit: Callable[[bytes], bytes]) -> None:
    """Change one file of an artifact that is there already, as someone with an editor would."""
    files = dict(read_files(artifact, limits=Settings()))
    before = files[file]
    files[file] = edit(before)
    assert files[file] != before, f"nothing was changed in {file}"
    write_files(files, artifact)
