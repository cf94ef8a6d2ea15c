"""One output column as text, the way the SparkML container writes it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from skewless.codecs.csvtext import quoted
from skewless.errors import ValueRefused
from skewless.javatext import double_text, value_text
from skewless.schema import Base, Field, Struct
from skewless.table import Table


def render(table: Table, field: Field, accept: str, exact: bool) -> list[str]:
    """Every row's text; see `render_cell`."""
    column = table[field.name]
    nulls = column.null_mask
    if nulls is not None and nulls.any():
        raise _null(field, table.row_number(int(np.argmax(nulls))))
    if isinstance(column.values, pa.DictionaryArray):
        # Each label's text is made once, however many rows have it.
        labels = [
            render_cell(label, field, 0, accept, exact) for label in column.values.dictionary.to_pylist()
        ]
        return [labels[index] for index in column.values.indices.to_pylist()]
    return [
        render_cell(cell, field, table.row_number(position), accept, exact)
        for position, cell in enumerate(column.values.tolist())
    ]


def render_cell(cell: Any, field: Field, row: int, accept: str, exact: bool) -> str:
    """One value's text for this Accept; ``exact`` never quotes strings, as the original does not.

    Numbers are in Java's form. ValueRefused for null, which the original turns into 0; ``row`` counts from 0.
    """
    if cell is None:
        raise _null(field, row)
    base = field.type.base
    if field.type.struct is Struct.BASIC:
        if base is Base.STRING:
            return str(cell) if exact or accept != "text/csv" else quoted(cell)
        return value_text(cell, base)
    if field.type.struct is Struct.ARRAY and None in cell:
        raise _null(field, row)
    if field.type.struct is Struct.VECTORS and accept != "application/jsonlines":
        # As text, a vector is its slots, and so is an array of vectors.
        cell = [slot for vector in cell for slot in vector]
    if accept == "application/jsonlines":
        return '{"features":[' + ",".join(_json(item, base) for item in cell) + "]}"
    if accept == "application/jsonlines;data=text":
        texts = " ".join(value_text(item, base) for item in cell)
        return '{"source":' + msgspec.json.encode(texts).decode() + "}"
    if base is Base.DOUBLE:
        return ",".join(map(double_text, cell))
    quote = str if exact or base is not Base.STRING else quoted
    return ",".join(quote(value_text(item, base)) for item in cell)


def _null(field: Field, row: int) -> ValueRefused:
    return ValueRefused("the answer is null", column=field.name, row=row + 1)


def _json(item: Any, base: Base) -> str:
    if isinstance(item, list):
        return f"[{','.join(_json(inner, base) for inner in item)}]"
    if base is Base.STRING:
        return msgspec.json.encode(item).decode()
    text = value_text(item, base)
    return text if not isinstance(item, float) or math.isfinite(item) else f'"{text}"'
