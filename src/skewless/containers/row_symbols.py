"""A row between text and stages while it is compiled: what the SparkML container's row methods do, on symbols."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final

from skewless.containers.sparkml_fit import cell_as_type
from skewless.javatext import double_text, narrowed, whole_range
from skewless.ops.compiling import Cell, GiveUp, Looked, Slots, Source, Symbol, as_slots
from skewless.schema import DOUBLE, INTEGERS, Base, Field, Schema, Struct, Type
from skewless.vectors import WIDE, SparseVector, dense

_NUMERALS: Final = "0123456789+-.eE"
"""Of these Python and Java read the same numbers, or none; what has others, Java's rules decide elsewhere."""
_FLOATING: Final = (Base.DOUBLE, Base.FLOAT)


def plain(schema: Schema) -> bool:
    """Whether `decoded` takes these columns: single values, and not too many."""
    return len(schema) <= WIDE and all(field.type.struct is Struct.BASIC for field in schema)


def decoded(source: Source, line: str, schema: Schema) -> list[Cell]:
    """`csvtext.record` and `csvtext.cells_of`: one line's fields as values."""
    types = [field.type for field in schema]
    if all(type_.base is Base.DOUBLE for type_ in types):
        source.give_up_if(f"{line}.strip({_NUMERALS + ','!r})")
        return [
            Cell(cell.name, DOUBLE, null=False, nan=False)
            for cell in source.unpacked(f'map(float, {line}.split(","))', types)
        ]
    source.give_up_if(f"""'"' in {line}""")
    fields = source.unpacked(f'{line}.split(",")', types)
    numbers = [cell.name for cell, field in zip(fields, schema, strict=True) if field.type.is_number]
    if numbers:
        # A character that is no numeral stops the strip. An empty field, which is null, is no number to Python.
        source.give_up_if(f"({source.total(numbers)}).strip({_NUMERALS!r})")
    return [_parsed(source, cell.name, field) for cell, field in zip(fields, schema, strict=True)]


def _parsed(source: Source, text: str, field: Field) -> Cell:
    base = field.type.base
    if base is Base.DOUBLE:
        name = source.local(f"float({text})")
    elif base is Base.FLOAT:
        name = source.local(f"{source.constant(narrowed)}(float({text}), {text})")
    elif base is Base.BOOLEAN:
        name = source.local(f'{text}.lower() == "true"')
    elif base in INTEGERS:
        name = source.local(f"int({text})")
        low, high = whole_range(base)
        source.give_up_if(f"not {low} <= {name} < {high}")
    else:
        name = text
    return Cell(name, field.type, null=False, nan=False)


def as_type(source: Source, symbol: Symbol, wanted: Type) -> Symbol:
    """`cell_as_type`."""
    given = symbol.type
    same = given.base is wanted.base or (given.base is Base.FLOAT and wanted.base is Base.DOUBLE)
    if same or wanted.struct is not Struct.BASIC or wanted.base not in _FLOATING:
        return symbol
    if isinstance(symbol, Looked):
        return symbol.map(lambda cell: cell_as_type(cell, wanted), wanted)
    cell = source.cell(symbol)
    cast = f"{source.constant(cell_as_type)}({cell.name}, {source.constant(wanted)})"
    return Cell(source.local(cast), wanted, null=False, nan=cell.nan)


def spread(source: Source, made: Symbol) -> Symbol:
    """A vector with all its slots, as a container gives it."""
    if not made.type.is_vector:
        return made
    if isinstance(made, Slots):
        return Slots(made.parts, made.type, always_dense=True)
    if isinstance(made, Looked):
        return made.map(_spread, made.type)
    return Cell(source.local(f"{source.constant(_spread)}({made.name})"), made.type, made.null)


def _spread(vector: Any) -> Any:
    return vector.dense() if isinstance(vector, SparseVector) else vector


def flat(source: Source, given: Sequence[Symbol]) -> list[Symbol]:
    """A container's outputs as the next one's inputs: slots one by one, and every number finite."""
    made: list[Symbol] = []
    for symbol in given:
        if isinstance(symbol, Looked) and not symbol.type.is_vector:
            symbol = symbol.map(_finite, symbol.type)
            source.looked([symbol])
            made.append(symbol)
        else:
            made += _slots(source, symbol) if symbol.type.is_vector else [symbol]
    numbers = [one for one in made if isinstance(one, Cell) and one.type.base in _FLOATING]
    source.no_bad(numbers, infinite=True)
    return made


def _slots(source: Source, symbol: Symbol) -> Sequence[Symbol]:
    """A vector's slots in variables, as which they may stand already."""
    slots = as_slots(symbol, any_form=True)
    if slots is not None and all(isinstance(part, Cell) for part in slots.parts):
        return slots.parts
    items = source.value(symbol) if slots is None else slots.dense(source)
    cells = source.unpacked(items, [DOUBLE] * (symbol.type.size or 0))
    return [Cell(cell.name, DOUBLE, null=False) for cell in cells]


def _finite(cell: Any) -> Any:
    if isinstance(cell, float) and not isfinite(cell):
        raise GiveUp
    return cell


def text(source: Source, slots: Slots) -> str:
    """The expression of a vector's text: its slots, with commas between."""
    pieces = []
    for part in slots.parts:
        if isinstance(part, Cell):
            pieces.append(f"{source.constant(double_text)}({part.name})")
        elif part.type.size:
            pieces.append(source.value(part.map(_text, part.type)))
    return f"','.join([{', '.join(pieces)}])"


def _text(vector: Any) -> str:
    return ",".join(map(double_text, dense(vector)))
