"""Small containers made in memory, without Spark: stages by their ops, models by our own training."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skewless.bundles.archive import read_files
from skewless.bundles.bundle import Bundle
from skewless.containers import sparkml as sparkml_container
from skewless.containers import xgboost as xgboost_container
from skewless.containers.artifact import Artifact
from skewless.containers.base import Answer, Container, ExecutionParameters
from skewless.containers.sparkml import SparkMLContainer
from skewless.containers.xgboost import XGBoostContainer
from skewless.errors import RequestError
from skewless.jobs.training.train import train
from skewless.ops.op import Op
from skewless.schema import Field, Schema, Struct, Type
from skewless.settings import Settings
from skewless.spec import PIPELINE, Attributes, Model, Socket, Stage, StageGraph, strings

SETTINGS = Settings()
STRICT = Settings(strict=True)
ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
SCHEMA = "SAGEMAKER_SPARKML_SCHEMA"


def stage(name: str, op: Op, inputs: Iterable[str], outputs: Iterable[str]) -> Stage:
    """A stage of a graph."""
    model = Model(op.name, Attributes(op.encode(), file=None, stage=name))
    return Stage(name, model, tuple(map(Socket, op.inputs, inputs)), tuple(map(Socket, op.outputs, outputs)))


def graph(*stages: Stage) -> StageGraph:
    """Stages in a pipeline; none make the identity."""
    nodes = Attributes({"nodes": strings([one.name for one in stages])}, file=None, stage="root")
    root = Stage("root", Model(PIPELINE, nodes), stages=stages)
    return StageGraph(root, name="root", uid="6f9619ff-8b86-d011-b42d-00c04fc964ff", version="0.25.2")


def schema(inputs: Sequence[Field], output: Field) -> dict[str, Any]:
    """A schema as a request or the environment has it."""
    return {"input": [_column(field) for field in inputs], "output": _column(output)}


def _column(field: Field) -> dict[str, Any]:
    column = {"name": field.name, "type": str(field.type.base)}
    return column if field.type.struct is Struct.BASIC else column | {"struct": str(field.type.struct)}


def sparkml(
    stages: StageGraph,
    told: dict[str, Any] | None,
    *,
    name: str = "container-1",
    fitted: Schema | None = None,
    settings: Settings = SETTINGS,
    accept: str | None = None,
) -> SparkMLContainer:
    """A SparkML container; ``told`` is its environment's schema, ``fitted`` the one its bundle carries."""
    environment = {} if accept is None else {ACCEPT: accept}
    if told is not None:
        environment[SCHEMA] = json.dumps(told)
    artifact = Artifact.of(Bundle(stages, "bundle", fitted))
    return sparkml_container.load(name, artifact, environment, settings)


@functools.cache
def trained(objective: str, features: int) -> Any:
    """The files of a model of two or three classes."""
    random = np.random.default_rng(features)
    labels = random.integers(0, 2 if objective.startswith("binary") else 3, 60)
    rows = random.normal(size=(60, features)) + labels[:, None]
    wanted = {"objective": objective, "num_round": 3, "max_depth": 3, "nthread": 1}
    if objective.startswith("multi"):
        wanted["num_class"] = 3
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "train.csv")
        lines = zip(labels.tolist(), rows.tolist(), strict=True)
        data.write_text("".join(",".join(map(str, (label, *row))) + "\n" for label, row in lines))
        train(data, None, wanted, Path(folder, "model.tar.gz"), on_round=lambda done: None)
        return read_files(Path(folder, "model.tar.gz"), limits=SETTINGS)


def xgboost(
    objective: str,
    features: int,
    *,
    name: str = "model",
    settings: Settings = SETTINGS,
    accept: str | None = None,
) -> XGBoostContainer:
    """An XGBoost container with a small model."""
    environment = {} if accept is None else {ACCEPT: accept}
    return xgboost_container.load(name, trained(objective, features), environment, settings, "model.tar.gz")


class Relay(Container):
    """A container that is not built in: it gives back what it gets, or refuses a word."""

    runtime = "python"

    def __init__(self, name: str, kind: str | None = None, refused: bytes = b"never") -> None:
        self.name = name
        self.kind = kind
        self.refused = refused
        self.accepts: list[str | None] = []
        self.kinds: list[str | None] = []
        self.closed = 0

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        self.accepts.append(accept)
        self.kinds.append(content_type)
        if self.refused in body:
            raise RequestError(
                "the relay does not like this", row=body[: body.index(self.refused)].count(b"\n") + 1
            )
        return Answer(body, self.kind or content_type or "")

    def execution_parameters(self) -> ExecutionParameters:
        return ExecutionParameters(1, "MULTI_RECORD", 6)

    def verify(self) -> int:
        return 0

    def close(self) -> None:
        self.closed += 1


def outcome(work: Any) -> Any:
    """What comes out of a call: its result, or all that a refusal says."""
    try:
        return work()
    except RequestError as error:
        place = (error.container, error.stage, error.column, error.row)
        return type(error).__name__, place, error.message, repr(error.value), error.hint


def basic(**types: Type) -> list[Field]:
    """Fields in order."""
    return [Field(name, type_) for name, type_ in types.items()]
