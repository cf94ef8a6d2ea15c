"""Names and types of columns, as plain data. No numpy or Arrow here: see `skewless.table`.

The words are those of the SparkML container's schema: a column has a ``base`` type and a ``struct``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from skewless.errors import SettingError


class Base(StrEnum):
    """The type of a value, or of the elements of a vector or array."""

    BOOLEAN = "boolean"
    BYTE = "byte"
    SHORT = "short"
    INT = "int"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    STRING = "string"


class Struct(StrEnum):
    """How many values a cell holds: one, a fixed number of doubles, any number, or several vectors of one length."""

    BASIC = "basic"
    VECTOR = "vector"
    ARRAY = "array"
    VECTORS = "vectors"


# Widest last: a value of one base fits exactly into any later one of its kind.
INTEGERS = (Base.BYTE, Base.SHORT, Base.INT, Base.LONG)
NUMBERS = (*INTEGERS, Base.FLOAT, Base.DOUBLE)


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a column; ``size`` is the length of its vectors, or None where it is not known."""

    base: Base
    struct: Struct = Struct.BASIC
    size: int | None = None

    @property
    def is_number(self) -> bool:
        """A single number."""
        return self.struct is Struct.BASIC and self.base in NUMBERS

    @property
    def is_string(self) -> bool:
        """A single string."""
        return self.struct is Struct.BASIC and self.base is Base.STRING

    @property
    def is_vector(self) -> bool:
        """A vector of doubles."""
        return self.struct is Struct.VECTOR

    def __str__(self) -> str:
        if self.struct is Struct.BASIC:
            return str(self.base)
        if self.struct is Struct.ARRAY:
            return f"array<{self.base}>"
        one = "vector" if self.size is None else f"vector[{self.size}]"
        return f"array<{one}>" if self.struct is Struct.VECTORS else one


BOOLEAN = Type(Base.BOOLEAN)
INT = Type(Base.INT)
LONG = Type(Base.LONG)
FLOAT = Type(Base.FLOAT)
DOUBLE = Type(Base.DOUBLE)
STRING = Type(Base.STRING)


def vector(size: int | None = None) -> Type:
    """A vector of ``size`` doubles."""
    return Type(Base.DOUBLE, Struct.VECTOR, size)


def vectors(size: int | None = None) -> Type:
    """An array of vectors of ``size`` doubles."""
    return Type(Base.DOUBLE, Struct.VECTORS, size)


@dataclass(frozen=True, slots=True)
class Field:
    """A named column."""

    name: str
    type: Type

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in order; names are unique."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for field in self.fields:
            if field.name in seen:
                raise SettingError(f"column {field.name!r} is named twice in one schema")
            seen.add(field.name)

    @classmethod
    def of(cls, **types: Type) -> Schema:
        """A schema from keyword arguments, in order."""
        return cls(tuple(Field(name, type_) for name, type_ in types.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(field.name for field in self.fields)

    def get(self, name: str) -> Type | None:
        """The type of a column, or None where there is none of that name."""
        return next((field.type for field in self.fields if field.name == name), None)

    def __getitem__(self, name: str) -> Type:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return any(field.name == name for field in self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def plus(self, fields: Sequence[Field]) -> Schema:
        """This schema with more columns after its own."""
        return Schema(self.fields + tuple(fields))

    def __str__(self) -> str:
        return ", ".join(str(field) for field in self.fields) or "(no columns)"
