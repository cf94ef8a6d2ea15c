"""Protobuf: bytes worked out by hand from the schema, round trips, and nothing but ArtifactError from bad bytes."""

from __future__ import annotations

import re
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.bundles import protobuf
from skewless.bundles.place import Place
from skewless.bundles.values import Node
from skewless.errors import ArtifactError
from skewless.spec import (
    Attributes,
    Model,
    Socket,
    Value,
    double,
    integer,
    long,
    shapes,
    string,
    strings,
    tensor,
)
from tests.bundles.strategies import VALUES, attributes, plain

PLACE = Place("a.zip", "root/model.pb", "S_1")
NEGATIVE_ONE = "ff ff ff ff ff ff ff ff ff 01"


def attribute(value: str) -> bytes:
    """model.pb of op ``o`` with attribute ``x``, from the hex of its Value: 0a 01 o | 12 attributes | 0a entry."""
    payload = bytes.fromhex(value)
    entry = b"\x0a\x01x\x12" + bytes([len(payload)]) + payload
    body = b"\x0a" + bytes([len(entry)]) + entry
    return b"\x0a\x01o\x12" + bytes([len(body)]) + body


def write(value: Value) -> bytes:
    return protobuf.write_model(Model("o", attributes(x=value)), PLACE)


def read(data: bytes) -> Value:
    return protobuf.read_model(data, PLACE).attributes["x"]


# Value: 0a scalar, 12 list, 1a tensor. Scalar and list: 08/0a b, 12 s, 18/1a i, 20/22 l, 2d/2a f, 31/32 d, 3a bs,
# 42 t, 48/4a bt, 52 ds, 5a m. Tensor: 08 base, 12 shape, 1a bytes.
BY_HAND = [
    (Value("scalar", None, None), "0a 00"),
    (integer(5), "0a 02 18 05"),
    (integer(-1), f"0a 0b 18 {NEGATIVE_ONE}"),
    (integer(300), "0a 03 18 ac 02"),
    (long(2**63 - 1), "0a 0a 20 ff ff ff ff ff ff ff ff 7f"),
    (Value("scalar", "boolean", True), "0a 02 08 01"),
    (string("hi"), "0a 04 12 02 68 69"),
    (double(1.0), "0a 09 31 00 00 00 00 00 00 f0 3f"),
    (double(-0.0), "0a 09 31 00 00 00 00 00 00 00 80"),
    (Value("scalar", "float", 0.5), "0a 05 2d 00 00 00 3f"),
    (Value("scalar", "basic_type", "string"), "0a 02 48 64"),
    (Value("scalar", "data_shape", {"base": "scalar", "isNullable": False}), "0a 02 52 00"),
    (strings(["a", "", "b"]), "12 08 12 01 61 12 00 12 01 62"),
    (Value("list", None, []), "12 00"),
    (Value("list", "int", [1, 150]), "12 05 1a 03 01 96 01"),
    (Value("list", "boolean", [True, False]), "12 04 0a 02 01 00"),
    (Value("list", "double", [1.0]), "12 0a 32 08 00 00 00 00 00 00 f0 3f"),
    (Value("list", "basic_type", ["double", "byte_string"]), "12 04 4a 02 07 65"),
    (shapes([{"base": "list", "isNullable": True}]), "12 06 52 04 08 01 10 01"),
    (tensor([1.0], [1]), "1a 12 08 07 12 04 0a 02 08 01 1a 08 3f f0 00 00 00 00 00 00"),
    (Value("tensor", "int", [-2], ()), "1a 0a 08 04 12 00 1a 04 ff ff ff fe"),
    (Value("tensor", "short", [], (0,)), "1a 06 08 03 12 02 0a 00"),
    (Value("tensor", "string", ["é"], (1,)), "1a 10 08 64 12 04 0a 02 08 01 1a 06 00 00 00 02 c3 a9"),
]


@pytest.mark.parametrize(("value", "hexadecimal"), BY_HAND)
def test_bytes_worked_out_by_hand(value: Value, hexadecimal: str) -> None:
    assert write(value).hex(" ") == attribute(hexadecimal).hex(" ")
    assert plain(read(attribute(hexadecimal)), json=False) == plain(value, json=False)


