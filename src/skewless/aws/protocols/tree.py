"""Trees of plain values, as JSON and CBOR have them, to and from the members of requests and answers."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any, Final

from skewless.aws import times
from skewless.aws.model import Shape
from skewless.aws.refusal import Refused, malformed

BITS: Final = {"integer": 31, "long": 63}
NUMBERS: Final = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}
CALLED: Final = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bytes: "BYTES_VALUE"}
SPECIAL: Final = ("NaN", "Infinity", "-Infinity")


def read_structure(value: Any, shape: Shape, where: str = "") -> dict[str, Any]:
    """The members that are there. Names that the model does not have are passed over, as AWS does.

    ``where`` is the place in the request. SerializationException where a type is wrong.
    """
    if not isinstance(value, dict):
        raise _unexpected(value, "a structure", where)
    found = {}
    for name, member in shape.members.items():
        raw = value.get(member.wire or name)
        if raw is not None:
            found[name] = _read(raw, member, f"{where}.{name}" if where else name)
    return found


def _read(value: Any, shape: Shape, where: str) -> Any:
    if value is None or shape.document:
        return value  # a null inside a list or map is for validation to refuse
    if shape.kind == "structure":
        return read_structure(value, shape, where)
    if shape.kind == "map":
        if not isinstance(value, dict):
            raise _unexpected(value, "a map", where)
        return {key: _read(item, shape.value, f"{where}.{key}") for key, item in value.items()}
    if shape.kind == "list":
        if not isinstance(value, list):
            raise _unexpected(value, "a list", where)
        return [_read(item, shape.member, f"{where}.{place}") for place, item in enumerate(value, 1)]
    return READERS[shape.kind](value, shape, where)


def _unexpected(value: Any, wanted: str, where: str) -> Refused:
    place = f" (at '{where}')" if where else ""
    if isinstance(value, dict | list):
        begun = "list" if isinstance(value, list) else "structure or map"
        return malformed(f"Start of {begun} found where not expected{place}")
    called = (
        ("TRUE_VALUE" if value else "FALSE_VALUE")
        if isinstance(value, bool)
        else CALLED.get(type(value), "VALUE")
    )
    return malformed(f"{called} can not be converted to {wanted}{place}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _unexpected(value, "a String", where)
    return value


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _unexpected(value, "a Boolean", where)
    return value


def _whole(value: Any, shape: Shape, where: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not -(1 << BITS[shape.kind]) <= value < 1 << BITS[shape.kind]:
        raise _unexpected(value, NUMBERS[shape.kind], where)
    return int(value)


def _real(value: Any, shape: Shape, where: str) -> float:
    if isinstance(value, str) and value in SPECIAL:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(value, NUMBERS[shape.kind], where)
    try:
        return float(value)
    except OverflowError:
        raise _unexpected(value, NUMBERS[shape.kind], where) from None


def _bytes(value: Any, where: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(_text(value, where), validate=True)
    except (binascii.Error, ValueError):
        raise malformed(f"the value at '{where}' is not Base64") from None


READERS: Final[dict[str, Callable[[Any, Shape, str], Any]]] = {
    "string": lambda value, shape, where: _text(value, where),
    "character": lambda value, shape, where: _text(value, where),
    "boolean": lambda value, shape, where: _boolean(value, where),
    "integer": _whole,
    "long": _whole,
    "float": _real,
    "double": _real,
    "blob": lambda value, shape, where: _bytes(value, where),
    "timestamp": lambda value, shape, where: times.read(value),
}


def write(value: Any, shape: Shape, leaf: Callable[[Any, Shape], Any]) -> Any:
    """An answer's value as plain values; ``leaf`` writes what is neither structure, map nor list.

    TypeError where an operation answers a member that the model does not have.
    """
    if shape.document:
        return value
    match shape.kind:
        case "structure":
            unknown = value.keys() - shape.members.keys()
            if unknown:
                raise TypeError(f"{shape.name} has no member {sorted(unknown)[0]}")
            return {
                shape.members[name].wire or name: write(item, shape.members[name], leaf)
                for name, item in value.items()
                if item is not None
            }
        case "map":
            return {key: write(item, shape.value, leaf) for key, item in value.items()}
        case "list":
            return [write(item, shape.member, leaf) for item in value]
    return leaf(value, shape)


def json_leaf(value: Any, shape: Shape) -> Any:
    """A scalar as JSON has it."""
    if shape.kind == "blob":
        return base64.b64encode(value).decode("ascii")
    if shape.kind == "timestamp":
        return times.written(value, shape.time_format or "unixTimestamp")
    if shape.kind in ("float", "double") and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
