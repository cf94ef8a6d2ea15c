"""CSV parted in one pass is what splitting it gives; a number is what Python reads, or left as text."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.native.fields import MOST_TEXTS, Kind, Numbers, Texts, lines_in, parted

FIELDS = st.one_of(
    st.text(st.sampled_from("ab \0ü€😀x"), max_size=12),
    st.sampled_from(
        ["", "12345678", "123456789", "1234567\0", "1234567", "12345678" * 3, "12345678" * 3 + "x"]
    ),
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])


def texts_of(column: Texts | Numbers) -> list[str]:
    assert isinstance(column, Texts)
    data, offsets = bytes(column.data), column.offsets.tolist()
    texts = [data[start:end].decode() for start, end in pairwise(offsets)]
    return texts if column.codes is None else [texts[code] for code in column.codes.tolist()]


def alone(body: str, kind: Kind) -> Texts | Numbers:
    made = parted(body.encode(), [kind])
    assert made is not None
    (column,) = made
    return column


@settings(deadline=None)
@given(st.integers(1, 3), st.data(), ENDS, st.booleans())
def test_texts(columns: int, data: st.DataObject, end: str, last: bool) -> None:
    rows = data.draw(st.lists(st.lists(FIELDS, min_size=columns, max_size=columns), max_size=6))
    body = end.join(map(",".join, rows)) + (end if last else "")
    wanted = [line.split(",") for line in re.split("[\r\n]", body) if line]
    for kind in (Kind.TEXT, Kind.SLICES):
        made = parted(body.encode(), [kind] * columns)
        assert made is not None
        assert list(map(list, zip(*map(texts_of, made), strict=True))) == wanted
    if "\r" not in body:
        assert lines_in(body.encode()) == len(wanted)


@pytest.mark.parametrize("many", [MOST_TEXTS, MOST_TEXTS + 1, 3 * MOST_TEXTS])
def test_many_texts(many: int) -> None:
    """One distinct text too many, and every row has its own."""
    wanted = [f"{number * 7919 % many} of many texts" for number in range(many)] * 2
    made = parted("\n".join(wanted).encode(), [Kind.TEXT])
    assert made is not None
    (column,) = made
    assert isinstance(column, Texts)
    assert (column.codes is not None) == (many == MOST_TEXTS)
    assert texts_of(column) == wanted
    assert len(column) == len(wanted)


@pytest.mark.parametrize(
    "body", [b"a,b\nc\n", b"a,b\nc,d,e\n", b"a,b\nc", b"a\n\nb,c", b"a,b\r \r\n", b"a,b,"]
)
def test_another_number_of_fields(body: bytes) -> None:
    assert parted(body, [Kind.TEXT, Kind.TEXT]) is None


def told(number: float) -> bytes:
    return struct.pack("<d", number)


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda number: f"{number:.4f}"),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["-0", "-0.0", ".", "-", "+1", "1e", "1e5", "1e-22", "1e23", "9007199254740993", "1d", " 1"]
    ),
    st.sampled_from(
        ["NaN", "inf", "0x1", "1_0", "999999999999999999", "9999999999999999999", "1.5e+3", "5e-324"]
    ),
)


@settings(deadline=None)
@given(NUMBERS)
def test_a_double_is_exact_or_left_as_text(text: str) -> None:
    made = parted(f"{text},\n1,2\n".encode(), [Kind.DOUBLE, Kind.DOUBLE])
    assert made is not None
    first, second = made
    assert isinstance(second, Numbers)
    assert (second.values.tolist(), second.absent.tolist()) == ([0.0, 2.0], [True, False])
    if isinstance(first, Texts):
        assert texts_of(first) == [text, "1"]
    elif text:
        assert told(float(first.values[0])) == told(float(text))
    else:
        assert first.absent.tolist() == [True, False]


@pytest.mark.parametrize(
    "text", ["0.1", "-12.5", "1234567.8901", "1e5", "2.5E-3", "-0.0", "007", "450359962737049.5"]
)
def test_ordinary_doubles_are_read(text: str) -> None:
    column = alone(text, Kind.DOUBLE)
    assert isinstance(column, Numbers)
    assert told(float(column.values[0])) == told(float(text))


@settings(deadline=None)
@given(st.one_of(NUMBERS, st.integers(-(10**19), 10**19).map(str)))
def test_whole_numbers(text: str) -> None:
    column = alone(f"7\n{text}\n7", Kind.INTEGER)
    plain = re.fullmatch("-?[0-9]{1,18}", text) is not None
    if text:
        assert isinstance(column, Numbers) == plain
    if isinstance(column, Numbers):
        wanted: list[Any] = [7, int(text), 7] if text else [7, 7]
        assert column.values.tolist() == wanted
