"""MLeap's JSON for models, nodes and attribute values <-> the words of `skewless.spec`; and rules that protobuf shares.

Written as MLeap 0.8 to 0.25 read it: zeros explicit, numbers that are not finite as null, tensors dense.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from skewless.bundles.jsontext import array, dump, kind, member, obj, parse, text
from skewless.bundles.place import Place
from skewless.spec import Attributes, Model, Socket, Value

TENSOR_BASES: Final = ("boolean", "byte", "short", "int", "long", "float", "double", "byte_string", "string")
BASIC_TYPES: Final = (
    "boolean",
    "byte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "string",
    "byte_string",
    "unknown",
)
SHAPES: Final = ("scalar", "list", "tensor")
BITS: Final = {"byte": 8, "short": 16, "int": 32, "long": 64}
MOST_DIMENSIONS: Final = 32

_BEFORE_08: Final = (
    "Export the pipeline again with MLeap 0.8 or later, or with Skewless: nothing later reads this encoding."
)


@dataclass(frozen=True, slots=True)
class Node:
    """What a node file says: the stage's name, and which columns its ports are bound to."""

    name: str
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[Socket, ...] = ()


def read_model(data: bytes, place: Place) -> Model:
    """A model.json, without side files and sub-models."""
    return _read_model(parse(data, place), place)


def write_model(model: Model, place: Place) -> bytes:
    """The model.json of a model."""
    return dump(_write_model(model, place), place)


def read_node(data: bytes, place: Place) -> Node:
    """A node.json."""
    document = obj(parse(data, place), place)
    name = text(member(document, "name", place), place.inside("'name'"))
    within = place.inside("'shape'")
    shape = obj(member(document, "shape", place), within)
    inputs, outputs = (_read_sockets(shape, side, within) for side in ("inputs", "outputs"))
    return Node(name, inputs, outputs)


def write_node(node: Node, place: Place) -> bytes:
    """The node.json of a node."""
    inputs, outputs = (
        [{"port": socket.port, "name": socket.column} for socket in side]
        for side in (node.inputs, node.outputs)
    )
    return dump({"name": node.name, "shape": {"inputs": inputs, "outputs": outputs}}, place)


def read_attributes(document: Any, place: Place) -> Attributes:
    """An object of attributes; where there is none it counts as empty, as old exporters meant it."""
    if isinstance(document, list) and document and all(_is_old(item) for item in document):
        raise place.inside("'attributes'").error("are written as MLeap before 0.8 wrote them", _BEFORE_08)
    found = {} if document is None else obj(document, place.inside("'attributes'"))
    values = {name: read_value(value, place.inside(f"attribute {name!r}")) for name, value in found.items()}
    return Attributes(values, file=place.file, stage=place.stage)


def write_attributes(attributes: Mapping[str, Value], place: Place) -> dict[str, Any]:
    """The object of attributes."""
    return {
        name: write_value(value, place.inside(f"attribute {name!r}")) for name, value in attributes.items()
    }


def read_value(document: Any, place: Place) -> Value:
    """One attribute value. An unknown kind is refused: MLeap would read a zero from it."""
    found = obj(document, place)
    if "type" in found and "value" in found:
        raise place.error("is written as MLeap before 0.8 wrote it", _BEFORE_08)
    shape = found.get("type", "scalar")
    if shape == "tensor":
        return _read_tensor(found, place)
    if "type" in found and shape != "list":
        raise place.error(f"has the unknown type {shape!r}")
    payload = {key: item for key, item in found.items() if key != "type"}
    if not payload:
        return Value("scalar", None, None) if shape == "scalar" else Value("list", None, [])
    if len(payload) > 1 or not payload.keys() <= _READ.keys() - {
        "byte",
        "short",
    }:  # those two are under "int"
        raise place.error(f"should hold one value of a known kind, but has {', '.join(map(repr, payload))}")
    ((base, item),) = payload.items()
    if place.old_types and base == "byte_string" and _are_basic_types(item):
        base = "basic_type"
    if shape == "scalar":
        return Value("scalar", base, _READ[base](item, place))
    return Value("list", base, read_items(base, array(item, place), place))


