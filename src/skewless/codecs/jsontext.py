"""JSON and JSON Lines bodies of the SparkML container: ``{"schema": …, "data": …}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from skewless.codecs.csvtext import NO_LIST, fitting, text_of
from skewless.errors import BodyError, MalformedBody, ValueRefused
from skewless.javatext import double_text, fits, parse_value
from skewless.schema import INTEGERS, Base, Field, Schema, Struct
from skewless.table import Table, from_cells

KEYS = ("schema", "data")
_LISTS = (Struct.ARRAY, Struct.VECTOR)


def read_json(body: bytes) -> Mapping[str, Any]:
    """The object of an ``application/json`` body: one row under ``data``. MalformedBody where it is none."""
    text_of(body)
    try:
        return _object(body, None)
    except BodyError as error:
        raise MalformedBody(error.message, hint=error.hint) from None


def read_json_lines(body: bytes) -> list[Mapping[str, Any]]:
    """The objects of an ``application/jsonlines`` body, one a line; blank lines at the end are no lines."""
    lines = text_of(body).replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise BodyError("the body has no record", hint='Send one {"data": […]} a line.')
    return [_object(line.encode(), number) for number, line in enumerate(lines)]


def _object(data: bytes, line: int | None) -> Mapping[str, Any]:
    row = None if line is None else line + 1
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BodyError(f"this is no JSON: {error}", row=row, hint='Send {"data": [value, …]}.') from None
    if not isinstance(found, dict) or "data" not in found or not isinstance(found["data"], list):
        raise BodyError('there is no list under "data"', row=row, hint='Send {"data": [value, …]}.')
    unknown = [key for key in found if key not in KEYS]
    if unknown:
        raise BodyError(f"unknown property {unknown[0]!r}", row=row, hint=f"Known are {' and '.join(KEYS)}.")
    return found


def rows_of(objects: Sequence[Mapping[str, Any]], schema: Schema) -> list[list[Any]]:
    """The rows of a JSON Lines body: a line's data are one row, or a list of rows."""
    rows: list[list[Any]] = []
    for found in objects:
        data = found["data"]
        if _is_rows(data, schema):
            rows.extend(data)
        else:
            rows.append(data)
    return rows


def _is_rows(data: Sequence[Any], schema: Schema) -> bool:
    """Whether these are rows and not the values of one, which may all be lists too."""
    if not data or not all(isinstance(item, list) for item in data):
        return False
    if len(data) != len(schema) or not all(field.type.struct in _LISTS for field in schema):
        return True
    return all(any(isinstance(value, list) for value in item) for item in data)


def table_of(rows: Sequence[Sequence[Any]], schema: Schema) -> Table:
    """JSON rows as a table of the schema's types. ValueRefused names row, column and value."""
    fitted = [fitting(row, schema, number) for number, row in enumerate(rows)]
    columns = {}
    for position, field in enumerate(schema):
        cells = [cell_of(row[position], field, number) for number, row in enumerate(fitted)]
        try:
            columns[field.name] = from_cells(field.type, cells)
        except ValueRefused as error:
            error.column = field.name
            raise
    return Table(columns, len(fitted))


def cell_of(value: Any, field: Field, row: int) -> Any:
    """One JSON value as a value of the column's type; scalars go through their text, as in the original."""
    if field.type.struct is Struct.BASIC:
        return None if value is None else _scalar(value, field, row)
    if not isinstance(value, list):
        raise _refused(f"{NO_LIST}: {_shown(value)}", value, field, row)
    return [_element(item, field, row) for item in value]


def _element(item: Any, field: Field, row: int) -> Any:
    """An element of a list: a whole number is a double too, and fits into every type that holds it."""
    base = field.type.base
    if base in (Base.DOUBLE, Base.FLOAT):
        if isinstance(item, float) or (_is_whole(item) and fits(item, Base.LONG)):
            return float(item)
    elif base in INTEGERS:
        if _is_whole(item) and fits(item, base):
            return item
    elif isinstance(item, str if base is Base.STRING else bool):
        return item
    raise _refused(f"element {_shown(item)} is no {base}", item, field, row)


def _is_whole(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _scalar(value: Any, field: Field, row: int) -> Any:
    if value is None or isinstance(value, list | dict):
        raise _refused(f"{_shown(value)} is no single {field.type.base}", value, field, row)
    if isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = double_text(value) if isinstance(value, float) else str(value)
    try:
        return parse_value(text, field.type.base)
    except ValueError as error:
        raise _refused(str(error), value, field, row) from None


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)[:80]


def _refused(message: str, value: Any, field: Field, row: int) -> ValueRefused:
    return ValueRefused(
        message, column=field.name, row=row + 1, value=value, hint=f"The column is of type {field.type}."
    )
