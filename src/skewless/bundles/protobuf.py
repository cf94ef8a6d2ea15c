"""MLeap's protobuf for models, nodes and attribute values <-> the words of `skewless.spec`.

Written by hand for the messages of ``ml.bundle`` (proto3): zeros are omitted, tensors are big-endian bytes. Repeated
numbers may come packed or not, unknown fields are skipped; a field that may stand once is refused when it stands twice.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from skewless.bundles.place import Place
from skewless.bundles.values import (
    BITS,
    MOST_DIMENSIONS,
    Node,
    check_base,
    read_items,
    resolve_dims,
    single,
    tensor_shape,
)
from skewless.spec import Attributes, Model, Socket, Value

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED64: ("d", 8), _FIXED32: ("f", 4)}

# Field numbers and wire types of Scalar and List, which are the same.
_FIELDS: Final = {
    1: ("boolean", _VARINT),
    2: ("string", _BYTES),
    3: ("int", _VARINT),
    4: ("long", _VARINT),
    5: ("float", _FIXED32),
    6: ("double", _FIXED64),
    7: ("byte_string", _BYTES),
    8: ("tensor", _BYTES),
    9: ("basic_type", _VARINT),
    10: ("data_shape", _BYTES),
    11: ("model", _BYTES),
}
_MESSAGES: Final = ("tensor", "data_shape", "model")
_NUMBERS: Final = {base: number for number, (base, _) in _FIELDS.items()} | {"byte": 3, "short": 3}
_BASIC_TYPES: Final = {
    0: "unknown",
    1: "boolean",
    2: "byte",
    3: "short",
    4: "int",
    5: "long",
    6: "float",
    7: "double",
    100: "string",
    101: "byte_string",
}
_CODES: Final = {name: code for code, name in _BASIC_TYPES.items()}
_SHAPES: Final = {0: "scalar", 1: "list", 2: "tensor"}
# struct's letters and the bytes of one item.
_ITEMS: Final = {
    "boolean": ("?", 1),
    "byte": ("b", 1),
    "short": ("h", 2),
    "int": ("i", 4),
    "long": ("q", 8),
    "float": ("f", 4),
    "double": ("d", 8),
}


def read_model(data: bytes, place: Place) -> Model:
    """A model.pb, without side files and sub-models."""
    return _read_model(memoryview(data), place)


def write_model(model: Model, place: Place) -> bytes:
    """The model.pb of a model."""
    return _string_field(1, model.op, place) + _field(2, _write_attributes(model.attributes, place))


def read_node(data: bytes, place: Place) -> Node:
    """A node.pb."""
    found = _message(memoryview(data), {1: _BYTES, 2: _BYTES}, place)
    inputs: list[Socket] = []
    outputs: list[Socket] = []
    for number, wire, value in _fields(found.get(2, memoryview(b"")), place):
        if number in (1, 2) and wire == _BYTES:
            socket = _message(value, {1: _BYTES, 2: _BYTES}, place)
            port, column = (_text(socket.get(field, b""), place) for field in (1, 2))
            (inputs if number == 1 else outputs).append(Socket(port, column))
    return Node(_text(found.get(1, b""), place), tuple(inputs), tuple(outputs))


def write_node(node: Node, place: Place) -> bytes:
    """The node.pb of a node."""
    sockets = [
        _field(number, _string_field(1, socket.port, place) + _string_field(2, socket.column, place))
        for number, side in ((1, node.inputs), (2, node.outputs))
        for socket in side
    ]
    return _string_field(1, node.name, place) + _field(2, b"".join(sockets))


# The wire.


def _fields(data: memoryview, place: Place) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field; bytes are views, so that nesting copies nothing."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position, place)
        number, wire = key >> 3, key & 7
        if number == 0 or number >= 1 << 29:
            raise place.error(f"is not protobuf: a field has the number {number}")
        if wire == _VARINT:
            value, position = _read_varint(data, position, place)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, position = _read_varint(data, position, place)
        elif wire in _FIXED:
            size = _FIXED[wire][1]
        else:
            raise place.error(f"is not protobuf: field {number} has the wire type {wire}")
        if size > len(data) - position:
            raise place.error(
                f"is cut short: field {number} needs {size} bytes, {len(data) - position} are left"
            )
        yield number, wire, data[position : position + size]
        position += size


def _message(data: memoryview, known: Mapping[int, int], place: Place) -> dict[int, Any]:
    """The known fields of a message by number, each at most once."""
    found: dict[int, Any] = {}
    for number, wire, value in _fields(data, place):
        if number in known:
            if wire != known[number]:
                raise place.error(f"is not what it should be: field {number} has the wire type {wire}")
            if number in found:
                raise place.error(f"has field {number} twice")
            found[number] = value
    return found


def _read_varint(data: memoryview, position: int, place: Place) -> tuple[int, int]:
    if position < len(data) and data[position] < 0x80:
        return data[position], position + 1
    result = 0
    for index, byte in enumerate(data[position : position + 10]):
        result |= (byte & 0x7F) << (7 * index)
        if byte < 0x80 and result < 1 << 64:
            return result, position + index + 1
    raise place.error("is cut short, or not protobuf: a number does not end")


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1  # negative numbers take ten bytes
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _field(number: int, payload: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(payload)) + payload


def _string_field(number: int, text: str, place: Place) -> bytes:
    return _field(number, _utf8(text, place)) if text else b""


def _text(data: memoryview | bytes, place: Place) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError:
        raise place.error("has text that is not UTF-8") from None


def _utf8(text: str, place: Place) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise place.error("has text with half a character (an unpaired surrogate)") from None


# Models, attributes and values.


def _read_model(data: memoryview, place: Place) -> Model:
    found = _message(data, {1: _BYTES, 2: _BYTES}, place)
    op = _text(found.get(1, b""), place)
    if not op:
        raise place.error("names no op")
    return Model(op, _read_attributes(found.get(2, memoryview(b"")), place))


def _read_attributes(data: memoryview, place: Place) -> Attributes:
    values: dict[str, Value] = {}
    for number, wire, entry in _fields(data, place):
        if number == 1 and wire == _BYTES:
            found = _message(entry, {1: _BYTES, 2: _BYTES}, place)
            name = _text(found.get(1, b""), place)
            if name in values:
                raise place.error(f"has the attribute {name!r} twice")
            values[name] = _read_value(found.get(2, memoryview(b"")), place.inside(f"attribute {name!r}"))
    return Attributes(values, file=place.file, stage=place.stage)


def _write_attributes(attributes: Mapping[str, Value], place: Place) -> bytes:
    entries = (
        _field(1, _utf8(name, place)) + _field(2, _write_value(value, place.inside(f"attribute {name!r}")))
        for name, value in attributes.items()
    )
    return b"".join(_field(1, entry) for entry in entries)


def _read_value(data: memoryview, place: Place) -> Value:
    found = _message(data, {1: _BYTES, 2: _BYTES, 3: _BYTES}, place)
    if len(found) != 1:
        raise place.error(f"should be one scalar, list or tensor, but is {len(found)} of them")
    ((number, payload),) = found.items()
    return {1: _read_scalar, 2: _read_list, 3: _read_tensor}[number](payload, place)


def _write_value(value: Value, place: Place) -> bytes:
    if value.shape == "tensor":
        return _field(3, _write_tensor(value, place))
    check_base(value, place)
    if value.shape == "list":
        return _field(2, _write_list(value, place))
    return _field(1, b"" if value.base is None else _write_scalar(value.base, value.data, place))


def _read_scalar(data: memoryview, place: Place) -> Value:
    found = _message(data, {number: wire for number, (_, wire) in _FIELDS.items()}, place)
    if len(found) > 1:
        raise place.error(f"should be one value, but is {len(found)} of them")
    for number, raw in found.items():
        base = _FIELDS[number][0]
        return Value("scalar", base, _READ[base](raw, place))
    return Value("scalar", None, None)


def _write_scalar(base: str, data: Any, place: Place) -> bytes:
    (item,) = read_items(base, [data], place)
    payload = _WRITE[base](item, place)
    number = _NUMBERS[base]
    wire = _FIELDS[number][1]
    if wire == _BYTES:
        # A message that is there differs from one that is not, even when it is empty.
        return _field(number, payload) if payload or base in _MESSAGES else b""
    return _key(number, wire) + payload if payload.strip(b"\0") else b""


def _read_list(data: memoryview, place: Place) -> Value:
    base: str | None = None
    items: list[Any] = []
    for number, wire, raw in _fields(data, place):
        if number not in _FIELDS:
            continue
        if base not in (None, _FIELDS[number][0]):
            raise place.error(f"mixes {base} and {_FIELDS[number][0]}")
        base, expected = _FIELDS[number]
        if wire == expected:
            items.append(_READ[base](raw, place.inside(f"item {len(items)}") if base in _MESSAGES else place))
        elif wire == _BYTES:
            items.extend(_unpack(base, expected, raw, place))
        else:
            raise place.error(f"is not what it should be: field {number} has the wire type {wire}")
    return Value("list", base, items)


def _unpack(base: str, wire: int, data: memoryview, place: Place) -> Iterator[Any]:
    if wire in _FIXED:
        letter, size = _FIXED[wire]
        if len(data) % size:
            raise place.error("is cut short: its last number is not whole")
        yield from struct.unpack(f"<{len(data) // size}{letter}", data)
        return
    position = 0
    while position < len(data):
        number, position = _read_varint(data, position, place)
        yield _READ[base](number, place)


def _write_list(value: Value, place: Place) -> bytes:
    if not value.data or value.base is None:
        return b""
    number, write = _NUMBERS[value.base], _WRITE[value.base]
    payloads = [write(item, place) for item in read_items(value.base, value.data, place)]
    if _FIELDS[number][1] == _BYTES:
        return b"".join(_field(number, payload) for payload in payloads)
    return _field(number, b"".join(payloads))


# Tensors and shapes.


def _read_tensor(data: memoryview, place: Place) -> Value:
    found = _message(data, {1: _VARINT, 2: _BYTES, 3: _BYTES}, place)
    raw = found.get(3, memoryview(b""))
    dims = _read_dims(found.get(2, memoryview(b"")), place)
    base = _tensor_base(found.get(1, 0), dims, len(raw), place)
    if base in _ITEMS:
        letter, size = _ITEMS[base]
        if len(raw) % size:
            raise place.error(
                f"is a tensor of {base} with {len(raw)} bytes, which is no whole number of values"
            )
        items = list(struct.unpack(f">{len(raw) // size}{letter}", raw))
    else:
        items = [_text(item, place) if base == "string" else bytes(item) for item in _chunks(raw, place)]
    return Value("tensor", base, items, resolve_dims(dims, len(items), place))


def _tensor_base(code: int, dims: Iterable[int], size: int, place: Place) -> str:
    """The type a code stands for. MLeap's first 0.8 releases counted from 0; the width of the values tells."""
    base = _BASIC_TYPES.get(code, "unknown")
    older = _BASIC_TYPES.get(code + 1, "unknown")
    count = 1
    for dim in dims:
        count *= dim
    if older in _ITEMS and count > 0 and _ITEMS[older][1] * count == size:
        base = base if base in _ITEMS and _ITEMS[base][1] * count == size else older
    if base == "unknown":
        raise place.error(f"is a tensor of an unknown type, number {code}")
    return base


