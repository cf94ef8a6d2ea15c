"""``+ - * / % div``, the unary minus and their likes, in integers that overflow, decimals and floating point.

Source: Spark's arithmetic.scala; the decimals' types are those of DecimalPrecision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, Final, TypeAlias

from skewless.ops.op import Refused
from skewless.ops.sql.casts import CONTEXT, cast, fitted, rounded, wrapped
from skewless.ops.sql.kinds import (
    BITS,
    DOUBLE,
    FLOAT,
    LONG,
    MOST_DIGITS,
    STRING,
    VOID,
    Kind,
    Untyped,
    as_decimal,
    decimal,
    limited,
    numeric,
)
from skewless.ops.sql.typed import Rules, Typed, overflow, strict

Binary: TypeAlias = Callable[[Any, Any], Any]

_EXACT: Final[dict[str, Binary]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
}
_DECIMALS: Final[dict[str, Binary]] = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply}


def binary(sign: str, left: Typed, right: Typed, rules: Rules, attempt: bool = False) -> Typed:
    """One of ``+ - * / % div pmod``; ``attempt`` makes null of what would be refused (try_add and its likes)."""
    left, right = _promoted(left, right, rules)
    if sign == "/" and not (left.kind.is_decimal or right.kind.is_decimal):
        left, right = cast(left, DOUBLE, rules), cast(right, DOUBLE, rules)
    if sign == "div" and left.kind.is_integral and right.kind.is_integral:
        left, right = cast(left, LONG, rules), cast(right, LONG, rules)
    if left.kind.is_decimal and right.kind.is_decimal:
        return _of_decimals(sign, left, right, rules, attempt)
    kind = numeric(left.kind, right.kind, rules.ansi)
    if kind is None or (sign == "div" and kind != LONG):
        raise Untyped(f"{left.kind} {sign} {right.kind} is not supported")
    left, right = cast(left, kind, rules), cast(right, kind, rules)
    exact = rules.ansi or attempt
    if sign in _EXACT:
        function = _sum_or_product(sign, kind, exact)
    else:
        function = _divided(sign, kind, exact)
        return _tried(_by_divisor(kind, sign, function, left, right, exact), attempt)
    return _tried(strict(kind, function, left, right), attempt)


def _promoted(left: Typed, right: Typed, rules: Rules) -> tuple[Typed, Typed]:
    """Both sides as numbers: strings are read as such, nulls take the other's type, literals bring their digits."""
    sides = [left, right]
    for at, other in ((0, right), (1, left)):
        if sides[at].kind == STRING:
            target = LONG if rules.ansi and other.kind.is_integral else DOUBLE
            sides[at] = cast(sides[at], target, rules)
    for at in (0, 1):
        other = sides[1 - at]
        if sides[at].kind == VOID:
            sides[at] = cast(sides[at], other.kind if other.kind != VOID else DOUBLE, rules)
    left, right = sides
    for side in sides:
        if not side.kind.is_number:
            raise Untyped(f"there is no arithmetic with {side.kind}")
    if left.kind.is_decimal != right.kind.is_decimal:
        at = 1 if left.kind.is_decimal else 0
        if sides[at].kind.is_fractional:
            sides[1 - at] = cast(sides[1 - at], DOUBLE, rules)
            sides[at] = cast(sides[at], DOUBLE, rules)
        else:
            sides[at] = cast(sides[at], digits_of(sides[at]), rules)
    return sides[0], sides[1]


def digits_of(number: Typed) -> Kind:
    """The decimal type of a whole number beside a decimal: a literal has just its own digits."""
    if number.literal:
        return decimal(len(str(abs(int(number.value("a literal"))))), 0)
    return as_decimal(number.kind)


def _sum_or_product(sign: str, kind: Kind, exact: bool) -> Binary:
    function = _EXACT[sign]
    if kind == DOUBLE:
        return function
    if kind == FLOAT:
        # Rounding the double result gives what 32-bit arithmetic gives, for one operation.
        return lambda one, other: rounded(function(one, other))
    bits = BITS[kind]
    half = 1 << (bits - 1)

    def whole(one: int, other: int) -> int:
        made: int = function(one, other)
        if -half <= made < half:
            return made
        if exact:
            raise overflow(f"{one} {sign} {other}, as {kind},", one)
        return wrapped(made, bits)

    return whole


def _divided(sign: str, kind: Kind, exact: bool) -> Binary:
    """The function of a divisor that is not zero."""
    if sign == "/":
        return _quotient
    if kind.is_fractional:
        return (
            _REMAINDERS[sign] if kind == DOUBLE else lambda one, other: rounded(_REMAINDERS[sign](one, other))
        )
    if sign == "div":
        return lambda one, other: _whole_quotient(one, other, exact)
    bits = BITS[kind]
    return (
        _whole_remainder if sign == "%" else lambda one, other: wrapped(_whole_pmod(one, other, bits), bits)
    )


def _quotient(one: float, other: float) -> float:
    return one / other


def _whole_quotient(one: int, other: int, exact: bool) -> int:
    made = abs(one) // abs(other)
    made = made if (one < 0) == (other < 0) else -made
    if exact and made == 1 << 63:
        raise overflow(f"{one} div {other}", one)
    return wrapped(made, 64)


def _whole_remainder(one: int, other: int) -> int:
    """Java's: it has the dividend's sign."""
    made = abs(one) % abs(other)
    return -made if one < 0 else made


def _whole_pmod(one: int, other: int, bits: int) -> int:
    made = _whole_remainder(one, other)
    if made >= 0:
        return made
    # The sum of two narrow numbers is an int in Java, and does not wrap around there.
    return _whole_remainder(wrapped(made + other, max(bits, 32)), other)


