"""Numbers as Java writes and reads them, against what a Java did (tests/codecs/data/java_numbers.csv)."""

from __future__ import annotations

import csv
import struct
from collections import Counter
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.javatext import double_text, float_text, parse_double, parse_float, parse_value, value_text
from skewless.schema import INTEGERS, Base

RECORDED = Path(__file__).parent / "codecs" / "data" / "java_numbers.csv"

WRITTEN = {"double_text", "float_text"}
FLOATS = st.floats(width=32)


def recorded() -> list[tuple[str, str, str]]:
    with RECORDED.open(newline="") as file:
        assert next(file).startswith("# Java 25")
        return [(kind, given, result) for kind, given, result in csv.reader(file)]


def unescaped(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def written(kind: str, bits: str) -> str:
    pattern = bytes.fromhex(bits)
    if kind == "double_text":
        return double_text(struct.unpack(">d", pattern)[0])
    return float_text(struct.unpack(">f", pattern)[0])


def read(kind: str, text: str) -> str:
    try:
        value = parse_value(text, Base(kind))
    except ValueError as error:
        return f"!{error}"
    if isinstance(value, float):
        return struct.pack(">d" if kind == "double" else ">f", value).hex()
    return value_text(value, Base(kind))


def test_all_that_java_wrote_and_read() -> None:
    differ = []
    kinds: Counter[str] = Counter()
    for kind, given_, result in recorded():
        kinds[kind] += 1
        made = written(kind, given_) if kind in WRITTEN else read(kind, unescaped(given_))
        if made != unescaped(result):
            differ.append((kind, given_, result, made))
    assert differ == []
    assert set(kinds) == WRITTEN | {str(base) for base in Base} - {"string"}
    assert min(kinds.values()) > 100


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e-3, "0.001"),
        (9.99e-4, "9.99E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (5e-324, "4.9E-324"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (-0.0, "-0.0"),
    ],
)
def test_thresholds(number: float, text: str) -> None:
    assert double_text(number) == text


@given(st.floats())
def test_doubles_read_back(number: float) -> None:
    text = double_text(number)
    assert struct.pack(">d", parse_double(text)) == struct.pack(">d", number) or number != number


@given(FLOATS)
def test_floats_read_back(number: float) -> None:
    assert struct.pack(">f", parse_float(float_text(number))) == struct.pack(">f", number) or number != number


@given(FLOATS.filter(np.isfinite))
def test_floats_round_once(one: float) -> None:
    """At the middle of two neighbours, and so near to it that a double cannot tell, where the way by a double errs."""
    with np.errstate(over="ignore"):
        above = float(np.nextafter(np.float32(one), np.float32(np.inf)))
    if not np.isfinite(above):
        return
    middle = (one + above) / 2
    even = float(np.float32(middle))
    assert parse_float(middle.hex()) == parse_float(f"{middle:.200e}") == even
    with localcontext(prec=500):
        exact, tiny = Decimal(middle), abs(Decimal(middle)) * Decimal("1e-60")
        assert parse_float(str(exact + tiny)) == above
        assert parse_float(f" {exact - tiny}f ") == one


@given(st.integers(-(1 << 70), 1 << 70), st.sampled_from(INTEGERS))
def test_integers(number: int, base: Base) -> None:
    bits = {Base.BYTE: 8, Base.SHORT: 16, Base.INT: 32, Base.LONG: 64}[base]
    if -(1 << bits - 1) <= number < 1 << bits - 1:
        assert parse_value(str(number), base) == number
        assert parse_value(f"{'-' if number < 0 else '+'}{'0' * 5000}{abs(number)}", base) == number
    else:
        with pytest.raises(ValueError, match=r"For input string|Value out of range"):
            parse_value(str(number), base)


def test_thousands_of_digits() -> None:
    for base in INTEGERS:
        with pytest.raises(ValueError, match="For input string"):
            parse_value("9" * 5000, base)


def test_booleans_are_true_only_for_true() -> None:
    assert [parse_value(text, Base.BOOLEAN) for text in ("TrUe", "1", "", " true", "yes")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert (value_text(True, Base.BOOLEAN), value_text(False, Base.BOOLEAN)) == ("true", "false")
    assert (value_text(-7, Base.LONG), value_text("x", Base.STRING)) == ("-7", "x")
