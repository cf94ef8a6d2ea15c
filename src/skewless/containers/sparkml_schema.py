"""The SparkML container's schema: which columns come in, and which go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from skewless.errors import SettingError
from skewless.schema import Base, Field, Schema, Struct, Type

ONLY_DOUBLE: Final = "Only Double type is supported for vector"
WRONG_TYPE: Final = "Data type passed in the request is wrong for one or more columns"
_TYPES: Final = tuple(map(str, Base))
_STRUCTS: Final = tuple(map(str, Struct))


class SchemaError(SettingError):
    """A schema is wrong; ``original`` is the original's text where it has one."""

    def __init__(self, message: str, *, hint: str | None = None, original: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.original = original


class _Column(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    type: str
    struct: str | None = "basic"


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    input: list[_Column]
    output: _Column | list[_Column]


@dataclass(frozen=True, slots=True)
class SparkMLSchema:
    """Columns of a request in order, and the columns that are answered.

    ``listed``: the outputs stand in a list, which the original does not know, and are answered by name.
    """

    inputs: Schema
    outputs: Schema
    listed: bool = False


def parse_schema(text: str | bytes, where: str, *, strict: bool = False) -> SparkMLSchema:
    """A schema from its JSON text; SchemaError says what is wrong in it and ``where`` it came from.

    ``strict`` takes an unknown struct for a vector and refuses a list of outputs, as the original does.
    """
    try:
        document = msgspec.json.decode(text, type=_Document)
    except ValueError as error:
        raise _wrong(where, str(error)) from None
    return _schema(document, where, strict)


def convert_schema(document: Any, where: str, *, strict: bool = False) -> SparkMLSchema:
    """A schema from JSON that is already read."""
    try:
        return _schema(msgspec.convert(document, _Document), where, strict)
    except msgspec.ValidationError as error:
        raise _wrong(where, str(error)) from None


def _schema(document: _Document, where: str, strict: bool) -> SparkMLSchema:
    listed = isinstance(document.output, list)
    outputs = document.output if isinstance(document.output, list) else [document.output]
    if listed and (strict or not outputs):
        raise _wrong(where, "there is no output" if not outputs else "strictly, there is one output, no list")
    try:
        inputs = _columns(document.input, where, strict)
        return SparkMLSchema(inputs, _columns(outputs, where, strict), listed)
    except SchemaError:
        raise
    except SettingError as error:  # two columns of one name
        raise _wrong(where, error.message) from None


def _columns(columns: Sequence[_Column], where: str, strict: bool) -> Schema:
    return Schema(tuple(_field(column, where, strict) for column in columns))


def _field(column: _Column, where: str, strict: bool) -> Field:
    told = f"column {column.name!r}"
    if column.type not in _TYPES:
        what = f"{WRONG_TYPE}: {told} has type {column.type!r}, and there are {', '.join(_TYPES)}"
        raise _wrong(where, what, WRONG_TYPE)
    struct = "basic" if column.struct is None else column.struct
    if struct not in _STRUCTS or (strict and struct == Struct.VECTORS):
        if not strict:
            raise _wrong(where, f"{told}: struct {struct!r} is none of {', '.join(_STRUCTS)}")
        struct = Struct.VECTOR
    if struct in (Struct.VECTOR, Struct.VECTORS) and column.type != Base.DOUBLE:
        raise _wrong(where, f"{told}: {ONLY_DOUBLE}", ONLY_DOUBLE)
    return Field(column.name, Type(Base(column.type), Struct(struct)))


def _wrong(where: str, what: str, original: str | None = None) -> SchemaError:
    return SchemaError(
        f"the schema in {where} is wrong: {what}",
        hint='It looks like {"input": [{"name": "x", "type": "double"}], '
        '"output": {"name": "features", "type": "double", "struct": "vector"}}.',
        original=original,
    )
