"""The types of SQL expressions, and which type two of them have in common, under ANSI rules and without.

Wider than the types of columns: decimals, dates and the untyped null live inside expressions only.
Source: Spark's AnsiTypeCoercion, TypeCoercion and DecimalPrecision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from skewless.schema import Base, Struct, Type


class Untyped(Exception):
    """An expression that cannot be typed or computed here; the text says which part and why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of an expression's values; ``precision`` and ``scale`` are a decimal's."""

    name: str
    precision: int = 0
    scale: int = 0

    @property
    def is_integral(self) -> bool:
        """Whole numbers of 8 to 64 bits."""
        return self in INTEGRALS

    @property
    def is_decimal(self) -> bool:
        """Exact decimals."""
        return self.name == "decimal"

    @property
    def is_fractional(self) -> bool:
        """32- and 64-bit floating point."""
        return self in (FLOAT, DOUBLE)

    @property
    def is_number(self) -> bool:
        """Numbers of any sort."""
        return self.is_integral or self.is_fractional or self.is_decimal

    @property
    def is_atomic(self) -> bool:
        """Whether expressions can do more with it than to hand it on or to see whether it is null."""
        return self.is_number or self in (VOID, BOOLEAN, STRING, DATE)

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})" if self.is_decimal else self.name.upper()


VOID: Final = Kind("void")
BOOLEAN: Final = Kind("boolean")
BYTE: Final = Kind("tinyint")
SHORT: Final = Kind("smallint")
INT: Final = Kind("int")
LONG: Final = Kind("bigint")
FLOAT: Final = Kind("float")
DOUBLE: Final = Kind("double")
STRING: Final = Kind("string")
DATE: Final = Kind("date")

INTEGRALS: Final = (BYTE, SHORT, INT, LONG)
_WIDENING: Final = (*INTEGRALS, FLOAT, DOUBLE)
BITS: Final[Mapping[Kind, int]] = {BYTE: 8, SHORT: 16, INT: 32, LONG: 64}
_BASES: Final[Mapping[Kind, Base]] = {
    BOOLEAN: Base.BOOLEAN,
    BYTE: Base.BYTE,
    SHORT: Base.SHORT,
    INT: Base.INT,
    LONG: Base.LONG,
    FLOAT: Base.FLOAT,
    DOUBLE: Base.DOUBLE,
    STRING: Base.STRING,
}
_KINDS: Final = {base: kind for kind, base in _BASES.items()}
_DIGITS: Final[Mapping[Kind, int]] = {BYTE: 3, SHORT: 5, INT: 10, LONG: 20}
MOST_DIGITS: Final = 38
_LEAST_SCALE: Final = 6


def decimal(precision: int, scale: int) -> Kind:
    """A decimal of so many digits, ``scale`` of them behind the point."""
    return Kind("decimal", precision, scale)


def kind_of(type_: Type) -> Kind:
    """The kind of a column's values; vectors and arrays are handed on as they are."""
    return _KINDS[type_.base] if type_.struct is Struct.BASIC else Kind(str(type_))


def type_of(kind: Kind) -> Type:
    """The type of a column of this kind. Untyped where columns cannot hold it."""
    base = _BASES.get(kind)
    if base is None:
        raise Untyped(f"a column of type {kind} cannot leave the stage: CAST it to DOUBLE or STRING")
    return Type(base)


def named(name: str, precision: int = 10, scale: int = 0) -> Kind:
    """The kind that a CAST names, in lower case."""
    if name == "decimal":
        if not 0 <= scale <= precision <= MOST_DIGITS or precision == 0:
            raise Untyped(f"DECIMAL({precision},{scale}) is no type")
        return decimal(precision, scale)
    for kind in (*_BASES, DATE):
        if kind.name == name:
            return kind
    raise Untyped(f"the type {name.upper()} is not supported")


def limited(precision: int, scale: int) -> Kind:
    """A decimal type cut to 38 digits, keeping up to 6 of them behind the point: what arithmetic results in."""
    if precision <= MOST_DIGITS:
        return decimal(precision, scale)
    whole = precision - scale
    return decimal(MOST_DIGITS, max(MOST_DIGITS - whole, min(scale, _LEAST_SCALE)))


def as_decimal(kind: Kind) -> Kind:
    """The decimal type that holds every value of an integral type."""
    return decimal(_DIGITS[kind], 0) if kind.is_integral else kind


def wider_decimal(one: Kind, other: Kind) -> Kind:
    """The decimal type that holds both, cut off at 38 digits."""
    scale = max(one.scale, other.scale)
    whole = max(one.precision - one.scale, other.precision - other.scale)
    return decimal(min(whole + scale, MOST_DIGITS), min(scale, MOST_DIGITS))


def numeric(one: Kind, other: Kind, ansi: bool) -> Kind | None:
    """The type that two numbers are both turned into."""
    if one == other:
        return one
    if one.is_decimal or other.is_decimal:
        if one.is_fractional or other.is_fractional:
            return DOUBLE
        return wider_decimal(as_decimal(one), as_decimal(other))
    wider = max(one, other, key=_WIDENING.index)
    # A float does not hold every int: ANSI rules go on to double.
    return DOUBLE if ansi and wider == FLOAT else wider


def _string_under_ansi(other: Kind) -> Kind:
    """What a string and another type have in common under ANSI rules: never a string."""
    if other.is_integral:
        return LONG
    return DOUBLE if other.is_number else other


def common(one: Kind, other: Kind, ansi: bool, strings: bool = True) -> Kind | None:
    """The type of the branches of CASE, COALESCE and IN; without ``strings``, these are not mixed with others."""
    if one == other or other == VOID:
        return one
    if one == VOID:
        return other
    if one.is_number and other.is_number:
        return numeric(one, other, ansi)
    if STRING in (one, other) and strings:
        rest = other if one == STRING else one
        if not rest.is_atomic:
            return None
        if ansi:
            return _string_under_ansi(rest)
        return None if rest == BOOLEAN else STRING
    return None


def common_of(kinds: Iterable[Kind], what: str, ansi: bool, strings: bool = True) -> Kind:
    """The type that several expressions have in common, strings first, as Spark looks for it."""
    found = VOID
    given = list(kinds)
    for kind in sorted(given, key=lambda kind: kind != STRING):
        wider = common(found, kind, ansi, strings)
        if wider is None:
            raise Untyped(f"{what} of {', '.join(map(str, given))} have no type in common")
        found = wider
    return found


def compared(one: Kind, other: Kind, ansi: bool) -> Kind:
    """The type in which two values are compared."""
    if STRING in (one, other) and one != other and VOID not in (one, other):
        rest = other if one == STRING else one
        if rest.is_atomic and ansi:
            return _string_under_ansi(rest)
        if rest.is_atomic:
            # The string is read as the other's type; for decimals there is no proper one.
            return DOUBLE if rest.is_decimal else rest
    found = common(one, other, ansi, strings=False)
    if found is None or not found.is_atomic:
        raise Untyped(f"{one} and {other} cannot be compared here")
    return found
