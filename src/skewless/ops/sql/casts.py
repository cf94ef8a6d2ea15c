"""CAST and TRY_CAST between the types of SQL expressions, and the casts that Spark puts in by itself.

Source: Spark's Cast, UTF8String.toInt and toLong, Decimal.toPrecision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.javatext import double_text, float_text, parse_double, parse_float
from skewless.ops.op import Refused
from skewless.ops.sql.dates import date_text, parse_date
from skewless.ops.sql.kinds import (
    BITS,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    STRING,
    VOID,
    Kind,
    Untyped,
)
from skewless.ops.sql.typed import Rules, Typed, strict

Convert: TypeAlias = Callable[[Any], Any]
"""A value that is not null in the other type; None where it has none. OverflowError where it is out of range."""

CONTEXT: Final = Context(prec=1000, Emax=999999, Emin=-999999)
# What UTF8String.trimAll removes.
BLANKS: Final = "".join(map(chr, range(33))) + "\x7f"
_SPECIAL: Final = {
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity"), math.inf),
    **dict.fromkeys(("-inf", "-infinity"), -math.inf),
    "nan": math.nan,
}
_WHOLE: Final = re.compile(r"([+-]?[0-9]+)")
_CUT: Final = re.compile(r"([+-]?[0-9]*)(?:\.[0-9]*)?")
# Java takes the digits of every script, but looks at 16-bit units, so none from beyond the first plane.
_DIGIT: Final = r"(?:(?![^\0-\uffff])\d)"
_DECIMAL: Final = re.compile(rf"[+-]?(?:{_DIGIT}+\.?{_DIGIT}*|\.{_DIGIT}+)(?:[eE][+-]?{_DIGIT}{{1,9}})?")
_TRUE: Final = ("t", "true", "y", "yes", "1")
_FALSE: Final = ("f", "false", "n", "no", "0")


def cast(argument: Typed, kind: Kind, rules: Rules, attempt: bool = False) -> Typed:
    """The argument in another type. Bad values are refused under ANSI rules; TRY_CAST makes null of them."""
    source = argument.kind
    if source == kind:
        return argument
    if source == VOID:
        return Typed(kind, argument.run, constant=True)
    exact = rules.ansi or attempt
    convert = _conversion(source, kind, exact)
    if convert is None:
        raise Untyped(f"CAST from {source} to {kind} is not supported")
    # Spark makes null, not an error, of a NaN or an infinity cast to a decimal.
    lenient = attempt or not rules.ansi

    def run(value: Any) -> Any:
        try:
            made = convert(value)
        except OverflowError:
            made = None
        if (
            made is None
            and not lenient
            and not (source.is_fractional and not math.isfinite(value) and kind.is_decimal)
        ):
            raise _malformed(value, source, kind)
        return made

    return strict(kind, run, argument)


def _malformed(value: Any, source: Kind, kind: Kind) -> Refused:
    shown = repr(value) if source == STRING else str(value)
    return Refused(
        f"{shown} cannot be cast to {kind}",
        value=value,
        hint="Correct the value, or use TRY_CAST where null is meant; Spark fails on it too.",
    )


def _conversion(source: Kind, kind: Kind, exact: bool) -> Convert | None:
    if kind == STRING:
        return _to_string(source, exact)
    if source == STRING:
        return _from_string(kind, exact)
    if source == BOOLEAN:
        return _from_boolean(kind)
    if not source.is_number or source == DATE:
        return None
    if kind == BOOLEAN:
        return bool
    if kind.is_integral:
        return _to_integral(source, kind, exact)
    if kind == DOUBLE:
        return float
    if kind == FLOAT:
        return _to_float(source)
    return _to_decimal(source, kind) if kind.is_decimal else None


def _to_string(source: Kind, plain: bool) -> Convert | None:
    if source == BOOLEAN:
        return lambda value: "true" if value else "false"
    if source.is_integral:
        return str
    if source == DOUBLE:
        return double_text
    if source == FLOAT:
        return float_text
    if source == DATE:
        return date_text
    if source.is_decimal:
        return (lambda value: format(value, "f")) if plain else java_decimal
    return None


def java_decimal(value: Decimal) -> str:
    """``BigDecimal.toString``."""
    digits = value.as_tuple()
    scale = -int(digits.exponent)
    adjusted = len(digits.digits) - 1 - scale
    if scale >= 0 and adjusted >= -6:
        return format(value, "f")
    text = "".join(map(str, digits.digits))
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if digits.sign else ''}{mantissa}E{adjusted:+d}"


def _from_string(kind: Kind, exact: bool) -> Convert | None:
    if kind.is_integral:
        pattern, bits = (_WHOLE if exact else _CUT), BITS[kind]
        return lambda text: _integer(text.strip(BLANKS), pattern, bits)
    if kind in (DOUBLE, FLOAT):
        parse = parse_double if kind == DOUBLE else parse_float
        return lambda text: _fraction(text, parse)
    if kind.is_decimal:
        return lambda text: _decimal_text(text.strip(BLANKS), kind)
    if kind == BOOLEAN:
        return _boolean
    return parse_date if kind == DATE else None


def _integer(text: str, pattern: re.Pattern[str], bits: int) -> int | None:
    found = pattern.fullmatch(text)
    if found is None or text in ("", "+", "-"):
        return None
    digits = found[1].lstrip("+-").lstrip("0")
    if len(digits) > 19:
        return None
    number = int(digits or "0") * (-1 if text.startswith("-") else 1)
    return number if -(1 << (bits - 1)) <= number < 1 << (bits - 1) else None


def _fraction(text: str, parse: Callable[[str], float]) -> float | None:
    try:
        return parse(text)
    except ValueError:
        return _SPECIAL.get(text.strip(BLANKS[:-1]).lower())


def _decimal_text(text: str, kind: Kind) -> Decimal | None:
    if _DECIMAL.fullmatch(text) is None:
        return None
    try:
        return fitted(CONTEXT.create_decimal(text), kind)
    except ArithmeticError:
        return None


def _boolean(text: str) -> bool | None:
    lowered = text.strip(BLANKS).lower()
    return True if lowered in _TRUE else False if lowered in _FALSE else None


def _from_boolean(kind: Kind) -> Convert | None:
    if kind.is_integral:
        return int
    if kind.is_fractional:
        return float
    return (lambda value: fitted(Decimal(int(value)), kind)) if kind.is_decimal else None


def _to_integral(source: Kind, kind: Kind, exact: bool) -> Convert:
    bits = BITS[kind]
    if source.is_integral and BITS[source] <= bits:
        return _same
    if exact:
        return lambda value: _in_range(value, bits)
    if source.is_fractional:
        return lambda value: java_int(value, bits)
    return lambda value: wrapped(int(value), bits)


def _same(value: Any) -> Any:
    return value


def _in_range(value: Any, bits: int) -> int | None:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        # Where the double nearest to the largest long lies beyond it, Spark still compares with that double.
        low, high = float(-(1 << (bits - 1))), float((1 << (bits - 1)) - 1)
        if not (math.floor(value) <= high and math.ceil(value) >= low):
            return None
        return java_int(value, bits)
    number = int(value)
    return number if -(1 << (bits - 1)) <= number < 1 << (bits - 1) else None


def java_int(value: float, bits: int) -> int:
    """A floating-point number as a whole one in Java: cut, held at the ends, and narrowed from 32 bits below these."""
    if value != value:
        return 0
    wide = 64 if bits == 64 else 32
    low, high = -(1 << (wide - 1)), (1 << (wide - 1)) - 1
    held = low if value <= low else high if value >= high else int(value)
    return wrapped(held, bits)


def wrapped(number: int, bits: int) -> int:
    """The lowest bits of a whole number, as Java narrows it."""
    half = 1 << (bits - 1)
    return ((number + half) & ((1 << bits) - 1)) - half


def _to_float(source: Kind) -> Convert:
    if source.is_decimal:
        return lambda value: parse_float(str(value))
    if source in (INT, LONG):
        # Rounded once, straight from the whole number.
        return lambda value: float(np.int64(value).astype(np.float32))
    return rounded


def rounded(value: float) -> float:
    """A number as a 32-bit float."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _to_decimal(source: Kind, kind: Kind) -> Convert:
    if source == DOUBLE:
        return lambda value: fitted(Decimal(repr(value)), kind) if math.isfinite(value) else None
    if source == FLOAT:
        # Spark widens a float to double first.
        return lambda value: fitted(Decimal(repr(float(value))), kind) if math.isfinite(value) else None
    return lambda value: fitted(Decimal(value), kind)


def fitted(value: Decimal, kind: Kind) -> Decimal | None:
    """A decimal rounded half up to its type's scale; None where it has too many digits for the type."""
    made = value.quantize(Decimal(1).scaleb(-kind.scale), ROUND_HALF_UP, CONTEXT)
    # Java has no negative zero here.
    made = made if made else made.copy_abs()
    return made if made.copy_abs() < Decimal(1).scaleb(kind.precision - kind.scale) else None