@pytest.mark.parametrize(
    "value",
    [
        integer(0),
        double(0.0),
        string(""),
        Value("scalar", "boolean", False),
        Value("scalar", "byte_string", b""),
    ],
)
def test_zeros_are_an_empty_scalar(value: Value) -> None:
    assert write(value) == attribute("0a 00")


def test_node_by_hand() -> None:
    node = Node("n", (Socket("i", "a"),), (Socket("o", "b"),))
    expected = bytes.fromhex("0a 01 6e 12 10 0a 06 0a 01 69 12 01 61 12 06 0a 01 6f 12 01 62")
    assert protobuf.write_node(node, PLACE) == expected
    assert protobuf.read_node(expected, PLACE) == node
    assert protobuf.write_node(Node("n"), PLACE) == bytes.fromhex("0a 01 6e 12 00")
    assert protobuf.read_node(bytes.fromhex("0a 01 6e"), PLACE) == Node("n")


def test_attributes_are_written_even_when_there_are_none() -> None:
    assert protobuf.write_model(Model("o", attributes()), PLACE) == b"\x0a\x01o\x12\x00"
    assert protobuf.read_model(b"\x0a\x01o", PLACE).op == "o"


@given(VALUES)
def test_round_trip(value: Value) -> None:
    data = protobuf.write_model(Model("o", attributes(x=value)), PLACE)
    assert plain(read(data), json=False) == plain(value, json=False)


@pytest.mark.parametrize(
    ("hexadecimal", "value"),
    [
        ("12 04 18 01 18 02", Value("list", "int", [1, 2])),  # not packed
        ("12 06 1a 01 01 1a 01 02", Value("list", "int", [1, 2])),  # packed twice
        ("12 05 1a 01 01 18 02", Value("list", "int", [1, 2])),  # both
        ("12 0a 2d 00 00 00 3f 2d 00 00 00 3f", Value("list", "float", [0.5, 0.5])),
        ("12 02 32 00", Value("list", "double", [])),
        ("0a 02 18 00", Value("scalar", "int", 0)),  # a zero that is written keeps its type
        ("0a 06 18 ff ff ff ff 0f", Value("scalar", "int", -1)),  # as 32 bits
        ("0a 0b f8 07 01 18 05 fa 07 03 01 02 03", Value("scalar", "int", 5)),  # unknown fields
        ("0a 12 18 05 fd 07 00 00 00 00 f9 07 00 00 00 00 00 00 00 00", integer(5)),
    ],
)
def test_reads_other_writers(hexadecimal: str, value: Value) -> None:
    assert read(attribute(hexadecimal)) == value


def test_inferred_dimension() -> None:
    data = f"1a 1b 08 02 12 11 0a 02 08 02 0a 0b 08 {NEGATIVE_ONE} 1a 04 01 02 03 04"
    assert read(attribute(data)) == Value("tensor", "byte", [1, 2, 3, 4], (2, 2))


def test_tensors_of_the_first_08_releases() -> None:
    """They counted the types from 0, so a tensor of doubles says 6, which is float today."""
    body = "12 04 0a 02 08 02 1a 10 3f f0 00 00 00 00 00 00 40 00 00 00 00 00 00 00"
    assert read(attribute(f"1a 1a 08 06 {body}")) == tensor([1.0, 2.0], [2])
    assert read(attribute(f"1a 1a 08 07 {body}")) == tensor([1.0, 2.0], [2])
    assert read(attribute("1a 0a 12 04 0a 02 08 02 1a 02 01 00")) == Value(
        "tensor", "boolean", [True, False], (2,)
    )


