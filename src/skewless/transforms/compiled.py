"""The compiled row path: bound stages as the lines of one function. What it gives up, the row kernels process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from skewless.ops.compiling import LARGEST, Cell, Looked, Source, Symbol, as_slots
from skewless.schema import Field
from skewless.transforms.bind import BoundStage

RowFunction: TypeAlias = Callable[[Sequence[Any]], tuple[Any, ...]]


def row_function(
    stages: Sequence[BoundStage], inputs: Sequence[Field], outputs: Sequence[str], otherwise: RowFunction
) -> RowFunction:
    """The function from the values of ``inputs`` to those of ``outputs``; ``otherwise`` takes the rows it gives up."""
    source = Source("row", "cells")
    cells = source.unpacked("cells", [field.type for field in inputs])
    given: dict[str, Symbol] = {field.name: cell for field, cell in zip(inputs, cells, strict=True)}
    made = [source.value(symbol) for symbol in emit(source, stages, given, outputs)]
    source.give(f"({''.join(f'{name}, ' for name in made)})")
    return source.function([f"return {source.constant(otherwise)}(cells)"])


def emit(
    source: Source, stages: Sequence[BoundStage], given: Mapping[str, Symbol], outputs: Sequence[str]
) -> list[Symbol]:
    """The symbols of some columns, from those of the columns given; ``stages`` are all that are needed for them."""
    columns = dict(given)
    for number, stage in enumerate(stages):
        read = {name for later in stages[number + 1 :] for name in later.inputs}.union(outputs)
        inputs = [columns[name] for name in stage.inputs]
        wanted = [name in read for name in stage.outputs]
        made = (
            stage.op.emit(source, inputs, wanted) or _ahead(stage, inputs) or _called(source, stage, inputs)
        )
        for name, symbol in zip(stage.outputs, made, strict=True):
            if name is not None and symbol is not None:
                columns[name] = symbol
    return [columns[name] for name in outputs]


def _ahead(stage: BoundStage, inputs: Sequence[Symbol]) -> Sequence[Symbol] | None:
    """The row kernel's outputs for all that its input can be, where that is a table."""
    if len(inputs) != 1 or not stage.op.pure or not stage.outputs:
        return None
    (value,) = inputs
    if not isinstance(value, Looked) or len(value.table) > LARGEST:
        return None
    kernel = stage.op.row(stage.input_types)
    if len(stage.outputs) == 1:
        return [value.map(kernel, stage.output_types[0])]
    made = value.map(kernel, value.type)
    return [
        made.map(lambda several, place=place: several[place], type_)  # type: ignore[misc]
        for place, type_ in enumerate(stage.output_types)
    ]


def _called(source: Source, stage: BoundStage, inputs: Sequence[Symbol]) -> Sequence[Symbol]:
    """A call of the row kernel."""
    arguments = []
    for value in inputs:
        slots = as_slots(value, any_form=True) if stage.op.any_form and value.type.is_vector else None
        arguments.append(source.value(value) if slots is None else slots.dense(source))
    call = f"{source.constant(stage.op.row(stage.input_types))}({', '.join(arguments)})"
    if len(stage.outputs) == 1:
        return [Cell(source.local(call), stage.output_types[0])]
    return source.unpacked(call, stage.output_types)
