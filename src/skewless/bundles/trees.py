"""Side files of trees <-> JSON lines: decision trees, and the cluster trees of bisecting k-means.

A bundle of the format protobuf has them as ``tree.pb``: messages of ``ml.bundle.dtree`` or ``ml.bundle.ctree``, each
behind its length. Ops see and give ``tree.json`` alone. What the nodes mean is looked at there, not here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from skewless.bundles.jsontext import array, kind, member, obj, parse
from skewless.bundles.place import Place
from skewless.bundles.protobuf import _BYTES, _FIXED64, _VARINT, _field, _fields, _key, _message, _varint
from skewless.bundles.values import _double

JSON: Final = "tree.json"
PROTOBUF: Final = "tree.pb"
# MLeap's runtimes before 0.23 gave the files these names, and could not read them again.
_NAMES: Final = {PROTOBUF: (PROTOBUF, "nodes.pb"), JSON: (JSON, "nodes.json")}


def read_files(op: str, files: Mapping[str, bytes], place: Place) -> Mapping[str, bytes]:
    """A model's side files with its tree, if it has one, as ``tree.json``. ``place`` is the model's folder."""
    decode = _DECODE.get(op)
    if decode is None:
        return files
    found = {name: data for name, data in files.items() if name not in (*_NAMES[JSON], *_NAMES[PROTOBUF])}
    for name in (*_NAMES[PROTOBUF], *_NAMES[JSON]):
        if name in files:
            here = _inside(place, name)
            as_json = name in _NAMES[JSON]
            found[JSON] = files[name] if as_json else _to_json(files[name], decode, here)
    return found


def write_files(op: str, files: Mapping[str, bytes], suffix: str, place: Place) -> Mapping[str, bytes]:
    """A model's side files as a bundle whose files end in ``suffix`` has them."""
    encode = _ENCODE.get(op)
    if encode is None or suffix == ".json" or JSON not in files:
        return files
    here = _inside(place, JSON)
    rest = {name: data for name, data in files.items() if name != JSON}
    return {**rest, PROTOBUF: _to_protobuf(files[JSON], encode, here)}


def _inside(place: Place, name: str) -> Place:
    return Place(place.artifact, f"{place.file}/{name}", place.stage, None, place.depth, place.old_types)


def _to_json(data: bytes, decode: Callable[[memoryview, Place], Any], place: Place) -> bytes:
    lines = []
    for number, frame in enumerate(_frames(memoryview(data), place), start=1):
        node = decode(frame, place.inside(f"node {number}"))
        lines.append(json.dumps(node, separators=(",", ":")) + "\n")
    return "".join(lines).encode()


def _frames(data: memoryview, place: Place) -> Iterator[memoryview]:
    position, number = 0, 0
    while position < len(data):
        number += 1
        here = place.inside(f"node {number}")
        if position + 4 > len(data):
            raise here.error("is cut short: its length is not whole")
        (size,) = struct.unpack_from(">i", data, position)
        position += 4
        if not 0 <= size <= len(data) - position:
            raise here.error(f"is cut short: it needs {size} bytes, {len(data) - position} are left")
        yield data[position : position + size]
        position += size


def _to_protobuf(data: bytes, encode: Callable[[Mapping[str, Any], Place], bytes], place: Place) -> bytes:
    frames = []
    for number, line in enumerate(data.splitlines(), start=1):
        here = place.inside(f"line {number}")
        frame = encode(obj(parse(line, here), here), here)
        frames.append(struct.pack(">i", len(frame)) + frame)
    return b"".join(frames)


# Decision trees.


def _read_node(data: memoryview, place: Place) -> dict[str, Any]:
    node = _message(data, {1: _BYTES, 2: _BYTES}, place)
    if len(node) != 1:
        raise place.error("is neither a leaf nor an inner node")
    if 2 in node:
        return {"type": "leaf", "values": _doubles(node[2], 1, place)}
    split = _message(
        _message(node[1], {1: _BYTES}, place).get(1, memoryview(b"")), {1: _BYTES, 2: _BYTES}, place
    )
    if len(split) != 1:
        raise place.error("has neither a continuous nor a categorical split")
    return {
        "type": "internal",
        "split": _continuous(split[2], place) if 2 in split else _categorical(split[1], place),
    }


def _continuous(data: memoryview, place: Place) -> dict[str, Any]:
    found = _message(data, {1: _VARINT, 2: _FIXED64}, place)
    return {
        "type": "continuous",
        "featureIndex": _int32(found.get(1, 0)),
        "threshold": _number(found.get(2)),
    }


