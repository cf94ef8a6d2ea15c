"""How the original SparkML container reads rows, with ``SKEWLESS_STRICT=1``: value by value, in its order.

Its texts are those of Java 8, which the errors carry as ``original``. It reads the first CSV record only, ignores
fields beyond the schema's, knows no null, and casts the elements of lists where others convert them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from skewless.codecs import csvtext
from skewless.errors import BodyError, ValueRefused
from skewless.javatext import double_text, fits, parse_value
from skewless.schema import Base, Field, Schema, Struct
from skewless.table import Table, from_cells

NO_RECORD: Final = "Index: 0, Size: 0"

_CLASSES: Final = {
    Base.BOOLEAN: "Boolean",
    Base.BYTE: "Byte",
    Base.SHORT: "Short",
    Base.INT: "Integer",
    Base.LONG: "Long",
    Base.FLOAT: "Double",
    Base.DOUBLE: "Double",
    Base.STRING: "String",
}


def first_record(body: bytes, schema: Schema) -> Table:
    """All that is read of a CSV body."""
    found = csvtext.records(csvtext.text_of(body))
    if not found:
        raise BodyError("the body has no record", hint="Send one record a line.", original=NO_RECORD)
    cells = csv_cells(found[0], schema)
    return Table({field.name: from_cells(field.type, [c]) for field, c in zip(schema, cells, strict=True)}, 1)


def csv_cells(fields: Sequence[str], schema: Schema) -> list[Any]:
    """One record's fields as values of the schema's types."""
    return [_csv_cell(fields, position, field) for position, field in enumerate(schema)]


def _csv_cell(fields: Sequence[str], position: int, field: Field) -> Any:
    if position >= len(fields):
        raise _short(fields, position, field, 0, str(position))
    if field.type.struct is not Struct.BASIC:
        raise _refused(csvtext.NO_LIST, fields[position], field, 0)
    return _parsed(fields[position], fields[position], field, 0)


def rows_of(objects: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The rows of a JSON Lines body: a line is a list of rows where each of its values is a list."""
    rows: list[Any] = []
    for found in objects:
        data = found["data"]
        if all(item is None or isinstance(item, list) for item in data):
            rows.extend(data)
        else:
            rows.append(data)
    if not rows:
        raise BodyError("the body has no row", hint='Send one {"data": […]} a line.', original=NO_RECORD)
    return rows


def table_of(rows: Sequence[Any], schema: Schema) -> Table:
    """JSON rows as a table of the schema's types. ValueRefused names row, column and value."""
    cells = [
        [_cell(row, position, f, number) for position, f in enumerate(schema)]
        for number, row in enumerate(rows)
    ]
    columns = {
        f.name: from_cells(f.type, [row[position] for row in cells]) for position, f in enumerate(schema)
    }
    return Table(columns, len(cells))


def _cell(row: Any, position: int, field: Field, number: int) -> Any:
    if row is None:
        raise ValueRefused("the row is null", row=number + 1, original="")
    if position >= len(row):
        raise _short(row, position, field, number, f"Index: {position}, Size: {len(row)}")
    value = row[position]
    if value is None:
        raise _refused("the value is null", value, field, number, original="")
    if field.type.struct is Struct.BASIC:
        return _parsed(text_of(value), value, field, number)
    if not isinstance(value, list):
        raise _refused(csvtext.NO_LIST, value, field, number)
    return [_element(item, field, number) for item in value]


def text_of(value: Any) -> str:
    """``toString`` of what the original's JSON library makes of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return double_text(value)
        case list():
            return f"[{', '.join(map(text_of, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}={text_of(item)}' for key, item in value.items())}}}"
    return str(value)


def _element(item: Any, field: Field, row: int) -> Any:
    """An element of a list, which must be of the class that the library makes of it: 1 is no double, and no long."""
    base = field.type.base
    made, wanted = _class_of(item), _CLASSES[base]
    if item is None:
        raise _refused("an element is null", item, field, row, original="")
    if made.rpartition(".")[2] != wanted:
        text = f"{made} cannot be cast to java.lang.{wanted}"
        raise _refused(f"element {text_of(item)[:80]} is no {base}", item, field, row, original=text)
    return item


def _class_of(item: Any) -> str:
    match item:
        case bool():
            return "java.lang.Boolean"
        case int():
            if fits(item, Base.LONG):
                return f"java.lang.{'Integer' if fits(item, Base.INT) else 'Long'}"
            return "java.math.BigInteger"
        case float():
            return "java.lang.Double"
        case str():
            return "java.lang.String"
        case list():
            return "java.util.ArrayList"
    return "java.util.LinkedHashMap"


def _parsed(text: str, value: Any, field: Field, row: int) -> Any:
    try:
        return parse_value(text, field.type.base)
    except ValueError as error:
        raise _refused(str(error), value, field, row) from None


def _short(row: Sequence[Any], position: int, field: Field, number: int, original: str) -> ValueRefused:
    return ValueRefused(
        f"the record has {len(row)} field{'s' if len(row) != 1 else ''}, and none for column {position + 1}",
        column=field.name,
        row=number + 1,
        value=len(row),
        original=original,
    )


def _refused(message: str, value: Any, field: Field, row: int, original: str | None = None) -> ValueRefused:
    return ValueRefused(
        message,
        column=field.name,
        row=row + 1,
        value=value,
        hint=f"The column is of type {field.type}.",
        original=original,
    )
