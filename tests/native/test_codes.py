"""Arrow's texts by codes are the same texts; what is said of their places may be anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.native.codes import coded
from skewless.native.fields import MOST_TEXTS

KINDS = st.sampled_from([pa.string(), pa.large_string()])
TEXTS = st.one_of(
    st.none(),
    st.text(st.sampled_from("ab \0ü€😀"), max_size=12),
    st.sampled_from(
        ["", "\0", "12345678", "123456789", "1234567\0", "1234567", "12345678" * 3, "12345678" * 3 + "x"]
    ),
)


def checked(array: pa.Array) -> pa.DictionaryArray | None:
    """By codes, as a reader takes it: no texts where these, or the nulls, are not as they should be."""
    made = coded(array)
    if made is not None:
        made.validate(full=True)
    return made


@settings(deadline=None)
@given(KINDS, st.lists(TEXTS, max_size=40), st.integers(0, 12), st.integers(0, 12), st.booleans())
def test_the_same_texts(
    kind: pa.DataType, texts: list[str | None], first: int, less: int, whole: bool
) -> None:
    """Of slices too; all in order of their first row, as Arrow's own."""
    array = pa.array(texts, kind)
    array = array if whole else array.slice(first, max(len(array) - first - less, 0))
    made = checked(array)
    assert (made is None) == (len(array) == 0)
    if made is not None:
        assert made.equals(array.dictionary_encode())


@pytest.mark.parametrize("many", [MOST_TEXTS, MOST_TEXTS + 1, 3 * MOST_TEXTS])
def test_many_texts(many: int) -> None:
    array = pa.array([f"{number * 7919 % many} of many texts" for number in range(many)] * 2)
    made = checked(array)
    assert (made is None) == (many > MOST_TEXTS)
    assert made is None or made.equals(array.dictionary_encode())


def raw(
    kind: pa.DataType, offsets: list[int], data: bytes, valid: bytes | None = None, nulls: int = -1
) -> Any:
    """An array as a stream may claim it to be."""
    wide = np.int64 if kind == pa.large_string() else np.int32
    buffers = [
        None if valid is None else pa.py_buffer(valid),
        pa.py_buffer(np.array(offsets, wide)),
        pa.py_buffer(data),
    ]
    return pa.Array.from_buffers(kind, len(offsets) - 1, buffers, nulls)


@settings(deadline=None)
@given(
    KINDS,
    st.lists(
        st.one_of(st.integers(-3, 12), st.sampled_from([-(1 << 31), (1 << 31) - 1])), min_size=2, max_size=8
    ),
    st.booleans(),
    st.binary(min_size=9, max_size=9),
    st.one_of(st.none(), st.binary(min_size=1, max_size=1)),
    st.integers(-1, 3),
)
def test_what_is_not_valid_is_never_taken(
    kind: pa.DataType, offsets: list[int], in_order: bool, data: bytes, valid: bytes | None, nulls: int
) -> None:
    """Offsets out of order or out of the data, texts that are not UTF-8, a wrong number of nulls."""
    try:
        array = raw(kind, sorted(offsets) if in_order else offsets, data, valid, nulls)
    except pa.ArrowInvalid:
        return  # what Arrow sees in an instant, it tells itself
    try:
        made = checked(array)
    except pa.ArrowInvalid:
        made = None
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        assert made is None
    else:
        assert made is not None
        assert made.to_pylist() == array.to_pylist()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("offsets", [[0, 2, 1, 3], [0, 1 << 30, 3], [0, -1, 3], [1, 0, 3]])
def test_wrong_offsets(kind: pa.DataType, offsets: list[int]) -> None:
    assert coded(raw(kind, offsets, b"abc")) is None


def test_texts_in_unaligned_memory() -> None:
    offsets = pa.py_buffer(b"x" + np.array([0, 1, 3, 4], np.int32).tobytes()).slice(1)
    array = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abba"))
    made = checked(array)
    assert made is not None
    assert made.to_pylist() == ["a", "bb", "a"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("texts", [[None] * 3, ["", None, ""], [""]])
def test_nothing_but_nulls_and_empty_texts(kind: pa.DataType, texts: list[str | None]) -> None:
    made = checked(pa.array(texts, kind))
    assert made is not None
    assert made.to_pylist() == texts