def _categorical(data: memoryview, place: Place) -> dict[str, Any]:
    found = {1: 0, 2: 0, 3: 0}
    for number, wire, value in _fields(data, place):
        if number in found:
            if wire != _VARINT:
                raise place.error(f"is not what it should be: field {number} has the wire type {wire}")
            found[number] = value
    return {
        "type": "categorical",
        "featureIndex": _int32(found[1]),
        "isLeft": bool(found[2]),
        "numCategories": _int32(found[3]),
        "categories": _doubles(data, 4, place),
    }


def _write_node(node: Mapping[str, Any], place: Place) -> bytes:
    if node.get("type") == "leaf":
        return _field(2, _write_doubles(1, node, "values", place))
    if node.get("type") != "internal":
        raise place.error(f"is neither a leaf nor an inner node, but {node.get('type')!r}")
    split = obj(member(node, "split", place), place.inside("'split'"))
    feature = _write_int(1, split, "featureIndex", place)
    if split.get("type") == "continuous":
        return _field(1, _field(1, _field(2, feature + _write_double(2, split, "threshold", place))))
    if split.get("type") != "categorical":
        raise place.error("is neither a continuous nor a categorical split")
    is_left = member(split, "isLeft", place)
    if not isinstance(is_left, bool):
        raise place.error(f"has an 'isLeft' that is no boolean, but {kind(is_left)}")
    body = (
        feature
        + (_key(2, _VARINT) + b"\x01" if is_left else b"")
        + _write_int(3, split, "numCategories", place)
        + _write_doubles(4, split, "categories", place)
    )
    return _field(1, _field(1, _field(1, body)))


# Cluster trees.


def _read_cluster(data: memoryview, place: Place) -> dict[str, Any]:
    found: dict[int, Any] = {}
    for number, wire, value in _fields(data, place):
        if number in (1, 2, 4):
            if wire != (_FIXED64 if number == 2 else _VARINT):
                raise place.error(f"is not what it should be: field {number} has the wire type {wire}")
            found[number] = value
    return {
        # Declared unsigned, but inner nodes have negative ones.
        "index": _int32(found.get(1, 0)),
        "norm": _number(found.get(2)),
        "values": _doubles(data, 3, place),
        "numChildren": _int32(found.get(4, 0)),
    }


def _write_cluster(node: Mapping[str, Any], place: Place) -> bytes:
    return (
        _write_int(1, node, "index", place)
        + _write_double(2, node, "norm", place)
        + _write_doubles(3, node, "values", place)
        + _write_int(4, node, "numChildren", place)
    )


_CLUSTERS: Final = "bisecting_k_means"
_TREES: Final = ("decision_tree_classifier", "decision_tree_regression")
_DECODE: Final = {_CLUSTERS: _read_cluster, **dict.fromkeys(_TREES, _read_node)}
_ENCODE: Final = {_CLUSTERS: _write_cluster, **dict.fromkeys(_TREES, _write_node)}


# Numbers.


def _number(raw: memoryview | None) -> float:
    return 0.0 if raw is None else float(struct.unpack("<d", raw)[0])


def _int32(number: int) -> int:
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number


def _doubles(data: memoryview, wanted: int, place: Place) -> list[float]:
    """A repeated field, packed or not."""
    found: list[float] = []
    for number, wire, value in _fields(data, place):
        if number != wanted:
            continue
        if wire not in (_FIXED64, _BYTES) or len(value) % 8:
            raise place.error(f"has no list of doubles in field {number}")
        found += struct.unpack(f"<{len(value) // 8}d", value)
    return found


def _write_int(number: int, document: Mapping[str, Any], key: str, place: Place) -> bytes:
    value = member(document, key, place)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
        raise place.error(f"has a {key!r} that is no 32-bit number")
    return _key(number, _VARINT) + _varint(value & 0xFFFFFFFF) if value else b""


def _write_double(number: int, document: Mapping[str, Any], key: str, place: Place) -> bytes:
    packed = struct.pack("<d", _double(member(document, key, place), place.inside(repr(key))))
    # Only +0.0 is left out.
    return _key(number, _FIXED64) + packed if any(packed) else b""


def _write_doubles(number: int, document: Mapping[str, Any], key: str, place: Place) -> bytes:
    items = array(member(document, key, place), place.inside(repr(key)))
    packed = b"".join(struct.pack("<d", _double(item, place.inside(repr(key)))) for item in items)
    return _field(number, packed) if packed else b""
