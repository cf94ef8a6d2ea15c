"""The query protocol: a form in, XML out. IAM and STS, and CloudWatch for older clients."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from skewless.aws import times
from skewless.aws.http import Answer, Head
from skewless.aws.model import OperationShape, Service, Shape
from skewless.aws.protocols.tree import BITS
from skewless.aws.refusal import Refusal, Refused, malformed

MOST_FIELDS: Final = 100_000
XML: Final = {"content-type": "text/xml"}
# What XML 1.0 cannot hold, and what a parser would change on reading.
UNPRINTABLE: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")
ENTITIES: Final = {"\r": "&#13;", '"': "&quot;"}


class Query:
    """The query protocol."""

    def operation_of(self, head: Head, body: bytes, service: Service) -> str:
        """The operation's name, from the field ``Action``."""
        fields = _fields(head, body)
        version = fields.get("Version")
        if version is not None and version != service.version:
            raise Refused(
                "NoSuchVersion", f"{service.full_name} has the version {service.version} here, not {version}"
            )
        if "Action" not in fields:
            raise Refused("MissingAction", f"the request names no Action of {service.full_name}")
        return fields["Action"]

    def read(self, head: Head, body: bytes, operation: OperationShape) -> dict[str, Any]:
        """The request's members. MalformedInput where a field is not of its type."""
        if operation.input is None:
            return {}
        return _structure(_tree(_fields(head, body)), operation.input, "")

    def answer(self, members: dict[str, Any], operation: OperationShape, request_id: str) -> Answer:
        """An operation's answer."""
        out: list[str] = []
        if operation.output is not None:
            _write_members(members, operation.output, out)
            if operation.output.wrapper:
                out = [f"<{operation.output.wrapper}>", *out, f"</{operation.output.wrapper}>"]
        name = f"{operation.name}Response"
        text = (
            f"<{name}{_namespace(operation.service)}>{''.join(out)}"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}>"
        )
        return Answer(200, text.encode(), XML)

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error."""
        text = (
            f"<ErrorResponse{_namespace(service)}><Error><Type>{refusal.party}</Type>"
            f"<Code>{_text(refusal.code)}</Code><Message>{_text(refusal.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Answer(refusal.status, text.encode(), XML)


def _fields(head: Head, body: bytes) -> dict[str, str]:
    raw = body if head.method == "POST" else head.query
    try:
        return dict(
            parse_qsl(
                raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        )
    except ValueError as error:
        raise malformed(f"the request is no form: {error}") from None


def _tree(fields: dict[str, str]) -> dict[str, Any]:
    """``A.member.1.B=x`` as ``{"A": {"member": {"1": {"B": "x"}}}}``; a value beside children has the name ``""``."""
    root: dict[str, Any] = {}
    for name, value in fields.items():
        node = root
        for part in name.split(".", 64):
            node = node.setdefault(part, {})
        node[""] = value
    return root


def _structure(node: dict[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        below = node.get(_wire_name(name, member))
        if below is not None:
            found[name] = _value(below, member, f"{where}.{name}" if where else name)
    return found


def _wire_name(name: str, shape: Shape) -> str:
    flat_name = shape.kind == "list" and shape.flattened and shape.member.wire
    return flat_name or shape.wire or name


def _value(node: dict[str, Any], shape: Shape, where: str) -> Any:
    match shape.kind:
        case "structure":
            return _structure(node, shape, where)
        case "list":
            below = node if shape.flattened else node.get(shape.member.wire or "member", {})
            return [_value(item, shape.member, f"{where}.{place}") for place, item in _numbered(below, where)]
        case "map":
            return _map(node if shape.flattened else node.get("entry", {}), shape, where)
    if "" not in node:
        raise malformed(f"the field '{where}' has parts, but is one value")
    text: str = node[""]
    return READERS[shape.kind](text, where, shape)


def _numbered(node: dict[str, Any], where: str) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, item in node.items():
        if number == "":
            continue  # `Name=` is how clients write an empty list
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise malformed(f"the field '{where}' counts its items by number, not by '{number}'")
        found.append((int(number), item))
    return sorted(found, key=lambda pair: pair[0])


def _map(node: dict[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    found = {}
    for place, entry in _numbered(node, where):
        key = entry.get(shape.key.wire or "key", {}).get("")
        value = entry.get(shape.value.wire or "value")
        if key is None or value is None:
            raise malformed(f"the field '{where}.entry.{place}' needs a key and a value")
        found[key] = _value(value, shape.value, f"{where}.{key}")
    return found


def _whole(text: str, where: str, shape: Shape) -> int:
    try:
        value = int(text)
    except ValueError:
        raise malformed(f"the field '{where}' is a whole number, not '{text}'") from None
    if not -(1 << BITS[shape.kind]) <= value < 1 << BITS[shape.kind]:
        raise malformed(f"the field '{where}' has {BITS[shape.kind] + 1} bits, too few for {text}")
    return value


def _real(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise malformed(f"the field '{where}' is a number, not '{text}'") from None


def _boolean(text: str, where: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise malformed(f"the field '{where}' is true or false, not '{text}'")
    return text.lower() == "true"


def _blob(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise malformed(f"the field '{where}' is not Base64") from None


READERS: Final[dict[str, Callable[[str, str, Shape], Any]]] = {
    "string": lambda text, where, shape: text,
    "character": lambda text, where, shape: text,
    "boolean": lambda text, where, shape: _boolean(text, where),
    "integer": _whole,
    "long": _whole,
    "float": lambda text, where, shape: _real(text, where),
    "double": lambda text, where, shape: _real(text, where),
    "blob": lambda text, where, shape: _blob(text, where),
    "timestamp": lambda text, where, shape: times.read(text),
}


def _namespace(service: Service | None) -> str:
    return f' xmlns="{service.namespace}"' if service is not None else ""


def _write_members(members: dict[str, Any], shape: Shape, out: list[str]) -> None:
    unknown = members.keys() - shape.members.keys()
    if unknown:
        raise TypeError(f"{shape.name} has no member {sorted(unknown)[0]}")
    for name, value in members.items():
        if value is not None:
            _write(_wire_name(name, shape.members[name]), value, shape.members[name], out)


def _write(name: str, value: Any, shape: Shape, out: list[str]) -> None:
    if shape.kind == "list" and shape.flattened:
        for item in value:
            _write(name, item, shape.member, out)
    elif shape.kind == "map" and shape.flattened:
        for entry in value.items():
            _write_entry(name, entry, shape, out)
    else:
        out.append(f"<{name}>")
        _write_inside(value, shape, out)
        out.append(f"</{name}>")


def _write_inside(value: Any, shape: Shape, out: list[str]) -> None:
    match shape.kind:
        case "structure":
            _write_members(value, shape, out)
        case "list":
            for item in value:
                _write(shape.member.wire or "member", item, shape.member, out)
        case "map":
            for entry in value.items():
                _write_entry("entry", entry, shape, out)
        case "timestamp":
            out.append(str(times.written(value, shape.time_format or "iso8601")))
        case "blob":
            out.append(base64.b64encode(value).decode("ascii"))
        case "boolean":
            out.append("true" if value else "false")
        case _:
            out.append(_text(str(value)))


def _write_entry(name: str, entry: tuple[str, Any], shape: Shape, out: list[str]) -> None:
    out.append(f"<{name}>")
    _write(shape.key.wire or "key", entry[0], shape.key, out)
    _write(shape.value.wire or "value", entry[1], shape.value, out)
    out.append(f"</{name}>")


def _text(text: str) -> str:
    return escape(text.translate(UNPRINTABLE), ENTITIES)