def _write_tensor(value: Value, place: Place) -> bytes:
    (tensor,) = read_items("tensor", [value], place)
    items = read_items(tensor.base, tensor.data, place)
    if tensor.base in _ITEMS:
        raw = struct.pack(f">{len(items)}{_ITEMS[tensor.base][0]}", *items)
    else:
        encoded = (_utf8(item, place) if tensor.base == "string" else item for item in items)
        raw = b"".join(struct.pack(">i", len(item)) + item for item in encoded)
    base = _key(1, _VARINT) + _varint(_CODES[tensor.base])
    return base + _field(2, _write_dims(tensor.dims)) + (_field(3, raw) if raw else b"")


def _chunks(data: memoryview, place: Place) -> Iterator[memoryview]:
    position = 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        position += 4
        if size > len(data) - position:
            raise place.error("is a tensor that is cut short")
        yield data[position : position + size]
        position += size


def _read_dims(data: memoryview, place: Place) -> list[int]:
    dims = []
    for number, wire, value in _fields(data, place):
        if number == 1 and wire == _BYTES:
            size = _message(value, {1: _VARINT, 2: _BYTES}, place).get(1, 0)
            dims.append(_signed(size, BITS["int"]))
            if len(dims) > MOST_DIMENSIONS:
                raise place.error(f"has more than {MOST_DIMENSIONS} dimensions")
    return dims


