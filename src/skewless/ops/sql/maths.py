"""Rounding, roots, signs and the other functions of numbers whose bits do not depend on a library.

Source: Spark's mathExpressions.scala.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from skewless.javatext import parse_float
from skewless.ops import strict_math
from skewless.ops.blas import divide
from skewless.ops.sql.arithmetic import as_number
from skewless.ops.sql.casts import CONTEXT, cast, fitted, java_int, wrapped
from skewless.ops.sql.kinds import BITS, DOUBLE, FLOAT, INT, LONG, MOST_DIGITS, Untyped, decimal
from skewless.ops.sql.texts import whole
from skewless.ops.sql.typed import Rules, Typed, constant, overflow, strict

_ZERO: Final = constant(INT, 0)
_MOST_DIGITS: Final = 400


def of_doubles(function: Callable[..., Any]) -> Callable[[Sequence[Typed], Rules], Typed]:
    """A function all of whose arguments are doubles."""
    return lambda parts, rules: strict(DOUBLE, function, *(double(part, rules) for part in parts))


def double(argument: Typed, rules: Rules) -> Typed:
    """An argument that Spark turns into a double."""
    return cast(as_number(argument, rules), DOUBLE, rules)


def square_root(value: float) -> float:
    """NaN of a negative number."""
    return math.sqrt(value) if value >= 0 or value != value else math.nan


def natural_log(value: float) -> float | None:
    """Null of zero and below."""
    return None if value <= 0.0 else strict_math.log(value)


def log(base: float, value: float | None = None) -> float | None:
    """To a base; of a single argument, the natural one."""
    if value is None:
        return natural_log(base)
    return None if value <= 0.0 or base <= 0.0 else divide(strict_math.log(value), strict_math.log(base))


def log10(value: float) -> float | None:
    """Null of zero and below."""
    return None if value <= 0.0 else strict_math.log10(value)


def log1p(value: float) -> float | None:
    """Null of -1 and below."""
    return None if value <= -1.0 else strict_math.log1p(value)


def sign(value: float) -> float:
    """-1, 0 or 1; a zero keeps its own sign."""
    return math.copysign(1.0, value) if value and value == value else value


def nearest(value: float) -> float:
    """``rint``: the nearest whole number, the even one of two."""
    if not math.isfinite(value) or abs(value) >= 2.0**52:
        return value
    return math.copysign(float(round(value)), value)


def to_degrees(value: float) -> float:
    """``Math.toDegrees``."""
    return value * (180.0 / math.pi)


def to_radians(value: float) -> float:
    """``Math.toRadians``."""
    return value * (math.pi / 180.0)


def floor_or_ceiling(mode: str) -> Callable[[Sequence[Typed], Rules], Typed]:
    """``floor`` (ROUND_FLOOR) and ``ceil`` (ROUND_CEILING): a bigint, or a decimal without digits behind the point."""

    def build(parts: Sequence[Typed], rules: Rules) -> Typed:
        argument = as_number(parts[0], rules)
        kind = argument.kind
        if kind.is_decimal:
            target = decimal(min(kind.precision - kind.scale + 1, MOST_DIGITS), 0)
            # Without digits to cut off, the type has no more room than the argument's.
            target = decimal(kind.precision, 0) if kind.scale == 0 else target
            return strict(
                target, lambda value: fitted(value.quantize(Decimal(1), mode, CONTEXT), target), argument
            )
        if kind.is_integral:
            return cast(argument, LONG, rules)
        whole_of: Callable[[float], int] = math.floor if mode == ROUND_FLOOR else math.ceil
        return strict(LONG, lambda value: _as_long(value, whole_of, rules), cast(argument, DOUBLE, rules))

    return build


def _as_long(value: float, whole_of: Callable[[float], int], rules: Rules) -> int:
    cut = float(whole_of(value)) if math.isfinite(value) else value
    if rules.ansi and not -(2.0**63) <= cut <= 2.0**63:
        raise overflow(f"{value} as BIGINT", value)
    return java_int(cut, 64)


def rounded_to(mode: str) -> Callable[[Sequence[Typed], Rules], Typed]:
    """``round`` (ROUND_HALF_UP) and ``bround`` (ROUND_HALF_EVEN) to a constant number of digits behind the point."""

    def build(parts: Sequence[Typed], rules: Rules) -> Typed:
        argument = as_number(parts[0], rules)
        digits = whole(parts[1] if len(parts) > 1 else _ZERO, rules).value("the digits of round")
        if digits is None or abs(digits) > _MOST_DIGITS:
            raise Untyped(f"round to {digits} digits is not supported")
        kind = argument.kind
        if kind.is_decimal:
            return _rounded_decimal(argument, digits, mode)
        if kind.is_fractional:
            step = Decimal(1).scaleb(-digits)
            return strict(kind, lambda value: _rounded_float(value, step, mode, kind == FLOAT), argument)
        if digits >= 0:
            return argument
        return strict(kind, lambda value: _rounded_whole(value, -digits, mode, BITS[kind], rules), argument)

    return build


def _rounded_float(value: float, step: Decimal, mode: str, narrow: bool) -> float:
    if not math.isfinite(value):
        return value
    # Through the decimal that the number is written as, so that 1.005 goes up.
    made = Decimal(repr(value)).quantize(step, mode, CONTEXT)
    if not made:
        return 0.0
    return parse_float(str(made)) if narrow else float(made)


def _rounded_whole(value: int, digits: int, mode: str, bits: int, rules: Rules) -> int:
    made = int(Decimal(value).quantize(Decimal(1).scaleb(digits), mode, CONTEXT))
    if rules.ansi and not -(1 << (bits - 1)) <= made < 1 << (bits - 1):
        raise overflow(f"round({value}, {-digits})", value)
    return wrapped(made, bits)


def _rounded_decimal(argument: Typed, digits: int, mode: str) -> Typed:
    kind = argument.kind
    whole_digits = kind.precision - kind.scale + 1
    if digits < 0:
        target = decimal(min(max(whole_digits, -digits + 1), MOST_DIGITS), 0)
    else:
        scale = min(kind.scale, digits)
        target = decimal(min(whole_digits + scale, MOST_DIGITS), scale)
    step = Decimal(1).scaleb(-min(digits, kind.scale))
    return strict(target, lambda value: fitted(value.quantize(step, mode, CONTEXT), target), argument)
