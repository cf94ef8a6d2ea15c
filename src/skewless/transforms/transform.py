"""`Transform`: a bound graph that runs, a whole batch at a time or a row at a time, with the same bits."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

import pyarrow as pa

from skewless.errors import AllSkipped, SettingError, ValueRefused
from skewless.ops.compiling import Source, Symbol
from skewless.ops.op import Refused, Skipped
from skewless.schema import Base, Field, Schema, Struct, Type
from skewless.spec import StageGraph
from skewless.table import Column, Table, from_arrow, to_arrow
from skewless.transforms.bind import BoundStage, bind, needed_for, optional_inputs
from skewless.transforms.compiled import (
    RecordFunction,
    RowFunction,
    emit,
    outside,
    record_function,
    row_function,
)
from skewless.trust import NO_TRUST, Trust
from skewless.vectors import SparseVector


@dataclass(frozen=True, slots=True)
class _Whole:
    """All that can be made of some inputs: the columns given, and these with those that are made."""

    inputs: Schema
    outputs: tuple[str, ...]

    @property
    def made(self) -> tuple[str, ...]:
        """The outputs that are no inputs."""
        return self.outputs[len(self.inputs) :]


class Transform:
    """A fitted pipeline, ready to run.

    ``input_schema`` are the columns it reads, ``output_schema`` these and every column its stages add, as Spark's own
    ``transform`` does. Without one of the ``optional_inputs`` (a label), only what is made of it is absent.
    """

    def __init__(self, graph: StageGraph, inputs: Schema | None = None, trust: Trust = NO_TRUST) -> None:
        """Bind ``graph``; ArtifactError or UnsupportedError where it cannot run."""
        self.graph = graph
        self.trust = trust
        bound = bind(graph, inputs, trust)
        self.stages = bound.stages
        for stage in self.stages:
            stage.kernel  # noqa: B018 - what cannot be prepared is told now, and not to whoever sends the first row
        self.input_schema = bound.inputs
        self.output_schema = bound.inputs.plus([f for stage in bound.stages for f in stage.produced])
        self.optional_inputs = optional_inputs(bound)
        self._given = lru_cache(maxsize=16)(self._without)
        self._records = lru_cache(maxsize=16)(self._record)

    def check_trust(self) -> None:
        """TrustError for the first stage whose code is not trusted."""
        for stage in self.stages:
            stage.op.check_trust()

    def table(self, source: pa.Table, vectors: str = "auto") -> pa.Table:
        """An Arrow table with every stage's columns after its own.

        ``vectors`` says how vectors go out: ``dense`` as list<double>; ``sparse`` as Spark's struct of type, size,
        indices and values; ``auto`` as lists up to 1,024 slots and as structs beyond. They may come in as either.
        Rows that a stage drops (``handleInvalid="skip"``) are absent, and their numbers, from 0, stand as a JSON list
        under ``skewless.skipped`` in the schema's metadata. ValueRefused names stage, column and row.
        """
        whole = self._given(self._absent(source.column_names))
        done = self.run(from_arrow(source, whole.inputs), whole.outputs)
        skipped: list[int] = []
        if done.rows is not None:
            skipped = sorted(set(range(source.num_rows)) - set(done.rows.tolist()))
            source = source.take(pa.array(done.rows))
        for name in whole.made:
            source = source.append_column(name, to_arrow(done[name], vectors))
        if skipped:
            source = source.replace_schema_metadata({"skewless.skipped": json.dumps(skipped)})
        return source

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """One row as a dict, with every stage's values after its own.

        Vectors may come in as lists or `SparseVector`s, and go out as lists, wide ones as `SparseVector`s.

        ValueRefused names stage and column, also for a row that a stage would drop.
        """
        return self._records(self._absent(values))(values)

    def _record(self, absent: frozenset[str]) -> RecordFunction:
        """The compiled form of `row` without some optional inputs, over its plain one."""
        whole = self._given(absent)
        kernels = self.row_kernels(whole.made, whole.inputs.names)

        def plain(values: Mapping[str, Any]) -> dict[str, Any]:
            made = kernels([_checked(values, field.name, field.type) for field in whole.inputs])
            return {**values, **dict(zip(whole.made, map(outside, made), strict=True))}

        stages = needed_for(self.stages, whole.made)
        return record_function(stages, whole.inputs.fields, whole.made, _checked, plain)

    def _absent(self, given: Container[str]) -> frozenset[str]:
        """The optional inputs that are not among the columns given."""
        every = self.optional_inputs
        return frozenset(name for name in every if name not in given) if every else every

    def _without(self, absent: frozenset[str]) -> _Whole:
        inputs = Schema(tuple(field for field in self.input_schema if field.name not in absent))
        left_out = {
            name for stage in self.stages if absent.intersection(stage.inputs) for name in stage.outputs
        }
        outputs = tuple(name for name in self.output_schema.names if name not in absent | left_out)
        return _Whole(inputs, outputs)

    def run(self, table: Table, outputs: Sequence[str] | None = None, *, some: bool = False) -> Table:
        """The batch path: a table with this transform's inputs, to one with all columns or just ``outputs``.

        Where ``some`` rows must be left, AllSkipped names the stage that drops the last of them.
        """
        stages = self.stages if outputs is None else needed_for(self.stages, outputs)
        for stage in stages:
            table = _apply(stage, table, some)
        return table if outputs is None else table.select(outputs)

    @property
    def answer(self) -> Field:
        """What is answered where nothing else is asked for: the last column that needs no optional input."""
        names = self._given(self.optional_inputs).outputs
        return next(field for field in reversed(self.output_schema.fields) if field.name in names)

    def inputs_for(self, outputs: Sequence[str]) -> tuple[str, ...]:
        """The input columns without which ``outputs`` could not be made."""
        read = {name for stage in needed_for(self.stages, outputs) for name in stage.inputs}
        return tuple(name for name in self.input_schema.names if name in read or name in outputs)

    def row_function(self, outputs: Sequence[str], inputs: Sequence[str] | None = None) -> RowFunction:
        """The row path: a function from the values of ``inputs`` (by default all, in order) to those of ``outputs``.

        It is compiled; what that gives up, and that alone, the row kernels process one after the other.
        """
        names = self.input_schema.names if inputs is None else inputs
        kernels = self.row_kernels(outputs, names)
        fields = [Field(name, self.input_schema[name]) for name in names]
        return row_function(needed_for(self.stages, outputs), fields, outputs, kernels)

    def emit(self, source: Source, given: Mapping[str, Symbol], outputs: Sequence[str]) -> list[Symbol]:
        """The same within another function: the symbols of ``outputs`` from those of the columns given."""
        return emit(source, needed_for(self.stages, outputs), given, outputs)

    def row_kernels(self, outputs: Sequence[str], inputs: Sequence[str] | None = None) -> RowFunction:
        """The same function as a plain sequence of row kernels, which says what is wrong with a row."""
        names = self.input_schema.names if inputs is None else inputs
        slots = {name: slot for slot, name in enumerate(names)}
        given = len(slots)
        steps = []
        for stage in needed_for(self.stages, outputs):
            reads = tuple(slots[name] for name in stage.inputs)
            writes = []
            for name in stage.outputs:
                writes.append(slots.setdefault(name or f"\0{stage.name}", len(slots)))
            steps.append((stage, stage.kernel, reads, tuple(writes)))
        try:
            picked = tuple(slots[name] for name in outputs)
        except KeyError as missing:
            raise SettingError(
                f"there is no column {missing}", hint=f"There are: {', '.join(self.output_schema.names)}."
            ) from None
        size = len(slots)

        def function(cells: Sequence[Any]) -> tuple[Any, ...]:
            frame: list[Any] = [*cells, *([None] * (size - given))]
            for stage, kernel, reads, writes in steps:
                try:
                    made = kernel(*[frame[slot] for slot in reads])
                except Refused as refused:
                    raise stage.refusal(refused, 0) from None
                except Skipped:
                    raise _skipped(stage, 0) from None
                if len(writes) == 1:
                    frame[writes[0]] = made
                else:
                    for slot, value in zip(writes, made, strict=True):
                        frame[slot] = value
            return tuple([frame[slot] for slot in picked])

        return function

    def trace(self, table: Table, outputs: Sequence[str] | None = None) -> Iterator[tuple[BoundStage, Table]]:
        """Every stage in order (that ``outputs`` need) with the table as it is after it."""
        for stage in self.stages if outputs is None else needed_for(self.stages, outputs):
            table = _apply(stage, table)
            yield stage, table


def _apply(stage: BoundStage, table: Table, some: bool = False) -> Table:
    inputs = [table[name] for name in stage.inputs]
    try:
        keep = stage.op.keep(*inputs)
        if keep is not None and not keep.all():
            if some and not keep.any():
                raise _skipped(stage, table.row_number(0))
            table = table.keep(keep)
            inputs = [table[name] for name in stage.inputs]
        made = stage.op.columns(*inputs)
    except Refused as refused:
        raise stage.refusal(refused, table.row_number(refused.position)) from None
    return table.plus(_named(stage, made))


def _named(stage: BoundStage, made: Sequence[Column]) -> dict[str, Column]:
    return {name: column for name, column in zip(stage.outputs, made, strict=True) if name}


def _skipped(stage: BoundStage, row: int) -> AllSkipped:
    return AllSkipped(
        'the row is dropped here, as handleInvalid="skip" of the stage, or its WHERE, asks',
        stage=stage.name,
        row=row + 1,
        hint="Correct the row, or leave it out.",
    )


_PYTHON: Final[Mapping[Base, tuple[type, ...]]] = {
    Base.STRING: (str,),
    Base.BOOLEAN: (bool,),
    Base.DOUBLE: (float, int),
    Base.FLOAT: (float, int),
}


def _checked(values: Mapping[str, Any], name: str, type_: Type) -> Any:
    if name not in values:
        raise ValueRefused(
            "the value is missing", column=name, row=1, hint=f"The row has: {', '.join(values) or 'nothing'}."
        )
    value: Any = values[name]
    if value is None:
        return None
    if type_.struct is not Struct.BASIC:
        items = value if isinstance(value, SparseVector) else list(value)
        if type_.size is not None and len(items) != type_.size:
            raise ValueRefused(
                f"the vector has {len(items)} values where {type_.size} are expected",
                column=name,
                row=1,
                value=value,
            )
        return items
    wanted = _PYTHON.get(type_.base, (int,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise ValueRefused(
            f"{value!r} is not a {type_}", column=name, row=1, value=value, hint=f"Give a {type_}."
        )
    return float(cast(float, value)) if type_.base in (Base.DOUBLE, Base.FLOAT) else value
