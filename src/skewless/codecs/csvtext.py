"""CSV bodies to typed columns, a record or a whole batch at a time, with the same values and the same errors.

The dialect is RFC 4180's, as the SparkML container reads it: comma, double quotes, any line end, blank lines skipped,
blanks around a field kept. Values are read as Java reads them; an empty field of a number is null, as in Spark's CSV.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from skewless.arrow import pc
from skewless.errors import BodyError, EmptyBody, ValueRefused
from skewless.javatext import parse_value
from skewless.native.fields import LARGEST, Kind, Numbers, Texts, parted
from skewless.schema import INTEGERS, Base, Field, Schema, Struct
from skewless.table import DTYPES, Column, Table, arrow_type, from_cells

NO_LIST: Final = "Input val is not a list but struct passed is vector/array"
_BULK: Final = 4096
"""Below so many bytes the plain reader is quicker than setting up the other."""
_KINDS: Final = {Base.STRING: Kind.TEXT, Base.DOUBLE: Kind.DOUBLE} | dict.fromkeys(INTEGERS, Kind.INTEGER)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LINE: Final = re.compile(rb"[^\r\n]+")
_MARK: Final = "\ufeff"
_NEEDS_QUOTES: Final = re.compile('[,"\r\n]')

# Python would refuse fields beyond 128 KiB. How long a body may be is its front's decision, and no field is longer.
csv.field_size_limit(sys.maxsize)


def text_of(body: bytes) -> str:
    """The body as text. BodyError says which byte of which line is not UTF-8; EmptyBody where there is none."""
    if not body:
        raise EmptyBody("the body is empty", hint="Send one record a line.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = max(body.rfind(b"\n", 0, error.start), body.rfind(b"\r", 0, error.start)) + 1
        raise BodyError(
            f"this is not UTF-8: byte {body[error.start]:#04x} at position {error.start - line + 1} of the line",
            row=len(_LINE.findall(body, 0, line)) + 1,
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
    if '"' not in text:
        return [line.split(",") for line in _LINE_END.split(text) if line]
    found: list[list[str]] = []
    try:
        for fields in csv.reader(io.StringIO(text, newline=""), strict=True):
            if fields:
                found.append(fields)
    except csv.Error as error:
        raise BodyError(
            f"this is no CSV: {error}",
            row=len(found) + 1,
            hint='Put a field that holds commas or quotes in quotes, with each quote inside doubled: "a ""b"", c".',
        ) from None
    return found


def read_table(body: bytes, schema: Schema, *, bulk_from: int = _BULK) -> Table:
    """A body of any number of records as a table; from ``bulk_from`` bytes on in one pass where that will do.

    BodyError, ValueRefused or, for no byte at all, EmptyBody say what is wrong, and in which row and column.
    """
    _check_basic(schema)
    table = _bulk(body, schema) if len(body) >= bulk_from else None
    if table is not None:
        return table
    rows = [fitting(fields, schema, number) for number, fields in enumerate(records(text_of(body)))]
    if not rows:
        raise BodyError(
            "the body has no record", hint="Send one record a line.", original="Index: 0, Size: 0"
        )
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    typed = {field.name: _typed(texts, field) for field, texts in zip(schema, columns, strict=True)}
    return Table(typed, len(rows))


def cells_of(fields: Sequence[str], schema: Schema) -> list[Any]:
    """One record's fields as values of the schema's types."""
    _check_basic(schema)
    fields = fitting(fields, schema, 0)
    return [
        None if not text and field.type.is_number else _parsed(text, field, 0)
        for text, field in zip(fields, schema, strict=True)
    ]


def fitting(fields: Sequence[Any], schema: Schema, row: int) -> Sequence[Any]:
    """The fields, when there are as many as columns; ``row`` counts from 0."""
    if len(fields) == len(schema):
        return fields
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
                NO_LIST,
                column=field.name,
                hint="Send application/json or application/jsonlines, which can hold lists.",
            )


def _bulk(body: bytes, schema: Schema) -> Table | None:
    """A body read in one pass; None where there is anything that the plain reader must explain."""
    # Quotes have rules of their own, and a byte order mark has a hint.
    if b'"' in body or body.startswith(_MARK.encode()) or len(body) > LARGEST or not _is_utf8(body):
        return None
    parts = parted(body, [_KINDS.get(field.type.base, Kind.SLICES) for field in schema])
    if not parts or not len(parts[0]):
        return None
    columns: dict[str, Column] = {}
    for part, field in zip(parts, schema, strict=True):
        column = _typed(_texts(part), field) if isinstance(part, Texts) else _in_range(part, field)
        if column is None:
            return None
        columns[field.name] = column
    return Table(columns, len(parts[0]))


def _is_utf8(body: bytes) -> bool:
    try:
        return body.isascii() or bool(body.decode())
    except UnicodeDecodeError:
        return False


def _texts(part: Texts) -> pa.Array:
    buffers = pa.py_buffer(part.offsets), pa.py_buffer(part.data)
    texts = pa.StringArray.from_buffers(len(part.offsets) - 1, *buffers)
    return texts if part.codes is None else pa.DictionaryArray.from_arrays(part.codes, texts, safe=False)


def _in_range(part: Numbers, field: Field) -> Column | None:
    """A column of numbers; None where one is out of the type's range."""
    values = part.values.astype(DTYPES[field.type.base], copy=False)
    if values.dtype != part.values.dtype and (values != part.values).any():
        return None
    return Column(field.type, values, part.absent if part.absent.any() else None)


def _typed(texts: pa.Array, field: Field) -> Column:
    if field.type.base is Base.STRING:
        return Column(field.type, texts)
    nulls = None
    if field.type.is_number:
        empty = pc.equal(texts, "")
        if pc.any(empty).as_py():
            nulls = empty.to_numpy(zero_copy_only=False)
            texts = pc.if_else(empty, "0", texts)
    column = _quick(texts, field)
    if column is None:
        column = from_cells(
            field.type, [_parsed(text, field, row) for row, text in enumerate(texts.to_pylist())]
        )
    return column if nulls is None else Column(field.type, column.values, nulls)


def _quick(texts: pa.Array, field: Field) -> Column | None:
    """The column by Arrow's own parser, where it surely reads what Java reads; None otherwise."""
    base = field.type.base
    if base is Base.BOOLEAN:
        flags = pc.equal(pc.utf8_lower(texts), "true")
        return Column(field.type, flags.to_numpy(zero_copy_only=False))
    # To Arrow 0x10 is a whole number.
    if base in INTEGERS and pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():
        return None
    try:
        values = texts.cast(arrow_type(field.type)).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    # Arrow takes "nan" and "inf" in any case; Java is particular about them.
    odd = [] if base in INTEGERS else np.flatnonzero(~np.isfinite(values)).tolist()
    if odd:
        values = values.copy()
        values[odd] = [_parsed(texts[row].as_py(), field, row) for row in odd]
    return Column(field.type, values)


def _parsed(text: str, field: Field, row: int) -> Any:
    try:
        return parse_value(text, field.type.base)
    except ValueError as error:
        hint = f"The column is of type {field.type}."
        if text.startswith(_MARK):
            hint = "The text begins with a byte order mark: save it as UTF-8 without one."
        raise ValueRefused(str(error), column=field.name, row=row + 1, value=text, hint=hint) from None


def quoted(text: str) -> str:
    """A text as a CSV field that reads back the same, alone on a line too."""
    if text and not _NEEDS_QUOTES.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'
