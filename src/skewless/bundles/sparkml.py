"""Read a saved Spark ML directory (metadata as JSON, fitted values as Parquet) without a JVM."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from skewless.errors import ArtifactError, UnsupportedError
from skewless.ops import SPARK_READERS
from skewless.ops.ml_attributes import NUMERIC, MLAttributes
from skewless.ops.op import Lowered, SparkStage, TypeRefused
from skewless.ops.refused import refusal
from skewless.schema import Schema
from skewless.spec import (
    OPTIONAL,
    PIPELINE,
    TEMPORARY,
    Attributes,
    Model,
    Socket,
    Stage,
    StageGraph,
    boolean,
    strings,
)

PIPELINE_CLASSES = ("org.apache.spark.ml.PipelineModel", "pyspark.ml.pipeline.PipelineModel")
# The second pair is saved where the estimator or the evaluator is Python code.
TUNING_CLASSES = (
    "org.apache.spark.ml.tuning.CrossValidatorModel",
    "org.apache.spark.ml.tuning.TrainValidationSplitModel",
    "pyspark.ml.tuning.CrossValidatorModel",
    "pyspark.ml.tuning.TrainValidationSplitModel",
)

Metadata = Callable[[str], MLAttributes | None]

# Of the metadata, what every stage has.
_OWN = ("class", "timestamp", "uid", "paramMap", "defaultParamMap")


def read(
    folder: Path,
    *,
    inputs: Schema | None = None,
    metadata: Metadata = lambda column: None,
    blas: str = "vector:4",
    ansi: bool | None = None,
) -> StageGraph:
    """The stage graph of a model that Spark saved in ``folder``.

    ``inputs`` and ``metadata`` (a column's ML attributes) add what only a sample frame knows, ``blas`` the order of
    additions of the Spark that it shall equal (see `skewless.ops.blas.Order`), ``ansi`` whether that Spark's SQL
    follows ANSI rules, None standing for the default of its version. ArtifactError where the
    folder is not a saved model; UnsupportedError, naming uid and class, where a stage has no op here.
    """
    stages = _Reader(inputs, metadata, blas, ansi).stages(folder)
    root = stages[0] if len(stages) == 1 else _pipeline(f"Pipeline_{uuid.uuid4().hex[:12]}", stages)
    return StageGraph(root, name=root.name, uid=str(uuid.uuid4()), version="0.25.2")


def saved_by(folder: Path) -> str:
    """The Spark version that saved the model."""
    return str(_metadata_of(folder).get("sparkVersion", "unknown"))


class _Reader:
    """Walks the folders in order and keeps the types of the columns known so far."""

    def __init__(self, inputs: Schema | None, metadata: Metadata, blas: str, ansi: bool | None) -> None:
        self.inputs = inputs
        self.known = {field.name: field.type for field in inputs} if inputs else {}
        self.metadata = metadata
        self.made: dict[str, MLAttributes | None] = {}
        self.blas = blas
        self.ansi = ansi

    def stages(self, folder: Path, tuned_by: str | None = None) -> list[Stage]:
        """The stages of one saved stage: most give one, those with several columns one a column.

        ``tuned_by`` is the tuning model whose best model this is: as MLeap does, it stands under that one's name.
        """
        saved = _metadata_of(folder)
        uid, spark_class = str(saved["uid"]), str(saved["class"])
        name = tuned_by or uid
        if spark_class in TUNING_CLASSES:
            return self.stages(folder / "bestModel", name)
        if spark_class in PIPELINE_CLASSES:
            return [_pipeline(name, [s for child in _children(folder, saved) for s in self.stages(child)])]
        support = SPARK_READERS.get(spark_class)
        if support is None:
            refused = refusal(spark_class)
            raise UnsupportedError(
                f"stage {uid}: {spark_class} cannot be exported: {refused.why}", hint=refused.way_out
            )
        lowered = [one for one in support.read(self._saved(folder)) if self._enter(uid, one)]
        names = [name] if len(lowered) == 1 else [f"{name}_{number}" for number in range(len(lowered))]
        return [_stage(called, one) for called, one in zip(names, lowered, strict=True)]

    def _saved(self, folder: Path) -> SparkStage:
        saved = _metadata_of(folder)
        return SparkStage(
            str(saved["uid"]),
            str(saved["class"]),
            {**saved.get("defaultParamMap", {}), **saved["paramMap"]},
            lambda table: _rows(folder / table),
            self.known.get,
            self._attributes,
            lambda below: self._saved(folder / below),
            self.blas,
            {name: value for name, value in saved.items() if name not in _OWN},
            lambda: [self._saved(child) for child in _children(folder, saved)],
            self.known,
            self.ansi,
            text=lambda name: _text(folder / name),
        )

    def _attributes(self, column: str) -> MLAttributes | None:
        """A column's ML attributes: as Spark told them, as our own ops make them, or none, as of a plain column."""
        told = self.metadata(column)
        if told is None:
            told = self.made.get(column)
        plain = self.inputs is not None and column in self.inputs
        return NUMERIC if told is None and plain else told

    def _enter(self, uid: str, lowered: Lowered) -> bool:
        """Note what the op makes. False where it is left out, as the sample lacks what it reads."""
        op = lowered.op
        if lowered.optional and self.inputs is not None and not self.known.keys() >= set(lowered.inputs):
            return False
        types = [
            self.known.get(column, default)
            for column, default in zip(lowered.inputs, op.default_types(), strict=True)
        ]
        try:
            made = op.types(types)
        except TypeRefused as refused:
            column = lowered.inputs[refused.input]
            raise UnsupportedError(f"stage {uid}: column {column!r}: {refused.message}") from None
        self.known.update(
            {column: type_ for column, type_ in zip(lowered.outputs, made, strict=True) if column}
        )
        told = op.attributes([self._attributes(column) for column in lowered.inputs], types)
        self.made.update(zip(lowered.outputs, told, strict=True))
        if not op.outputs:
            self.known.update(zip(lowered.inputs, op.narrowed(types), strict=True))
        return True


def _stage(name: str, lowered: Lowered) -> Stage:
    op = lowered.op
    marks = [TEMPORARY] * lowered.temporary + [OPTIONAL] * lowered.optional
    attributes = {**op.encode(), **{mark: boolean(True) for mark in marks}}
    wanted = zip(op.outputs, lowered.outputs, strict=True)
    return Stage(
        name,
        Model(op.name, Attributes(attributes, file=None, stage=name), op.encode_files(), op.encode_models()),
        tuple(map(Socket, op.inputs, lowered.inputs)),
        tuple(Socket(port, column) for port, column in wanted if column),
    )


def _pipeline(name: str, stages: Sequence[Stage]) -> Stage:
    nodes = {"nodes": strings([stage.name for stage in stages])}
    return Stage(name, Model(PIPELINE, Attributes(nodes, file=None, stage=name)), stages=tuple(stages))


def _children(folder: Path, saved: Mapping[str, Any]) -> list[Path]:
    uids = saved["paramMap"]["stageUids"]
    digits = len(str(len(uids)))
    children = [folder / "stages" / f"{number:0{digits}}_{uid}" for number, uid in enumerate(uids)]
    for child in children:
        if not child.is_dir():
            raise ArtifactError(
                "the folder of a stage is missing",
                artifact=str(folder),
                file=str(child.relative_to(folder)),
                hint="Save the model again.",
            )
    return children


def _metadata_of(folder: Path) -> Mapping[str, Any]:
    """The first line of the metadata's text file."""
    if not folder.is_dir():
        raise ArtifactError(
            "no such folder on this machine",
            artifact=str(folder),
            hint="Give a folder that model.save wrote; copy one from HDFS, S3 or DBFS here first.",
        )
    parts = sorted(path for path in (folder / "metadata").glob("part-*") if path.stat().st_size)
    if not parts:
        raise ArtifactError(
            "this is no saved Spark ML model: it has no metadata",
            artifact=str(folder),
            hint="Give the folder that model.write().save(folder) made.",
        )
    try:
        saved = json.loads(parts[0].read_text(encoding="utf-8"))
        if isinstance(saved, dict) and str(saved.get("class")).startswith("org.apache.spark.mllib."):
            raise UnsupportedError(
                f"{saved['class']} cannot be exported: it is a model of Spark's older interface, over RDDs",
                hint="Fit the model of pyspark.ml in its place.",
            )
        if not isinstance(saved, dict) or not {"uid", "class", "paramMap"} <= saved.keys():
            raise ValueError("uid, class or paramMap is missing")
    except ValueError as error:
        raise ArtifactError(
            f"the metadata cannot be read: {error}", artifact=str(folder), file=f"metadata/{parts[0].name}"
        ) from None
    return saved


def _rows(folder: Path) -> Sequence[Mapping[str, Any]]:
    """The rows of a saved Parquet table."""
    parts = sorted(folder.glob("part-*"))
    if not parts:
        raise ArtifactError(
            "the fitted values are missing", artifact=str(folder), hint="Save the model again."
        )
    rows: list[Mapping[str, Any]] = []
    for part in parts:
        try:
            rows.extend(pq.ParquetFile(part).read().to_pylist())
        except (ArrowInvalid, OSError) as error:
            raise ArtifactError(
                f"the fitted values cannot be read: {error}", artifact=str(folder), file=part.name
            ) from None
    return rows


def _text(folder: Path) -> str:
    """The lines of a saved text file, put together."""
    try:
        parts = [part.read_bytes().decode() for part in sorted(folder.glob("part-*"))]
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"the text cannot be read: {error}", artifact=str(folder), hint="Save the model again."
        ) from None
    return "".join(parts).replace("\r", "").replace("\n", "")