def _write_dims(dims: Iterable[int]) -> bytes:
    sizes = (_key(1, _VARINT) + _varint(size) if size else b"" for size in dims)
    return b"".join(_field(1, size) for size in sizes)


def _read_shape(data: memoryview, place: Place) -> dict[str, Any]:
    found = _message(data, {1: _VARINT, 2: _VARINT, 3: _BYTES}, place)
    base = _SHAPES.get(found.get(1, 0))
    if base is None:
        raise place.error(f"has the unknown shape {found[1]}")
    shape = {"base": base, "isNullable": bool(found.get(2, 0))}
    if 3 in found:
        return shape | {"tensorShape": tensor_shape(_read_dims(found[3], place))}
    return shape


def _write_shape(shape: Mapping[str, Any], place: Place) -> bytes:  # noqa: ARG001
    code = {name: code for code, name in _SHAPES.items()}[shape["base"]]
    base = _key(1, _VARINT) + _varint(code) if code else b""
    nullable = _key(2, _VARINT) + b"\x01" if shape["isNullable"] else b""
    if "tensorShape" not in shape:
        return base + nullable
    dims = [dim["size"] for dim in shape["tensorShape"]["dimensions"]]
    return base + nullable + _field(3, _write_dims(dims))


# Items.


def _signed(number: int, bits: int) -> int:
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def _read_basic_type(code: int, place: Place) -> str:
    if code not in _BASIC_TYPES:
        raise place.error(f"is the unknown type number {code}")
    return _BASIC_TYPES[code]


