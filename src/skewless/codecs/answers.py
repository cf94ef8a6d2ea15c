"""Output columns as text, the way the SparkML container writes them: one column bare, several by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from skewless.codecs.bulk import TEXT, grouped, java_texts, quoted_texts, side_by_side
from skewless.codecs.csvtext import quoted
from skewless.errors import ValueRefused
from skewless.javatext import double_text, value_text
from skewless.schema import Base, Field, Schema, Struct
from skewless.table import Column, Table

CSV: Final = "text/csv"
LINES: Final = "application/jsonlines"

_UNBOXED: Final = {Base.BOOLEAN: "false", Base.DOUBLE: "0.0", Base.FLOAT: "0.0"}
"""What null becomes in the original, by Scala's unboxing; ``0`` for whole numbers."""


def render(table: Table, field: Field, accept: str, exact: bool) -> pa.Array:
    """Every row's text; see `render_cell`."""
    found = _bulk(table[field.name], accept, exact)
    if found is not None:
        return found
    return _texts(table, field, lambda cell, row: render_cell(cell, field, row, accept, exact))


def render_named(table: Table, outputs: Schema, accept: str) -> pa.Array:
    """Every row's text of columns that were asked for in a list; see `render_cells`."""
    if accept == CSV:
        found = [_bulk(table[field.name], accept, False) for field in outputs]
        if None not in found and all(field.type.size != 0 for field in outputs):
            return side_by_side(found, ",")
    columns = [
        _texts(table, field, lambda cell, row, field=field: _part(cell, field, row, accept)).to_pylist()  # type: ignore[misc]
        for field in outputs
    ]
    return pa.array([_joined(parts, accept) for parts in zip(*columns, strict=True)], TEXT)


def render_cells(cells: Sequence[Any], outputs: Schema, accept: str) -> str:
    """One row of columns that were asked for in a list.

    CSV: the fields of each column after the other. JSON Lines: an object with each column's value under its name. With
    ``data=text``: all values with blanks between.
    """
    parts = [_part(cell, field, 0, accept) for cell, field in zip(cells, outputs, strict=True)]
    return _joined(parts, accept)


def render_cell(cell: Any, field: Field, row: int, accept: str, exact: bool) -> str:
    """One value's text for this Accept.

    Numbers are in Java's form. ``exact`` is as the original: strings are never quoted, null numbers are 0, and a single
    32-bit float is refused. Otherwise ValueRefused for null; ``row`` counts from 0.
    """
    base = field.type.base
    if field.type.struct is Struct.BASIC:
        return _exact(cell, field, row) if exact else _single(cell, field, row, accept)
    cell = _list(cell, field, row, flat=accept != LINES)
    if accept == LINES:
        return '{"features":[' + ",".join(_json(item, base) for item in cell) + "]}"
    if accept == CSV:
        return _fields(cell, base, exact)
    return _source(value_text(item, base) for item in cell)


def _bulk(column: Column, accept: str, exact: bool) -> pa.Array | None:
    """What `render_cell` gives for every cell, made at once; None where each must be looked at."""
    base, struct = column.type.base, column.type.struct
    if column.null_mask is not None or (exact and base is Base.FLOAT):
        return None
    if column.type.is_vector and accept == CSV and column.type.size:
        slots = np.ascontiguousarray(column.dense()).reshape(-1)
        return grouped(java_texts(slots, base), column.type.size, ",")
    if struct is not Struct.BASIC:
        return None
    if base is not Base.STRING:
        return java_texts(column.values, base)
    return quoted_texts(column.values) if accept == CSV and not exact else column.values


def _texts(table: Table, field: Field, text_of: Callable[[Any, int], str]) -> pa.Array:
    column = table[field.name]
    cells = column.values.tolist()
    nulls = column.null_mask
    if nulls is not None:
        cells = [None if null else cell for cell, null in zip(cells, nulls.tolist(), strict=True)]
    return pa.array([text_of(cell, table.row_number(position)) for position, cell in enumerate(cells)], TEXT)


def _single(cell: Any, field: Field, row: int, accept: str) -> str:
    if cell is None:
        raise _null(field, row)
    if field.type.base is Base.STRING:
        return str(cell) if accept != CSV else quoted(cell)
    return value_text(cell, field.type.base)


def _exact(cell: Any, field: Field, row: int) -> str:
    base = field.type.base
    if cell is None:
        if base is Base.STRING:
            raise _null(field, row)
        return _UNBOXED.get(base, "0")
    if base is Base.FLOAT:
        raise ValueRefused(
            "a single float of 32 bits is not answered, strictly",
            column=field.name,
            row=row + 1,
            hint="Have the pipeline make a double.",
            original="java.lang.Float cannot be cast to java.lang.Double",
        )
    return str(cell) if base is Base.STRING else value_text(cell, base)


def _list(cell: Any, field: Field, row: int, *, flat: bool) -> list[Any]:
    """The elements of a vector or array; ``flat``: those of an array of vectors are all their slots."""
    if cell is None or (field.type.struct is Struct.ARRAY and None in cell):
        raise _null(field, row)
    if flat and field.type.struct is Struct.VECTORS:
        return [slot for vector in cell for slot in vector]
    return list(cell)


def _fields(cell: Iterable[Any], base: Base, exact: bool) -> str:
    if base is Base.DOUBLE:
        return ",".join(map(double_text, cell))
    quote = str if exact or base is not Base.STRING else quoted
    return ",".join(quote(value_text(item, base)) for item in cell)


def _part(cell: Any, field: Field, row: int, accept: str) -> str:
    """What one of several columns is within a row's text."""
    base, basic = field.type.base, field.type.struct is Struct.BASIC
    items = [cell] if basic else _list(cell, field, row, flat=accept != LINES)
    if basic and cell is None:
        raise _null(field, row)
    if accept == CSV:
        return _fields(items, base, False)
    if accept == LINES:
        value = _json(cell if basic else items, base)
        return f"{msgspec.json.encode(field.name).decode()}:{value}"
    return " ".join(value_text(item, base) for item in items)


def _joined(parts: Iterable[str], accept: str) -> str:
    if accept == CSV:
        return ",".join(filter(None, parts))  # a list without elements has no field
    if accept == LINES:
        return "{" + ",".join(parts) + "}"
    return _source(filter(None, parts))


def _source(texts: Iterable[str]) -> str:
    return '{"source":' + msgspec.json.encode(" ".join(texts)).decode() + "}"


def _null(field: Field, row: int) -> ValueRefused:
    return ValueRefused("the answer is null", column=field.name, row=row + 1, original="")


def _json(item: Any, base: Base) -> str:
    if isinstance(item, list):
        return f"[{','.join(_json(inner, base) for inner in item)}]"
    if base is Base.STRING:
        return msgspec.json.encode(item).decode()
    text = value_text(item, base)
    return text if not isinstance(item, float) or math.isfinite(item) else f'"{text}"'
