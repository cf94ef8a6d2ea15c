"""What a model holds, without running any of it: the columns, stages and provenance that ``skewless explain`` shows.

A bundle that cannot run here, or whose parity rows are damaged, is told all the same, with what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from skewless.boosters.formats import facts_of
from skewless.bundles import manifest, mleap, parity
from skewless.bundles.archive import BUNDLE_FILE, Files, read_files
from skewless.bundles.manifest import Manifest
from skewless.containers import sparkml, xgboost
from skewless.containers.load import parts_of, read_spec
from skewless.containers.part import Part
from skewless.containers.program import runs_code
from skewless.containers.sparkml_schema import SparkMLSchema, parse_schema
from skewless.containers.xgboost_parity import PARITY
from skewless.errors import ArtifactError, SettingError, SkewlessError
from skewless.ops.summary import summary
from skewless.schema import DOUBLE, Field, Schema
from skewless.settings import Settings
from skewless.spec import Stage, StageGraph
from skewless.transforms.bind import BoundGraph, BoundStage, bind, needed_for

_SUFFIXES: Final = (".yaml", ".yml")
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class ColumnOutline:
    """A column; its type is "" where it is not known."""

    name: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class StageOutline:
    """A stage: ``values`` are its fitted values in a few words, ``ulps`` how far it may be from the engine.

    They are empty, and None, where the model cannot run.
    """

    name: str
    op: str
    inputs: tuple[ColumnOutline, ...]
    outputs: tuple[ColumnOutline, ...]
    values: tuple[str, ...] = ()
    ulps: int | None = None
    why_not_bits: str = ""


@dataclass(frozen=True, slots=True)
class ModelOutline:
    """One model, alone or in a container of the kind ``sparkml`` or ``xgboost``.

    ``about`` says where it comes from and ``warnings`` what is wrong with it. ``gives`` is what it hands on.
    """

    name: str
    kind: str
    inputs: tuple[ColumnOutline, ...]
    stages: tuple[StageOutline, ...]
    gives: tuple[ColumnOutline, ...]
    about: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A model, or the models of a pipeline in order."""

    name: str
    models: tuple[ModelOutline, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """An outline with the graph that it was made of, or ``error`` why there is none; ``fitted`` if that was told."""

    model: ModelOutline
    bound: BoundGraph | None = None
    error: SkewlessError | None = None
    fitted: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        made = [column.name for stage in self.model.stages for column in stage.outputs]
        return tuple(dict.fromkeys([*_names(self.model.inputs), *made, *_names(self.model.gives)]))

    def needed(self, columns: Sequence[str]) -> list[bool]:
        """Of every stage, whether these columns need it."""
        if self.error is not None:
            raise self.error
        if self.bound is None:
            return [True] * len(self.model.stages)
        kept = {id(stage) for stage in needed_for(self.bound.stages, columns)}
        return [id(stage) in kept for stage in self.bound.stages]

    def only_for(self, columns: Sequence[str]) -> ModelOutline:
        """The outline with nothing but what these columns need."""
        stages = tuple(
            stage for stage, stays in zip(self.model.stages, self.needed(columns), strict=True) if stays
        )
        read = {column.name for stage in stages for column in stage.inputs}.union(columns)
        return replace(
            self.model, stages=stages, inputs=tuple(one for one in self.model.inputs if one.name in read)
        )


def outline_of(path: str | Path, output: str | None = None, settings: Settings | None = None) -> Outline:
    """The outline of a bundle, of a trained model's archive, or of a ``pipeline.yaml``.

    With ``output``, only what that column needs; in a pipeline, the column of the last container that has it.
    ArtifactError where the files cannot be read, SettingError where there is no such column.
    """
    limits = settings or Settings.read()
    if str(path).endswith(_SUFFIXES):
        file = Path(path)
        read = [_in_container(part) for part in parts_of(file, read_spec(file), limits)]
    else:
        files = read_files(path, limits=limits)
        is_booster = BUNDLE_FILE not in files and any(path.startswith(xgboost.MODEL) for path in files)
        read = [_booster(files, files.name) if is_booster else _bundle(files, files.name, None)]
    models = tuple(one.model for one in read) if output is None else _only_for(read, output)
    return Outline(str(path), models)


def _only_for(read: Sequence[_Read], output: str) -> tuple[ModelOutline, ...]:
    having = [place for place, one in enumerate(read) if output in one.columns]
    if not having:
        known = [name for one in read for name in one.columns]
        raise SettingError(f"there is no column {output!r}", hint=f"There are: {', '.join(known) or 'none'}.")
    last = having[-1]
    before = [one.only_for(_names(one.model.gives)) for one in read[:last]]
    return (*before, replace(read[last].only_for((output,)), gives=()))


def _in_container(part: Part) -> _Read:
    if runs_code(part):
        told = (f"image {part.image}", "it runs code in a process of its own: what it does is not known")
        return _Read(ModelOutline(part.name, part.runtime, (), (), (), told, ()))
    if part.runtime == xgboost.XGBoostContainer.runtime:
        read = _booster(part.files, part.name)
        model = replace(read.model, gives=read.model.stages[0].outputs)
        return replace(read, model=_about(model, f"model data {part.files.name}"))
    text = part.environment.get(sparkml.SCHEMA)
    schema = parse_schema(text, f"{part.name}, {sparkml.SCHEMA}") if text else None
    read = _bundle(part.files, part.name, schema)
    gives, warnings = _gives(read, schema)
    about = [f"model data {part.files.name}"]
    if not gives:
        about.append("its schema comes with each request")
    else:
        about.append(f"answers {part.environment.get(sparkml.ACCEPT) or 'text/csv'}")
    if gives and read.bound is not None:
        needed = zip(read.model.stages, read.needed(_names(gives)), strict=True)
        idle = [stage.name for stage, runs in needed if not runs]
        if idle:
            more = f" and {len(idle) - _NAMED:,} more" if len(idle) > _NAMED else ""
            about.append(f"not needed for what it hands on: {', '.join(idle[:_NAMED])}{more}")
    model = replace(read.model, gives=gives, warnings=(*read.model.warnings, *warnings))
    return replace(read, model=_about(model, *about))


def _gives(read: _Read, schema: SparkMLSchema | None) -> tuple[tuple[ColumnOutline, ...], list[str]]:
    """What its container answers, the schema's outputs or the last column of all; and what is wrong with that."""
    made = [column for stage in read.model.stages for column in stage.outputs]
    if schema is None:
        return tuple(made[-1:]) if read.fitted else (), []
    there = {column.name: column for column in (*read.model.inputs, *made)}
    gives = tuple(there.get(one.name, ColumnOutline(one.name, str(one.type))) for one in schema.outputs)
    lost = [name for name in schema.outputs.names if name not in there]
    return gives, [f"its schema's output {name!r} is no column of the bundle" for name in lost]


def _about(model: ModelOutline, *lines: str) -> ModelOutline:
    return replace(model, about=(*lines, *model.about))


def _bundle(files: Files, name: str, schema: SparkMLSchema | None) -> _Read:
    graph = mleap.read(files)
    warnings: list[str] = []
    told = _manifest(files, warnings)
    about = [f"fitted by {told.engine}" if told and told.engine else "nothing says what fitted it"]
    about.append(f"bundle {graph.name}, written for MLeap {graph.version}")
    about += [f"{key}: {value.data}" for key, value in graph.meta.items() if value.shape == "scalar"]
    about.append(_parity(files, told, warnings))
    fitted = told.input if told else None
    bound, error = _bound(graph, fitted, schema)
    if error is not None:
        warnings.append(f"it cannot run: {error}")
    if bound is None:
        stages = tuple(map(_unbound, graph.root.leaves()))
        inputs = _from_outside(stages)
    else:
        stages = tuple(map(_stage, bound.stages))
        inputs = _columns(bound.inputs)
    model = ModelOutline(name, "sparkml", inputs, stages, (), tuple(about), tuple(warnings))
    return _Read(model, bound, error, fitted is not None)


def _manifest(files: Files, warnings: list[str]) -> Manifest | None:
    try:
        told = manifest.read(files)
    except ArtifactError as error:
        warnings.append(f"its manifest is damaged: {error}")
        return None
    if told is not None:
        changed = [
            (file, how) for file, how in told.changed_files(files) if file.startswith(f"{mleap.ROOT}/")
        ]
        warnings += [f"{file} was {how} after the export" for file, how in changed[:_NAMED]]
        if len(changed) > _NAMED:
            warnings.append(f"and {len(changed) - _NAMED:,} more files were changed")
    return told


def _parity(files: Files, told: Manifest | None, warnings: list[str]) -> str:
    if told is None or not told.parity:
        return "no parity rows"
    try:
        rows = _rows(files, parity.FILE)
    except ArtifactError as error:
        warnings.append(f"its parity rows are damaged: {error}")
        return f"{told.parity:,} parity rows, which cannot be read"
    if rows != told.parity:
        warnings.append(f"there are {rows:,} parity rows where the manifest says {told.parity:,}")
    return f"{rows:,} parity rows"


def _rows(files: Files, file: str) -> int:
    if file not in files:
        raise ArtifactError("is missing", artifact=files.name, file=file, hint="Export again.")
    return int(parity.read(files[file], artifact=files.name, file=file).num_rows)


def _bound(
    graph: StageGraph, fitted: Schema | None, schema: SparkMLSchema | None
) -> tuple[BoundGraph | None, SkewlessError | None]:
    try:
        bound = bind(graph, fitted)
        if fitted is None and schema is not None:
            # Nothing else says what it was fitted on, so the schema is believed, as when it is served.
            given = {field.name: field.type for field in schema.inputs if not field.type.is_vector}
            fields = tuple(Field(one.name, given.get(one.name, one.type)) for one in bound.inputs)
            bound = bind(graph, Schema(fields))
    except SkewlessError as error:
        return None, error
    return bound, None


def _stage(stage: BoundStage) -> StageOutline:
    op = stage.op
    inputs = map(ColumnOutline, stage.inputs, map(str, stage.input_types))
    outputs = zip(stage.outputs, map(str, stage.output_types), strict=True)
    return StageOutline(
        stage.name,
        op.name,
        tuple(inputs),
        tuple(ColumnOutline(name, type_) for name, type_ in outputs if name is not None),
        summary(op),
        op.ulps,
        op.why_not_bits,
    )


def _unbound(stage: Stage) -> StageOutline:
    inputs, outputs = (
        tuple(ColumnOutline(socket.column) for socket in sockets) for sockets in (stage.inputs, stage.outputs)
    )
    return StageOutline(stage.name, stage.model.op, inputs, outputs)


def _from_outside(stages: Sequence[StageOutline]) -> tuple[ColumnOutline, ...]:
    made = {column.name for stage in stages for column in stage.outputs}
    read = dict.fromkeys(column.name for stage in stages for column in stage.inputs)
    return tuple(ColumnOutline(name) for name in read if name not in made)


def _booster(files: Files, name: str) -> _Read:
    chosen = xgboost.models_in(files, {}, files.name)
    _, facts = facts_of(files[chosen[0]], artifact=files.name, file=chosen[0])
    last = facts.features - 1
    features = ColumnOutline("f0" if last == 0 else f"f0 … f{last}", str(DOUBLE))
    several = facts.groups > 1 and facts.objective != "multi:softmax"
    answers = [f"prediction_{number}" for number in range(facts.groups)] if several else ["prediction"]
    made = tuple(ColumnOutline(one, str(DOUBLE)) for one in answers)
    values = (f"objective={facts.objective}", f"features={facts.features:,}", f"trees ({facts.trees:,})")
    stage = StageOutline(chosen[0], facts.booster, (features,), made, values, 0)
    warnings: list[str] = []
    about = "no parity rows"
    if len(chosen) > 1:
        about = f"{len(chosen)} models that answer as one"
    elif PARITY in files:
        try:
            about = f"{_rows(files, PARITY):,} parity rows"
        except ArtifactError as error:
            about = "parity rows, which cannot be read"
            warnings.append(f"its parity rows are damaged: {error}")
    return _Read(ModelOutline(name, "xgboost", (features,), (stage,), (), (about,), tuple(warnings)))


def _columns(fields: Iterable[Field]) -> tuple[ColumnOutline, ...]:
    return tuple(ColumnOutline(field.name, str(field.type)) for field in fields)


def _names(columns: Iterable[ColumnOutline]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)
