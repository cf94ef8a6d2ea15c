"""Numbers as Java writes and reads them, which is what the SparkML container and Spark do.

Writing follows ``Double.toString``: a fraction always, scientific below 1e-3 and from 1e7 on, with the shortest
digits that read back as the same number (the rule of JDK 19 and later; Python's ``repr`` finds the same digits).
"""

from __future__ import annotations

import re
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
_SPECIAL: Final = re.compile(r"([+-]?)(NaN|Infinity)")
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
# Java's String.trim: everything up to the blank.
_BLANKS: Final = "".join(map(chr, range(33)))


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
        mantissa = two_digits.partition("e")[0]
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
        number = float(special[2].lower())
        return -number if special[1] == "-" else number
    if _HEX.fullmatch(trimmed):
        return float.fromhex(trimmed.rstrip("fFdD") if "p" in trimmed.lower() else trimmed)
    raise ValueError(f'For input string: "{trimmed}"')


def parse_float(text: str) -> float:
    """``Float.parseFloat(text)``: rounded once to 32 bits, not first to 64."""
    number = parse_double(text)
    with np.errstate(over="ignore"):
        narrow = np.float32(number)
    if not np.isfinite(narrow) or float(narrow) == number:
        return float(narrow)
    neighbour = np.nextafter(narrow, np.float32(np.inf if number > narrow else -np.inf))
    if (float(narrow) + float(neighbour)) / 2 != number:
        return float(narrow)
    # The 64-bit number lies half-way between two 32-bit ones: only the text itself can decide.
    trimmed = text.strip(_BLANKS).rstrip("fFdD")
    exact = Fraction(number) if "x" in trimmed.lower() else Fraction(trimmed)
    middle = Fraction(number)
    if exact == middle:
        return float(narrow)
    low, high = sorted((float(narrow), float(neighbour)))
    return low if exact < middle else high


def parse_integer(text: str, base: Base) -> int:
    """``Integer.parseInt`` and its siblings: no blanks, no fraction, in range. ValueError has Java's message."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f'For input string: "{text}"')
    number = int(text)
    limit = 1 << (_BITS[base] - 1)
    if not -limit <= number < limit:
        if base in (Base.BYTE, Base.SHORT):
            raise ValueError(f'Value out of range. Value:"{text}" Radix:10')
        raise ValueError(f'For input string: "{text}"')
    return number


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
