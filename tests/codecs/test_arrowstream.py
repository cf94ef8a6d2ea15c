"""Streams come as they were sent, with texts by codes or without; damaged ones are refused in the same words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.codecs import arrowstream
from skewless.codecs.arrowstream import read_own, read_stream, write_stream
from skewless.errors import BodyError
from skewless.native.fields import MOST_TEXTS

KINDS = st.sampled_from(
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int8(), pa.string())]
)
TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", "ü€😀", "12345678", "a longer one", '"', "\r\n", "\0"])
)


def stream_of(batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as made:
        for batch in batches:
            made.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


@pytest.fixture(autouse=True)
def short_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrowstream, "_WORTH", 0)


def by_codes(table: pa.Table, name: str) -> bool:
    return bool(pa.types.is_dictionary(table.schema.field(name).type))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(KINDS, st.lists(st.lists(TEXTS, max_size=8), min_size=1, max_size=4), st.integers(0, 3))
def test_the_same_cells(kind: pa.DataType, chunks: list[list[str | None]], first: int) -> None:
    """Of slices, and of batches without a row too; other columns are as they were."""
    batches = []
    for cells in chunks:
        texts = pa.array(cells, pa.string())
        columns = {"t": texts.cast(kind), "u": texts, "n": pa.array(range(len(cells)), pa.int64())}
        batches.append(pa.record_batch(columns).slice(first))
    body = stream_of(batches)
    wanted = pa.Table.from_batches(batches)
    if not len(wanted):
        with pytest.raises(BodyError, match="no record"):
            read_stream(body, ["t", "n"])
        return
    table = read_stream(body, ["t", "n", "not there"])
    assert table.to_pylist() == wanted.to_pylist() == read_own(body).to_pylist()
    assert table.select(["u", "n"]).schema == wanted.select(["u", "n"]).schema
    plain = kind in (pa.string(), pa.large_string())
    assert by_codes(table, "t") == (plain or pa.types.is_dictionary(kind))
    assert read_stream(body).schema == wanted.schema


def test_texts_of_which_many_differ_stay_plain() -> None:
    many = pa.table({"few": ["a", "b"] * MOST_TEXTS, "many": [f"{row}" for row in range(2 * MOST_TEXTS)]})
    table = read_stream(write_stream(many), many.column_names)
    assert [by_codes(table, name) for name in many.column_names] == [True, False]
    assert table.to_pylist() == many.to_pylist()


def test_short_batches_stay_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    rows = arrowstream._WORTH
    batch = pa.record_batch({"t": ["a"] * rows})
    assert by_codes(read_stream(stream_of([batch]), ["t"]), "t")
    assert not by_codes(read_stream(stream_of([batch, batch.slice(1)]), ["t"]), "t")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("offsets", [[0, 1, 2, 3, 6], [0, 3, 2, 4, 6], [0, 99, 2, 3, 6]])
@pytest.mark.parametrize("valid", [b"\x0f", b"\x0e"])
def test_what_is_damaged_is_refused_with_the_same_words(
    kind: pa.DataType, offsets: list[int], valid: bytes
) -> None:
    """Texts that are not UTF-8, offsets out of order or of the data, another number of nulls than is told."""
    wide = np.int64 if kind == pa.large_string() else np.int32
    buffers = [pa.py_buffer(valid), pa.py_buffer(np.array(offsets, wide)), pa.py_buffer(b"abc\xff\xfee")]
    wrong = pa.Array.from_buffers(kind, 4, buffers, 1)
    body = write_stream(pa.table({"x": [0.5] * 4, "t": wrong}))
    with pytest.raises(BodyError) as plain:
        read_stream(body)
    with pytest.raises(BodyError) as told:
        read_stream(body, ["t"])
    assert told.value.message == plain.value.message
    assert "olumn 1" in plain.value.message


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=6))
def test_bytes_that_were_changed(changes: list[tuple[int, int]]) -> None:
    """Refused, or read as without codes."""
    texts = ["a", "ü", None, "12345678", "b" * 20]
    body = bytearray(write_stream(pa.table({"t": texts, "u": pa.array(texts, pa.large_string())})))
    for place, mask in changes:
        body[place % len(body)] ^= mask
    assert outcome(bytes(body), ["t", "u"]) == outcome(bytes(body), [])


def outcome(body: bytes, texts: list[str]) -> list[dict[str, object]] | str:
    """The rows, or why there are none."""
    try:
        rows: list[dict[str, object]] = read_stream(body, texts).to_pylist()
    except BodyError as refused:
        return refused.message
    return rows
