"""RecordIO-protobuf: what is written is read, real messages of other writers too, and hostile bytes are refused."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skewless.codecs.recordio import (
    MAGIC,
    Record,
    Tensor,
    frames,
    read_examples,
    read_records,
    write_records,
)
from skewless.errors import BodyError, EmptyBody


def dense(*values: float) -> Tensor:
    return Tensor(np.array(values, np.float32))


def sparse(entries: dict[int, float], width: int) -> Tensor:
    keys = np.array(list(entries), np.int64)
    return Tensor(np.array(list(entries.values()), np.float32), keys, (width,))


def frame(data: bytes) -> bytes:
    return MAGIC + len(data).to_bytes(4, "little") + data + bytes(-len(data) & 3)


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def value(kind: int, tensor: bytes, name: bytes = b"values", of: int = 1) -> bytes:
    """One entry of a Record's map, as protobuf's documentation says maps are written."""
    return field(of, field(1, name) + field(2, field(kind, tensor)))


def test_dense_records() -> None:
    body = write_records(
        [Record({"values": dense(1, 2.5, float("nan"))}, {"values": dense(row)}) for row in (1, 0)]
    )
    read = read_examples(body)
    assert (len(read), read.width, read.dense) == (2, 3, True)
    assert np.array_equal(read.values, np.array([1, 2.5, np.nan] * 2, np.float32), equal_nan=True)
    assert read.columns.tolist() == [0, 1, 2, 0, 1, 2]
    assert read.labels is not None
    assert read.labels.tolist() == [1, 0]


def test_sparse_records() -> None:
    body = write_records([Record({"values": sparse({4: 1.5, 0: -1}, 6)}), Record({"values": sparse({}, 6)})])
    read = read_examples(body)
    assert (len(read), read.width, read.dense, read.labels) == (2, 6, False, None)
    assert read.starts.tolist() == [0, 2, 2]
    assert (read.columns.tolist(), read.values.tolist()) == ([4, 0], [1.5, -1])


NUMBERS = struct.pack("<3f", 1, 2, 3)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (value(2, field(1, NUMBERS)), [1, 2, 3]),
        # Not packed: every number with a tag of its own (kind 5, four bytes).
        (value(2, b"".join(b"\x0d" + struct.pack("<f", one) for one in (1, 2, 3))), [1, 2, 3]),
        # In two packed runs, which protobuf allows.
        (value(2, field(1, NUMBERS[:4]) + field(1, NUMBERS[4:])), [1, 2, 3]),
        (value(3, field(1, struct.pack("<3d", 1, 2, 3))), [1, 2, 3]),
        (value(7, field(1, b"\x01\x02" + b"\xff" * 9 + b"\x01")), [1, 2, -1]),
        (value(7, b"\x08\x01\x08\x02"), [1, 2]),
        # Unknown fields, an uid and metadata are passed over.
        (field(3, b"id") + field(4, b"{}") + value(2, field(1, NUMBERS)) + b"\x38\x01", [1, 2, 3]),
        (value(2, b""), []),
    ],
)
def test_what_others_write(data: bytes, expected: list[float]) -> None:
    (record,) = read_records(frame(data))
    assert record.features["values"].values.tolist() == expected


def test_values_of_bytes_are_passed_over() -> None:
    (record,) = read_records(frame(value(9, field(1, b"jpeg"), b"image") + value(2, field(1, NUMBERS))))
    assert list(record.features) == ["values"]


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(width=32), max_size=5),
            st.dictionaries(st.integers(0, 2**31 - 2), st.floats(width=32), max_size=5),
            st.floats(width=32),
        ),
        max_size=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(rows: list[tuple[list[float], dict[int, float], float]]) -> None:
    given_records = [
        Record({"d": dense(*flat), "s": sparse(entries, 2**31 - 1)}, {"l": dense(label)})
        for flat, entries, label in rows
    ]
    read = list(read_records(write_records(given_records)))
    for before, after in zip(given_records, read, strict=True):
        for name, tensor in {**before.features, **before.labels}.items():
            found = {**after.features, **after.labels}[name]
            assert found.values.astype("<f4").tobytes() == tensor.values.tobytes()
            assert (found.keys is None) == (tensor.keys is None)
            assert found.keys is None or found.keys.tolist() == tensor.keys.tolist()  # type: ignore[union-attr]


def test_data_that_hold_the_magic_number() -> None:
    number = np.frombuffer(MAGIC, "<f4")
    tensor = Tensor(np.concatenate([np.ones(1, np.float32), number, number]))
    for shift in range(5):  # it is looked for at multiples of four only
        name = "x" * shift
        body = write_records([Record({name: tensor}), Record({name: dense(1)})])
        first, _ = read_records(body)
        assert first.features[name].values.tobytes() == tensor.values.tobytes()
    assert [body.count(MAGIC) for body in [write_records([Record({"x": tensor})])]] != [1]


@pytest.mark.parametrize(
    ("body", "says", "row"),
    [
        (b"1,2,3\n", "does not begin with RecordIO's magic number", 1),
        (frame(value(2, b"")) + b"\0" * 8, "magic number", 2),
        (MAGIC, "ends within a record", 1),
        (MAGIC + b"\xff\0\0\0abc", "ends within a record", 1),
        (MAGIC + (2 << 29).to_bytes(4, "little"), "out of order", 1),
        (MAGIC + (1 << 29).to_bytes(4, "little"), "ends within a record", 1),
        (MAGIC + (7 << 29).to_bytes(4, "little"), "out of order", 1),
        (frame(b"\xff"), "no Record message: a number ends early", 1),
        (frame(b"\xff" * 20), "no Record message: a number ends early or is too long", 1),
        (frame(b"\x0a\x7f"), "a field ends early", 1),
        (frame(b"\x0b"), "unknown kind 3", 1),
        (frame(b"\x02\x00"), "the number 0", 1),
        (frame(b"\x08\x01"), "of another type", 1),
        (frame(value(2, field(1, b"abc"))), "numbers end early", 1),
        (frame(value(2, field(1, NUMBERS) + field(2, b"\1"))), "1 keys for 3 values", 1),
        (frame(value(2, field(1, NUMBERS) + field(2, b"\0\1\4") + field(3, b"\4"))), "the key 4 where", 1),
        (frame(value(2, field(1, NUMBERS) + field(2, b"\0\1\1") + field(3, b"\4"))), "a key twice", 1),
        (frame(value(2, field(3, b"\xff" * 9 + b"\x01"))), "its shape is", 1),
        (frame(value(2, b"", b"\xff")), "no Record message", 1),
        (frame(value(2, field(1, NUMBERS), b"other")), "no feature named 'values'; there is other", 1),
        (frame(b""), "there is none", 1),
        (frame(value(2, field(1, NUMBERS))) + frame(value(2, field(1, NUMBERS[:4]))), "there are 1 feat", 2),
    ],
)
def test_what_is_no_record(body: bytes, says: str, row: int) -> None:
    with pytest.raises(BodyError, match=says) as caught:
        read_examples(body)
    assert caught.value.row == row


def test_labels() -> None:
    labelled, bare = Record({"values": dense(1)}, {"values": dense(2)}), Record({"values": dense(1)})
    for records in ([labelled, bare], [bare, labelled]):
        with pytest.raises(BodyError, match="some records have a label") as caught:
            read_examples(write_records(records))
        assert caught.value.row == 2
    with pytest.raises(BodyError, match="the label has 2 values"):
        read_examples(write_records([Record({"values": dense(1)}, {"values": dense(2, 3)})]))
    with pytest.raises(BodyError, match="sparse in some"):
        read_examples(write_records([bare, Record({"values": sparse({0: 1}, 1)})]))
    with pytest.raises(EmptyBody):
        read_examples(b"")


@given(st.binary(max_size=60), st.binary(max_size=60))
@example(b"\x0a\x00", b"")
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, tail: bytes) -> None:
    for body in (data, frame(data), frame(value(2, data)), frame(value(7, data)) + tail):
        with suppress(BodyError):
            assert len(read_examples(body)) > 0


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_body_is_read_or_refused(draw: Any) -> None:
    body = bytearray(write_records([Record({"values": sparse({3: 1, 5: 2}, 9)}, {"values": dense(1)})] * 2))
    for _ in range(draw.draw(st.integers(1, 4))):
        body[draw.draw(st.integers(0, len(body) - 1))] = draw.draw(st.integers(0, 255))
    with suppress(BodyError):
        assert 1 <= len(read_examples(bytes(body))) == len(list(frames(bytes(body)))) <= 2
