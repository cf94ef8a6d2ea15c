"""CSV bodies to typed columns, a record or a whole batch at a time, with the same values and the same errors.

The dialect is RFC 4180's, as the SparkML container reads it: comma, double quotes, any line end, blank lines skipped,
blanks around a field kept. Values are read as Java reads them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from skewless.errors import BodyError, EmptyBody, ValueRefused
from skewless.javatext import parse_value
from skewless.schema import INTEGERS, Base, Field, Schema, Struct
from skewless.table import Column, Table, column_from_arrow, from_cells

_BULK: Final = 4096
"""Below so many bytes the plain reader is quicker than setting up Arrow's."""


def text_of(body: bytes) -> str:
    """The body as text. BodyError says which byte is not UTF-8; EmptyBody where there is none."""
    if not body:
        raise EmptyBody("the body is empty", hint="Send one record a line.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BodyError(
            f"the body is not UTF-8: byte {body[error.start]:#04x} at position {error.start}",
            hint="Encode the text as UTF-8.",
        ) from None


def single_line(body: bytes) -> str | None:
    """The text of a body that is one line, with or without a line end; None for any other body."""
    line = body[:-2] if body.endswith(b"\r\n") else body[:-1] if body.endswith(b"\n") else body
    if not line or b"\n" in line or b"\r" in line:
        return None
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def record(line: str) -> Sequence[str]:
    """The fields of one line without its line end."""
    if '"' not in line:
        return line.split(",")
    return records(line)[0]


def records(text: str) -> list[list[str]]:
    """All records of a text. BodyError where its quotes do not match."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[list[str]] = []
    try:
        for fields in reader:
            if fields:
                found.append(fields)
    except csv.Error as error:
        raise BodyError(
            f"this is no CSV: {error} (line {reader.line_num})",
            row=len(found) + 1,
            hint='Put a field that holds commas or quotes in quotes, with each quote inside doubled: "a ""b"", c".',
        ) from None
    return found


def read_table(body: bytes, schema: Schema, *, extra: bool = False) -> Table:
    """A body of any number of records as a table; ``extra`` lets records have more fields than the schema.

    BodyError, ValueRefused or EmptyBody say what is wrong, and in which row and column.
    """
    _check_basic(schema)
    columns = _bulk(body, schema) if len(body) > _BULK and b'"' not in body else None
    if columns is None:
        rows = [fitting(fields, schema, number, extra) for number, fields in enumerate(records(text_of(body)))]
        if not rows:
            raise EmptyBody("the body has no record", hint="Send one record a line.")
        columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    typed = {field.name: _typed(texts, field) for field, texts in zip(schema, columns, strict=True)}
    return Table(typed, len(columns[0]))


def cells_of(fields: Sequence[str], schema: Schema, *, extra: bool = False) -> list[Any]:
    """One record's fields as values of the schema's types."""
    _check_basic(schema)
    fields = fitting(fields, schema, 0, extra)
    return [_parsed(text, field, 0) for text, field in zip(fields, schema, strict=True)]


def fitting(fields: Sequence[str], schema: Schema, row: int, extra: bool) -> Sequence[str]:
    """The fields, when there are as many as columns; ``row`` counts from 0."""
    if len(fields) == len(schema):
        return fields
    if len(fields) > len(schema) and extra:
        return fields[: len(schema)]
    raise ValueRefused(
        f"the record has {len(fields)} field{'s' if len(fields) != 1 else ''} where {len(schema)} are expected",
        row=row + 1,
        value=len(fields),
        hint=f"The columns are: {', '.join(schema.names)}.",
    )


def _check_basic(schema: Schema) -> None:
    for field in schema:
        if field.type.struct is not Struct.BASIC:
            raise BodyError(
                "Input val is not a list but struct passed is vector/array",
                column=field.name,
                hint="Send application/json or application/jsonlines, which can hold lists.",
            )


def _bulk(body: bytes, schema: Schema) -> list[pa.Array] | None:
    """All fields as strings by Arrow's reader; None where it meets anything that the plain reader must explain."""
    names = list(schema.names)
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(body),
            arrow_csv.ReadOptions(column_names=names, block_size=max(len(body), 1 << 20), use_threads=False),
            arrow_csv.ParseOptions(quote_char=False),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [_whole(chunks) for chunks in table.columns] if table.num_rows else None


def _whole(chunks: pa.ChunkedArray) -> pa.Array:
    return chunks.chunk(0) if chunks.num_chunks == 1 else pa.concat_arrays(chunks.chunks)


def _typed(texts: pa.Array, field: Field) -> Column:
    if field.type.base is Base.STRING:
        return Column(field.type, texts)
    column = _quick(texts, field)
    if column is not None:
        return column
    cells = [_parsed(text, field, row) for row, text in enumerate(texts.to_pylist())]
    return from_cells(field.type, cells)


def _quick(texts: pa.Array, field: Field) -> Column | None:
    """The column by Arrow's own parser, where it surely reads what Java reads; None otherwise."""
    base = field.type.base
    if base is Base.BOOLEAN:
        return column_from_arrow(pa.table({field.name: pc.equal(pc.utf8_lower(texts), "true")}), field)
    if base in INTEGERS and pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():
        return None
    try:
        column = column_from_arrow(pa.table({field.name: texts}), field)
    except ValueRefused:
        return None
    # Arrow also takes "nan" and "inf" in any case; Java is particular about them.
    return column if base in INTEGERS or bool(np.isfinite(column.values).all()) else None


def _parsed(text: str, field: Field, row: int) -> Any:
    try:
        return parse_value(text, field.type.base)
    except ValueError as error:
        raise ValueRefused(
            str(error), column=field.name, row=row + 1, value=text, hint=f"The column is of type {field.type}."
        ) from None


def quoted(text: str) -> str:
    """A text as a CSV field that reads back the same, alone on a line too."""
    if text and not _NEEDS_QUOTES.intersection(text):
        return text
    return '"' + text.replace('"', '""') + '"'


_NEEDS_QUOTES: Final = frozenset(',"\r\n')

Renderer = Callable[[Any], str]
