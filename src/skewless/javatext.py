"""Numbers as Java writes and reads them, which is what the SparkML container and Spark do.

Writing follows ``Double.toString``: a fraction always, scientific below 1e-3 and from 1e7 on, with the shortest
digits that read back as the same number (the rule of JDK 19 and later; Python's ``repr`` finds the same digits).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from skewless.schema import INTEGERS, Base

_NAMES: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_BITS: Final = {Base.BYTE: 8, Base.SHORT: 16, Base.INT: 32, Base.LONG: 64}
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?", re.ASCII)
_HEX: Final = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+[fFdD]?", re.ASCII
)
_SPECIAL: Final = re.compile(r"[+-]?(NaN|Infinity)")
# Java takes the digits of every script, but looks at 16-bit units, so none from beyond the first plane.
_INTEGER: Final = re.compile(r"([+-]?)((?:(?![^\0-\uffff])\d)+)")
# Java's String.trim: everything up to the blank.
_BLANKS: Final = "".join(map(chr, range(33)))
_MOST_DIGITS: Final = 30
_BEYOND: Final = 2.0**128
_NORMAL: Final = 2.0**-126
_LARGE: Final = 2.0**127
_CUT: Final = (1 << 29) - 1
_HALF_WAY: Final = 1 << 28
_LONG, _DOUBLE, _SINGLE = struct.Struct("<q"), struct.Struct("<d"), struct.Struct("<f")


def double_text(number: float) -> str:
    """``Double.toString(number)``."""
    if 1e-3 <= abs(number) < 1e7 or number == 0.0:
        return repr(number)
    return _scientific(repr(number), f"{number:.1e}", float)


def float_text(number: float) -> str:
    """``Float.toString`` of a number that is exactly a 32-bit float."""
    shortest = repr(float(str(np.float32(number))))
    if 1e-3 <= abs(number) < 1e7 or number == 0.0:
        return shortest
    return _scientific(shortest, f"{number:.1e}", np.float32)


def _scientific(shortest: str, two_digits: str, read: Callable[[str], float | np.float32]) -> str:
    """Java's layout outside the plain range: one digit, a point, at least one digit, the exponent."""
    if shortest in _NAMES:
        return _NAMES[shortest]
    mantissa, _, exponent = format(Decimal(shortest), "e").partition("e")
    # Java writes at least two digits, and takes the pair nearest to the number: 4.9E-324, not 5.0E-324.
    if "." not in mantissa.rstrip("0").rstrip(".") and read(two_digits) == read(shortest):
        mantissa, _, exponent = two_digits.partition("e")
    whole, _, fraction = mantissa.partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}E{int(exponent)}"


def value_text(value: object, base: Base) -> str:
    """``toString`` of a value of this base type."""
    if base is Base.DOUBLE:
        return double_text(float(value))  # type: ignore[arg-type]
    if base is Base.FLOAT:
        return float_text(float(value))  # type: ignore[arg-type]
    if base is Base.BOOLEAN:
        return "true" if value else "false"
    return str(value)


def parse_double(text: str) -> float:
    """``Double.parseDouble(text)``. ValueError has Java's own message."""
    trimmed = text.strip(_BLANKS)
    if not trimmed:
        raise ValueError("empty String")
    if _DECIMAL.fullmatch(trimmed):
        return float(trimmed.rstrip("fFdD"))
    special = _SPECIAL.fullmatch(trimmed)
    if special:
        return -math.inf if trimmed == "-Infinity" else float(special[1])
    if _HEX.fullmatch(trimmed):
        try:
            return float.fromhex(trimmed.rstrip("fFdD"))
        except OverflowError:
            return -math.inf if trimmed.startswith("-") else math.inf
    raise ValueError(f'For input string: "{text}"')


def parse_float(text: str) -> float:
    """``Float.parseFloat(text)``: rounded once to 32 bits, not first to 64."""
    return narrowed(parse_double(text), text)


def narrowed(number: float, text: str) -> float:
    """``Float.parseFloat(text)``, where ``Double.parseDouble(text)`` gives the number."""
    if number == 0.0:
        return number
    usual = _NORMAL <= abs(number) <= _LARGE
    # Unless the bits that a float has not say half-way, the nearest float to the double is nearest to the text.
    if usual and _LONG.unpack(_DOUBLE.pack(number))[0] & _CUT != _HALF_WAY:
        (near,) = _SINGLE.unpack(_SINGLE.pack(number))
        return float(near)
    return _narrowed(number, text)


def _narrowed(number: float, text: str) -> float:
    """The same for any number."""
    with np.errstate(over="ignore"):
        narrow = float(np.float32(number))
        if narrow == number or not math.isfinite(number):
            return narrow
        other = float(np.nextafter(np.float32(narrow), np.float32(math.copysign(math.inf, number - narrow))))
    # Where the next float would be if there were any beyond the largest: there is a middle there too.
    ends = [math.copysign(_BEYOND, number) if math.isinf(end) else end for end in (narrow, other)]
    if number != (ends[0] + ends[1]) / 2:
        return narrow
    # The 64-bit number lies half-way between two 32-bit ones: only the text itself can decide.
    exact = _exactly(text)
    if exact == Fraction(number):
        return narrow
    return min(narrow, other) if exact < Fraction(number) else max(narrow, other)


def _exactly(text: str) -> Fraction:
    """The number that a well-formed text says, unrounded."""
    trimmed = text.strip(_BLANKS).rstrip("fFdD").lower()
    sign = -1 if trimmed.startswith("-") else 1
    if "x" not in trimmed:
        return Fraction(Decimal(trimmed))
    mantissa, _, exponent = trimmed.partition("x")[2].partition("p")
    whole, _, fraction = mantissa.partition(".")
    return sign * Fraction(int(whole + fraction, 16)) * Fraction(2) ** (int(exponent) - 4 * len(fraction))


def parse_integer(text: str, base: Base) -> int:
    """``Integer.parseInt`` and its siblings: no blanks, no fraction, in range. ValueError has Java's message."""
    found = _INTEGER.fullmatch(text)
    # Python refuses to read thousands of digits; no such number is in range.
    digits = found[2].lstrip("0") if found else ""
    if found is None or len(digits) > _MOST_DIGITS:
        raise ValueError(f'For input string: "{text}"')
    number = int(found[1] + (digits or "0"))
    if not fits(number, base):
        # Java reads a short and a byte as an int, and looks at the range then.
        if base in (Base.BYTE, Base.SHORT) and fits(number, Base.INT):
            raise ValueError(f'Value out of range. Value:"{text}" Radix:10')
        raise ValueError(f'For input string: "{text}"')
    return number


def fits(number: int, base: Base) -> bool:
    """Whether an integer type holds the number."""
    lowest, beyond = whole_range(base)
    return lowest <= number < beyond


def whole_range(base: Base) -> tuple[int, int]:
    """The lowest number of an integer type, and the one after its highest."""
    limit = 1 << (_BITS[base] - 1)
    return -limit, limit


def parse_value(text: str, base: Base) -> object:
    """A cell of text as a value of this base type, as the SparkML container reads it."""
    if base is Base.STRING:
        return text
    if base is Base.DOUBLE:
        return parse_double(text)
    if base is Base.FLOAT:
        return parse_float(text)
    if base in INTEGERS:
        return parse_integer(text, base)
    return text.lower() == "true"
