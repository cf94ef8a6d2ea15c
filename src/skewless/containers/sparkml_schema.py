"""The SparkML container's schema: which columns come in, which one goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from skewless.errors import SettingError
from skewless.schema import Base, Field, Schema, Struct, Type


class _Column(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    type: Base
    struct: Struct | None = Struct.BASIC


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    input: list[_Column]
    output: _Column


@dataclass(frozen=True, slots=True)
class SparkMLSchema:
    """Columns of a request in order, and the column that is answered."""

    inputs: Schema
    output: Field


def parse_schema(text: str | bytes, where: str) -> SparkMLSchema:
    """A schema from its JSON text; SettingError says what is wrong in it and ``where`` it came from."""
    try:
        document = msgspec.json.decode(text, type=_Document)
    except msgspec.DecodeError as error:
        raise _wrong(where, str(error)) from None
    return _schema(document, where)


def convert_schema(document: Any, where: str) -> SparkMLSchema:
    """A schema from JSON that is already read."""
    try:
        return _schema(msgspec.convert(document, _Document), where)
    except msgspec.ValidationError as error:
        raise _wrong(where, str(error)) from None


def _schema(document: _Document, where: str) -> SparkMLSchema:
    for column in (*document.input, document.output):
        if column.struct in (Struct.VECTOR, Struct.VECTORS) and column.type is not Base.DOUBLE:
            raise _wrong(where, f"column {column.name!r}: Only Double type is supported for vector")
    return SparkMLSchema(Schema(tuple(map(_field, document.input))), _field(document.output))


def _field(column: _Column) -> Field:
    return Field(column.name, Type(column.type, column.struct or Struct.BASIC))


def _wrong(where: str, what: str) -> SettingError:
    return SettingError(
        f"the schema in {where} is wrong: {what}",
        hint='It looks like {"input": [{"name": "x", "type": "double"}], '
        '"output": {"name": "features", "type": "double", "struct": "vector"}}.',
    )