def _whole(number: int, place: Place) -> bytes:  # noqa: ARG001
    return _varint(number)


_READ: Final[Mapping[str, Callable[[Any, Place], Any]]] = {
    "boolean": lambda raw, _: bool(raw),
    "string": _text,
    "int": lambda raw, _: _signed(raw, BITS["int"]),
    "long": lambda raw, _: _signed(raw, BITS["long"]),
    "float": lambda raw, _: struct.unpack("<f", raw)[0],
    "double": lambda raw, _: struct.unpack("<d", raw)[0],
    "byte_string": lambda raw, _: bytes(raw),
    "tensor": _read_tensor,
    "basic_type": _read_basic_type,
    "data_shape": _read_shape,
    "model": lambda raw, place: _read_model(raw, place.deeper()),
}
_WRITE: Final[Mapping[str, Callable[[Any, Place], bytes]]] = {
    "boolean": _whole,
    "byte": _whole,
    "short": _whole,
    "int": _whole,
    "long": _whole,
    "string": _utf8,
    "float": lambda number, place: struct.pack("<f", single(number, place)),
    "double": lambda number, _: struct.pack("<d", number),
    "byte_string": lambda data, _: bytes(data),
    "tensor": _write_tensor,
    "basic_type": lambda name, _: _varint(_CODES[name]),
    "data_shape": _write_shape,
    "model": lambda model, place: write_model(model, place.deeper()),
}
