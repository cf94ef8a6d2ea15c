"""The compiled row path: bound stages as the lines of one function. What it gives up, the row kernels process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from skewless.ops.compiling import LARGEST, Cell, Looked, NotCompiled, Source, Symbol, as_slots
from skewless.schema import INTEGERS, Base, Field, Struct, Type
from skewless.transforms.bind import BoundStage
from skewless.vectors import WIDE, SparseVector

RowFunction: TypeAlias = Callable[[Sequence[Any]], tuple[Any, ...]]
RecordFunction: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]

_OWN: Final = {
    Base.STRING: "str",
    Base.BOOLEAN: "bool",
    Base.DOUBLE: "float",
    Base.FLOAT: "float",
    **dict.fromkeys(INTEGERS, "int"),
}
"""What a value of the type is in Python, where it is taken as it stands."""


def row_function(
    stages: Sequence[BoundStage], inputs: Sequence[Field], outputs: Sequence[str], otherwise: RowFunction
) -> RowFunction:
    """The function from the values of ``inputs`` to those of ``outputs``; ``otherwise`` takes the rows it gives up."""
    source = Source("row", "cells")
    try:
        cells = source.unpacked("cells", [field.type for field in inputs])
        given: dict[str, Symbol] = {field.name: cell for field, cell in zip(inputs, cells, strict=True)}
        made = [source.value(symbol) for symbol in emit(source, stages, given, outputs)]
        source.give(f"({''.join(f'{name}, ' for name in made)})")
    except NotCompiled:
        return otherwise
    return source.function([f"return {source.constant(otherwise)}(cells)"])


def record_function(
    stages: Sequence[BoundStage],
    inputs: Sequence[Field],
    outputs: Sequence[str],
    checked: Callable[[Mapping[str, Any], str, Type], Any],
    otherwise: RecordFunction,
) -> RecordFunction:
    """The function from a record to itself with ``outputs`` after its own.

    ``checked`` gives a field's value where it is not of the very type. Nothing that goes out is shared with a table.
    """
    source = Source("record", "values")
    try:
        _record(source, stages, inputs, outputs, checked)
    except NotCompiled:
        return otherwise
    return source.function([f"return {source.constant(otherwise)}(values)"])


def _record(
    source: Source,
    stages: Sequence[BoundStage],
    inputs: Sequence[Field],
    outputs: Sequence[str],
    checked: Callable[[Mapping[str, Any], str, Type], Any],
) -> None:
    source.give_up_if("type(values) is not dict")
    given: dict[str, Symbol] = {}
    for field in inputs:
        name, type_ = source.constant(field.name), source.constant(field.type)
        own = _OWN.get(field.type.base) if field.type.struct is Struct.BASIC else None
        call = f"{source.constant(checked)}(values, {name}, {type_})"
        value = source.local(call if own is None else f"values[{name}]")
        if own is not None:
            source.line(f"if type({value}) is not {own}: {value} = {call}")
        given[field.name] = Cell(value, field.type)
    made = zip(outputs, emit(source, stages, given, outputs), strict=True)
    pairs = [f"{source.constant(name)}: {_outside(source, symbol)}, " for name, symbol in made]
    source.give(f"{{**values, {''.join(pairs)}}}")


def _outside(source: Source, symbol: Symbol) -> str:
    """A value as it is handed out: vectors as lists, wide ones as they are."""
    if symbol.type.struct is Struct.BASIC:
        return source.value(symbol)
    slots = as_slots(symbol, any_form=True)
    if slots is not None:
        return slots.dense(source)
    return f"{source.constant(outside)}({source.value(symbol)})"


def outside(cell: Any) -> Any:
    """A value as it is handed out, which the caller may change."""
    if isinstance(cell, SparseVector):
        return cell.dense() if cell.size <= WIDE else cell
    if isinstance(cell, list):
        return [outside(item) if isinstance(item, list | SparseVector) else item for item in cell]
    return cell


def emit(
    source: Source, stages: Sequence[BoundStage], given: Mapping[str, Symbol], outputs: Sequence[str]
) -> list[Symbol]:
    """The symbols of some columns, from those of the columns given; ``stages`` are all that are needed for them."""
    if not all(stage.op.pure for stage in stages):
        # A row that is given up begins anew; what others' code does besides, such as a log or a call, is done once.
        raise NotCompiled
    columns = dict(given)
    for number, stage in enumerate(stages):
        read = {name for later in stages[number + 1 :] for name in later.inputs}.union(outputs)
        inputs = [columns[name] for name in stage.inputs]
        wanted = [name in read for name in stage.outputs]
        made = (
            stage.op.emit(source, inputs, wanted) or _ahead(stage, inputs) or _called(source, stage, inputs)
        )
        source.looked(made)
        for name, symbol in zip(stage.outputs, made, strict=True):
            if name is not None and symbol is not None:
                columns[name] = symbol
    return [columns[name] for name in outputs]


def _ahead(stage: BoundStage, inputs: Sequence[Symbol]) -> Sequence[Symbol] | None:
    """The row kernel's outputs for all that its input can be, where that is a table."""
    if len(inputs) != 1 or not stage.outputs:
        return None
    (value,) = inputs
    if not isinstance(value, Looked) or len(value.table) > LARGEST:
        return None
    if len(stage.outputs) == 1:
        return [value.map(stage.kernel, stage.output_types[0])]
    made = value.map(stage.kernel, value.type)
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
    call = f"{source.constant(stage.kernel)}({', '.join(arguments)})"
    if len(stage.outputs) == 1:
        return [Cell(source.local(call), stage.output_types[0])]
    return source.unpacked(call, stage.output_types)
