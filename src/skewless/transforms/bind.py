"""Audit a stage graph against the ops: every stage known, every port bound, every column typed, nothing dangling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from skewless.errors import ArtifactError, UnsupportedError, ValueRefused
from skewless.ops import OPS
from skewless.ops.not_run import NOT_RUN
from skewless.ops.op import Op, Refused, RowKernel, TypeRefused
from skewless.schema import Field, Schema, Type
from skewless.spec import OPTIONAL, TEMPORARY, Stage, StageGraph
from skewless.trust import NO_TRUST, Trust


@dataclass(frozen=True)
class BoundStage:
    """An op with the columns it reads and writes; ``outputs`` has None for a port that is not wanted.

    ``temporary`` outputs are for later stages only; an ``optional`` stage is left out where its input is not given.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str | None, ...]
    input_types: tuple[Type, ...]
    output_types: tuple[Type, ...]
    temporary: bool = False
    optional: bool = False

    @cached_property
    def kernel(self) -> RowKernel:
        """The op's row kernel, prepared once for all that use it."""
        return self.op.row(self.input_types)

    @property
    def produced(self) -> tuple[Field, ...]:
        """The columns this stage adds to what is shown."""
        return () if self.temporary else self.made

    @property
    def made(self) -> tuple[Field, ...]:
        """The columns this stage makes."""
        return tuple(
            Field(name, type_)
            for name, type_ in zip(self.outputs, self.output_types, strict=True)
            if name is not None
        )

    def refusal(self, refused: Refused, row: int) -> ValueRefused:
        """What a kernel met, with its place; ``row`` counts from 0."""
        return ValueRefused(
            refused.message,
            stage=self.name,
            column=self.inputs[refused.input],
            row=row + 1,
            value=refused.value,
            hint=refused.hint,
        )


@dataclass(frozen=True, slots=True)
class BoundGraph:
    """All stages in order, nested pipelines opened, with the columns that must come from outside."""

    stages: tuple[BoundStage, ...]
    inputs: Schema


def bind(graph: StageGraph, inputs: Schema | None = None, trust: Trust = NO_TRUST) -> BoundGraph:
    """Bind every stage of the graph.

    ``inputs`` are the columns that come from outside, where that is known; otherwise every column that no stage makes
    is one, with the type its first reader wants. ArtifactError names stage, file and column; UnsupportedError an op
    that this version does not have.
    """
    leaves = list(graph.root.leaves())
    makers = {socket.column: leaf.name for leaf in leaves for socket in leaf.outputs}
    known: dict[str, Type] = {field.name: field.type for field in inputs} if inputs else {}
    needed: dict[str, Type] = {}
    bound: list[BoundStage] = []
    for leaf in leaves:
        op = _op(leaf).trusting(trust)
        columns = _ports(leaf, op)
        for column, default in zip(columns, op.default_types(), strict=True):
            if column not in known:
                if column in makers or inputs is not None:
                    raise _dangling(leaf, column, makers, known)
                known[column] = needed[column] = default
        stage = _typed(leaf, op, columns, known)
        for field in stage.made:
            if field.name in known:
                raise _error(leaf, f"it writes column {field.name!r}, which is already there")
            known[field.name] = field.type
        if not op.outputs:
            known.update(zip(columns, op.narrowed(stage.input_types), strict=True))
        bound.append(stage)
    return BoundGraph(tuple(bound), inputs or Schema(tuple(Field(n, t) for n, t in needed.items())))


def _op(stage: Stage) -> Op:
    kind = OPS.get(stage.model.op)
    if kind is None:
        unknown = ("is not one this version knows", f"It knows: {', '.join(sorted(OPS))}.")
        why, way_out = NOT_RUN.get(stage.model.op, unknown)
        raise UnsupportedError(f"stage {stage.name}{_file(stage)}: op {stage.model.op!r} {why}", hint=way_out)
    op = kind.decode(stage.model)
    try:
        return op.wanting([socket.port for socket in stage.outputs])
    except UnsupportedError as error:
        raise UnsupportedError(
            f"stage {stage.name}{_file(stage)}: {error.message}", hint=error.hint
        ) from None


def _ports(stage: Stage, op: Op) -> tuple[str, ...]:
    columns = []
    for port in op.inputs:
        # MLeap renamed single ports over time: input and input0 are the same port.
        synonym = {"input": "input0", "input0": "input"}.get(port, port)
        column = stage.input(port, synonym)
        if column is None:
            raise _error(stage, f"its input port {port!r} is bound to no column")
        columns.append(column)
    return tuple(columns)


def _typed(stage: Stage, op: Op, columns: tuple[str, ...], known: Mapping[str, Type]) -> BoundStage:
    types = tuple(known[column] for column in columns)
    try:
        made = op.types(types)
    except TypeRefused as refused:
        column = columns[refused.input]
        raise _error(stage, f"column {column!r} does not fit: {refused.message}") from None
    outputs = []
    for port in op.outputs:
        synonym = {"output": "output0", "output0": "output"}.get(port, port)
        outputs.append(stage.output(port, synonym))
    if op.outputs and not any(outputs):
        raise _error(stage, f"none of its output ports {', '.join(op.outputs)} is bound to a column")
    marks = [stage.model.attributes.boolean(mark, False) for mark in (TEMPORARY, OPTIONAL)]
    return BoundStage(stage.name, op, columns, tuple(outputs), types, made, *marks)


def _dangling(
    stage: Stage, column: str, makers: Mapping[str, str], known: Mapping[str, Any]
) -> ArtifactError:
    if column in makers:
        why = f"which stage {makers[column]} makes only later"
    else:
        why = "which is neither an input nor made by an earlier stage"
    return _error(stage, f"it reads column {column!r}, {why}; there are: {', '.join(known) or 'none'}")


def _file(stage: Stage) -> str:
    return f" ({stage.model.attributes.file})" if stage.model.attributes.file else ""


def _error(stage: Stage, message: str) -> ArtifactError:
    return ArtifactError(
        message,
        file=stage.model.attributes.file,
        stage=stage.name,
        hint="Export the pipeline again from the fitted model.",
    )


def optional_inputs(bound: BoundGraph) -> frozenset[str]:
    """The inputs that only optional stages read, whose own outputs no other stage reads."""
    read: set[str] = set()
    for stage in reversed(bound.stages):
        if not stage.optional or read.intersection(name for name in stage.outputs if name):
            read.update(stage.inputs)
    every = {name for stage in bound.stages for name in stage.inputs}
    return frozenset(name for name in bound.inputs.names if name in every - read)


def needed_for(stages: Sequence[BoundStage], outputs: Sequence[str]) -> tuple[BoundStage, ...]:
    """The stages without which these columns could not be made, in order."""
    wanted, chosen = set(outputs), []
    for stage in reversed(stages):
        # A stage without outputs only looks at its columns: whoever needs these needs its judgement.
        made = stage.outputs or stage.inputs
        if wanted.intersection(name for name in made if name):
            chosen.append(stage)
            wanted.update(stage.inputs)
    return tuple(reversed(chosen))