def write_value(value: Value, place: Place) -> dict[str, Any]:
    """The JSON of one attribute value. An empty list loses its base, as in MLeap."""
    if value.shape == "tensor":
        return {"type": "tensor", **_write_tensor(value, place)}
    check_base(value, place)
    key = "int" if value.base in ("byte", "short") else value.base
    if value.shape == "list":
        if not value.data or key is None or value.base is None:
            return {"type": "list"}
        return {"type": "list", key: _write_items(value.base, value.data, place)}
    if key is None or value.base is None:
        return {}
    return {key: _WRITE.get(value.base, _as_is)(_READ[value.base](value.data, place), place)}


def check_base(value: Value, place: Place) -> None:
    """Refuse to write what has no encoding. ArtifactError."""
    if value.shape not in SHAPES or (value.base is not None and value.base not in _READ):
        raise place.error(f"cannot be written: there is no {value.shape} of {value.base}", None)
    if value.base is None and value.shape == "list" and value.data:
        raise place.error("cannot be written: a list with items needs a base", None)


def read_items(base: str, items: Sequence[Any], place: Place) -> list[Any]:
    """A list's items in their Python types."""
    kinds = set(map(type, items))
    if kinds <= _EXACT.get(base, set()):
        return list(items)
    if kinds == {int} and base in BITS:
        bound = 1 << (BITS[base] - 1)
        if -bound <= min(items) and max(items) < bound:
            return list(items)
    read = _READ[base]
    return [read(item, place.inside(f"item {position}")) for position, item in enumerate(items)]


def resolve_dims(dims: Sequence[int], count: int, place: Place) -> tuple[int, ...]:
    """A tensor's dimensions for ``count`` values; one of them may be -1, and is inferred."""
    if len(dims) > MOST_DIMENSIONS or any(size < -1 for size in dims) or dims.count(-1) > 1:
        raise place.error(f"has the impossible dimensions {list(dims)[:MOST_DIMENSIONS]}")
    known = math.prod(size for size in dims if size >= 0)
    inferred = count // known if known else 0
    resolved = tuple(inferred if size == -1 else size for size in dims)
    if math.prod(resolved) != count:
        raise place.error(f"has {count} values for dimensions {list(dims)}")
    return resolved