def _remainder(one: float, other: float) -> float:
    return math.fmod(one, other) if math.isfinite(one) and other == other else math.nan


def _pmod(one: float, other: float) -> float:
    made = _remainder(one, other)
    return _remainder(made + other, other) if made < 0 else made


_REMAINDERS: Final[dict[str, Binary]] = {"%": _remainder, "pmod": _pmod}


def _by_divisor(kind: Kind, sign: str, function: Binary, left: Typed, right: Typed, exact: bool) -> Typed:
    """A division: its divisor is looked at first, and a zero is refused under ANSI rules beside a dividend."""
    dividend, divisor = left.run, right.run

    def run(cells: Any) -> Any:
        other = divisor(cells)
        if other is None or (other == 0 and not exact):
            return None
        one = dividend(cells)
        if one is None:
            return None
        if other == 0:
            raise Refused(
                f"division by zero: {one} {sign} {other}",
                value=other,
                hint="Correct the value; Spark fails on it too, unless spark.sql.ansi.enabled is false.",
            )
        return function(one, other)

    return Typed(kind, run, constant=left.constant and right.constant)


def _of_decimals(sign: str, left: Typed, right: Typed, rules: Rules, attempt: bool) -> Typed:
    one, other = left.kind, right.kind
    exact = rules.ansi or attempt
    whole = max(one.precision - one.scale, other.precision - other.scale)
    scale = max(one.scale, other.scale)
    if sign in "+-":
        kind = limited(whole + scale + 1, scale)
    elif sign == "*":
        kind = limited(one.precision + other.precision + 1, one.scale + other.scale)
    elif sign == "/":
        scale = max(6, one.scale + other.precision + 1)
        kind = limited(one.precision - one.scale + other.scale + scale, scale)
    elif sign in ("%", "pmod"):
        kind = limited(min(one.precision - one.scale, other.precision - other.scale) + scale, scale)
    else:
        kind = LONG
    if sign in _DECIMALS:
        function = _DECIMALS[sign]
        made = strict(kind, lambda a, b: _held(function(a, b), kind, sign, exact), left, right)
    else:
        function = _DIVISIONS[sign]
        hold = _as_long if kind == LONG else _held
        made = _by_divisor(
            kind, sign, lambda a, b: hold(function(a, b), kind, sign, exact), left, right, exact
        )
    return _tried(made, attempt)


def _held(value: Decimal, kind: Kind, sign: str, exact: bool) -> Decimal | None:
    made = fitted(value, kind)
    if made is None and exact:
        raise overflow(f"{value}, the result of {sign} as {kind},", value)
    return made


def _as_long(value: Decimal, kind: Kind, sign: str, exact: bool) -> int:
    number = int(value)
    if exact and not -(1 << 63) <= number < 1 << 63:
        raise overflow(f"{number}, the result of {sign} as {kind},", number)
    return wrapped(number, 64)


def _decimal_quotient(one: Decimal, other: Decimal) -> Decimal:
    # Spark rounds twice: to 38 digits behind the point, then to the result's own.
    with_digits = CONTEXT.divide(one, other)
    return with_digits.quantize(Decimal(1).scaleb(-MOST_DIGITS), ROUND_HALF_UP, CONTEXT)


def _decimal_whole_quotient(one: Decimal, other: Decimal) -> Decimal:
    return CONTEXT.divide_int(one, other).quantize(Decimal(1), ROUND_DOWN, CONTEXT)


def _decimal_pmod(one: Decimal, other: Decimal) -> Decimal:
    made = CONTEXT.remainder(one, other)
    return CONTEXT.remainder(CONTEXT.add(made, other), other) if made < 0 else made


_DIVISIONS: Final[dict[str, Binary]] = {
    "/": _decimal_quotient,
    "div": _decimal_whole_quotient,
    "%": CONTEXT.remainder,
    "pmod": _decimal_pmod,
}


def _tried(made: Typed, attempt: bool) -> Typed:
    """The same with null for what is refused."""
    if not attempt:
        return made
    inner = made.run

    def run(cells: Any) -> Any:
        try:
            return inner(cells)
        except Refused:
            return None

    return Typed(made.kind, run, constant=made.constant)


def negative(argument: Typed, rules: Rules) -> Typed:
    """The unary minus."""
    argument = as_number(argument, rules)
    kind = argument.kind
    if not kind.is_integral:
        return strict(kind, CONTEXT.minus if kind.is_decimal else lambda value: -value, argument)
    return strict(kind, lambda value: _of_sign(-value, value, kind, rules, "-"), argument)


def absolute(argument: Typed, rules: Rules) -> Typed:
    """``abs``."""
    argument = as_number(argument, rules)
    kind = argument.kind
    if not kind.is_integral:
        return strict(kind, abs, argument)
    return strict(kind, lambda value: _of_sign(abs(value), value, kind, rules, "abs "), argument)


def _of_sign(made: int, value: int, kind: Kind, rules: Rules, what: str) -> int:
    if made < 1 << (BITS[kind] - 1):
        return made
    if rules.ansi:
        raise overflow(f"{what}{value}, as {kind},", value)
    return wrapped(made, BITS[kind])


def as_number(argument: Typed, rules: Rules) -> Typed:
    """A number; a string is read as a double."""
    if argument.kind in (STRING, VOID):
        return cast(argument, DOUBLE, rules)
    if not argument.kind.is_number:
        raise Untyped(f"{argument.kind} is no number")
    return argument