@pytest.mark.parametrize(
    ("hexadecimal", "message"),
    [
        ("", "should be one scalar, list or tensor, but is 0 of them"),
        ("0a 00 12 00", "but is 2 of them"),
        ("0a 00 0a 00", "has field 1 twice"),
        ("08 00", "field 1 has the wire type 0"),
        ("0a 04 08 01 18 01", "should be one value, but is 2"),
        ("0a 02 12 05", "field 2 needs 5 bytes, 0 are left"),
        ("0a 02 18 80", "a number does not end"),
        ("0a 0c 18 ff ff ff ff ff ff ff ff ff ff 01", "a number does not end"),
        ("0a 0b 18 ff ff ff ff ff ff ff ff ff 7f", "a number does not end"),
        ("0a 01 00", "a field has the number 0"),
        ("0a 01 1b", "wire type 3"),
        ("0a 03 12 01 ff", "attribute 'x' has text that is not UTF-8"),
        ("0a 02 48 08", "is the unknown type number 8"),
        ("0a 04 52 02 08 03", "has the unknown shape 3"),
        ("0a 02 5a 00", "names no op"),
        ("12 05 12 01 61 18 01", "mixes string and int"),
        ("12 04 32 02 00 00", "its last number is not whole"),
        ("12 02 10 01", "field 2 has the wire type 0"),
        ("12 08 42 06 12 04 0a 02 08 01", "item 0 is a tensor of an unknown type, number 0"),
        ("1a 04 08 07 1a 00", "has 0 values for dimensions []"),
        ("1a 07 08 07 1a 03 00 00 00", "is a tensor of double with 3 bytes"),
        ("1a 08 08 64 1a 04 00 00 00 05", "is a tensor that is cut short"),
        ("1a 04 08 64 1a 00", "has 0 values"),
        (f"1a {2 + 2 + 66:02x} 08 07 12 42 {'0a 00 ' * 33}", "has more than 32 dimensions"),
    ],
)
def test_refuses(hexadecimal: str, message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)) as caught:
        read(attribute(hexadecimal))
    assert str(caught.value).startswith("a.zip, root/model.pb, stage S_1: attribute 'x'")


def test_an_attribute_twice() -> None:
    entry = "0a 07 0a 01 78 12 02 0a 00"
    with pytest.raises(ArtifactError, match="has the attribute 'x' twice"):
        protobuf.read_model(bytes.fromhex(f"0a 01 6f 12 12 {entry} {entry}"), PLACE)


def test_models_nested_without_end_are_refused() -> None:
    data = b"\x0a\x01o"
    for _ in range(200):
        for key in (b"\x5a", b"\x0a", b"\x12", b"\x0a", b"\x12"):  # model, scalar, value, entry, attributes
            data = key + protobuf._varint(len(data)) + data
        data = b"\x0a\x01o" + data
    with pytest.raises(ArtifactError, match="nested more than 64 levels"):
        protobuf.read_model(data, PLACE)


def sample() -> bytes:
    inner = Model("inner", attributes(a=strings(["x", "y"]), b=tensor([1.0, 2.0], [2, 1])))
    every = {
        "s": string("hello"),
        "i": integer(-7),
        "d": Value("list", "double", [1.0, 2.0]),
        "t": Value("tensor", "string", ["a", "bc"], (2,)),
        "h": shapes([{"base": "tensor", "isNullable": True, "tensorShape": {"dimensions": [{"size": 3}]}}]),
        "m": Value("scalar", "model", inner),
    }
    return protobuf.write_model(Model("op", Attributes(every, file=None, stage=None)), PLACE)


def test_every_cut_is_refused_or_read() -> None:
    data = sample()
    for end in range(len(data)):
        try:
            protobuf.read_model(data[:end], PLACE)
        except ArtifactError:
            continue
        assert end in (4,)  # after the op, attributes are optional


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    for read_any in (protobuf.read_model, protobuf.read_node):
        with suppress(ArtifactError):  # anything else fails the test
            read_any(data, PLACE)


@given(st.integers(0, len(sample()) * 8 - 1), st.integers(0, len(sample()) * 8 - 1))
def test_flipped_bits(first: int, second: int) -> None:
    data = bytearray(sample())
    for bit in (first, second):
        data[bit // 8] ^= 1 << (bit % 8)
    with suppress(ArtifactError):
        protobuf.read_model(bytes(data), PLACE)


def test_floats_too_large_are_refused() -> None:
    with pytest.raises(ArtifactError, match="too large for a float"):
        write(Value("scalar", "float", 1e39))
    with pytest.raises(ArtifactError, match="half a character"):
        write(string("\ud800"))


def test_a_long_list_is_quick() -> None:
    numbers = [float(number) for number in range(100_000)]
    assert read(write(Value("list", "double", numbers))).data == numbers
    assert struct.pack("<d", 99_999.0) in write(Value("list", "double", numbers))