def single(number: float, place: Place) -> float:
    """The nearest 32-bit float, widened."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        raise place.error(f"is {number!r}, too large for a float") from None


def _read_model(document: Any, place: Place) -> Model:
    found = obj(document, place)
    op = text(member(found, "op", place), place.inside("'op'"))
    if not op:
        raise place.error("names no op")
    return Model(op, read_attributes(found.get("attributes"), place))


def _write_model(model: Model, place: Place) -> dict[str, Any]:
    return {"op": model.op, "attributes": write_attributes(model.attributes, place)}


def _read_sockets(shape: Mapping[str, Any], side: str, place: Place) -> tuple[Socket, ...]:
    within = place.inside(f"'{side}'")
    sockets = (obj(socket, within) for socket in array(member(shape, side, place), within))
    return tuple(
        Socket(text(member(socket, "port", within), within), text(member(socket, "name", within), within))
        for socket in sockets
    )


def _boolean(document: Any, place: Place) -> bool:
    if not isinstance(document, bool):
        raise place.error(f"should be a boolean, but is {kind(document)}")
    return document


def _whole(base: str) -> Callable[[Any, Place], int]:
    bound = 1 << (BITS[base] - 1)

    def read(document: Any, place: Place) -> int:
        is_number = isinstance(document, int | float) and not isinstance(document, bool)
        if not is_number or (isinstance(document, float) and not document.is_integer()):
            shown = repr(document) if is_number else kind(document)
            raise place.error(f"should be a whole number, but is {shown}")
        if not -bound <= document < bound:
            raise place.error(f"is outside the range of {base}")
        return int(document)

    return read


def _double(document: Any, place: Place) -> float:
    if document is None:  # MLeap writes it for NaN and for both infinities
        return math.nan
    if not isinstance(document, int | float) or isinstance(document, bool):
        raise place.error(f"should be a number, but is {kind(document)}")
    try:
        return float(document)
    except OverflowError:
        raise place.error("is too large for a double") from None


def _float(document: Any, place: Place) -> float:
    return single(_double(document, place), place)


def _bytes(document: Any, place: Place) -> bytes:
    if isinstance(document, bytes):
        return document
    try:
        return base64.b64decode(text(document, place), validate=True)
    except (binascii.Error, ValueError):
        raise place.error("is not base64") from None


def _basic_type(document: Any, place: Place) -> str:
    if document not in BASIC_TYPES:
        raise place.error(f"should be one of {', '.join(BASIC_TYPES)}, but is {document!r}")
    return str(document)


def _data_shape(document: Any, place: Place) -> dict[str, Any]:
    found = obj(document, place)
    base = member(found, "base", place)
    if base not in SHAPES:
        raise place.error(f"should be a scalar, list or tensor, but is {base!r}")
    shape = {"base": base, "isNullable": _boolean(member(found, "isNullable", place), place)}
    if found.get("tensorShape") is not None:
        dims = _read_dims(found["tensorShape"], place)
        return shape | {"tensorShape": tensor_shape(dims)}
    return shape


def tensor_shape(dims: Iterable[int]) -> dict[str, Any]:
    """The JSON of dimensions; MLeap wants each to have a name, which is never used."""
    return {"dimensions": [{"size": size, "name": ""} for size in dims]}


def _read_dims(document: Any, place: Place) -> list[int]:
    within = place.inside("'dimensions'")
    dims = array(member(obj(document, within), "dimensions", place), within)
    return [_INT(member(obj(size, within), "size", within), within) for size in dims]


def _read_tensor(document: Any, place: Place) -> Value:
    if isinstance(document, Value):
        return _check_tensor(document, place)
    found = obj(document, place)
    bases = [base for base in TENSOR_BASES if base in found]
    extra = found.keys() - {"type", "shape", *TENSOR_BASES}
    if len(bases) != 1 or extra:
        held = ", ".join(map(repr, [*bases, *sorted(extra)])) or "no values"
        raise place.error(f"should be a dense tensor of one kind, but has {held}")
    items = read_items(bases[0], array(found[bases[0]], place), place)
    dims = _read_dims(member(found, "shape", place), place)
    return Value("tensor", bases[0], items, resolve_dims(dims, len(items), place))


def _check_tensor(value: Value, place: Place) -> Value:
    if value.shape != "tensor" or value.base not in TENSOR_BASES:
        raise place.error(f"cannot be written: there is no {value.shape} of {value.base} among tensors", None)
    return Value("tensor", value.base, value.data, resolve_dims(value.dims, len(value.data), place))


def _write_tensor(value: Value, place: Place) -> dict[str, Any]:
    checked = _check_tensor(value, place)
    base = str(checked.base)
    return {base: _write_items(base, checked.data, place), "shape": tensor_shape(checked.dims)}


def _write_items(base: str, items: Sequence[Any], place: Place) -> list[Any]:
    exact = read_items(base, items, place)
    write = _WRITE.get(base)
    if write is _finite and all(map(math.isfinite, exact)):
        return exact
    return [write(item, place) for item in exact] if write else exact


def _nested(document: Any, place: Place) -> Model:
    return document if isinstance(document, Model) else _read_model(document, place.deeper())


def _is_old(document: Any) -> bool:
    return isinstance(document, dict) and document.keys() >= {"name", "type", "value"}


def _are_basic_types(document: Any) -> bool:
    items = document if isinstance(document, list) else [document]
    return all(isinstance(item, str) and item in BASIC_TYPES for item in items)


def _as_is(item: Any, place: Place) -> Any:  # noqa: ARG001
    return item


def _finite(number: float, place: Place) -> float | None:  # noqa: ARG001
    return number if math.isfinite(number) else None


def _base64(data: bytes, place: Place) -> str:  # noqa: ARG001
    return base64.b64encode(data).decode()


_INT: Final = _whole("int")

# Each takes what JSON gives or what a Value holds, and gives what a Value holds.
_READ: Final[Mapping[str, Callable[[Any, Place], Any]]] = {
    "boolean": _boolean,
    "byte": _whole("byte"),
    "short": _whole("short"),
    "int": _INT,
    "long": _whole("long"),
    "float": _float,
    "double": _double,
    "string": text,
    "byte_string": _bytes,
    "tensor": _read_tensor,
    "basic_type": _basic_type,
    "data_shape": _data_shape,
    "model": _nested,
}
_WRITE: Final[Mapping[str, Callable[[Any, Place], Any]]] = {
    "float": _finite,
    "double": _finite,
    "byte_string": _base64,
    "tensor": _write_tensor,
    "model": lambda model, place: _write_model(model, place.deeper()),
}
# Types whose items need no second look.
_EXACT: Final[Mapping[str, set[type]]] = {"boolean": {bool}, "double": {float}, "string": {str}}
