"""RPC v2 with CBOR (Smithy's): CloudWatch, for those clients that prefer it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from skewless.aws import times
from skewless.aws.http import Answer, Head
from skewless.aws.model import OperationShape, Service, Shape, read_cbor
from skewless.aws.protocols.tree import read_structure, write
from skewless.aws.refusal import Refusal, Refused, malformed

HEADERS: Final = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP = (major << 5 for major in range(6))
EPOCH: Final = b"\xc1"
"""The tag of seconds since 1970."""


class Cbor:
    """RPC v2 with CBOR."""

    def operation_of(self, head: Head, body: bytes, service: Service) -> str:
        """The operation's name, from ``/service/<prefix>/operation/<name>``."""
        parts = head.path.decode("latin-1").split("/")
        if (
            len(parts) != 5
            or parts[1] != "service"
            or parts[3] != "operation"
            or parts[2] != service.target_prefix
        ):
            where = f"/service/{service.target_prefix}/operation/NAME"
            raise Refused(
                "UnknownOperationException", f"{service.full_name} has its operations at {where}", status=404
            )
        return parts[4]

    def read(self, head: Head, body: bytes, operation: OperationShape) -> dict[str, Any]:
        """The request's members. SerializationException where the body holds no such thing."""
        try:
            value = read_cbor(body) if body else {}
        except ValueError as error:
            raise malformed(f"the request's body is not CBOR: {error}") from None
        return {} if operation.input is None else read_structure(value, operation.input)

    def answer(self, members: dict[str, Any], operation: OperationShape, request_id: str) -> Answer:
        """An operation's answer."""
        if operation.output is None:
            return Answer(200, b"", HEADERS)
        out = bytearray()
        _encode(write(members, operation.output, _leaf), out)
        return Answer(200, bytes(out), HEADERS)

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error: its shape's name stands in ``__type``, and the code that query clients know in a header."""
        headers = dict(HEADERS)
        if service is not None and service.query_compatible:
            headers["x-amzn-query-error"] = f"{refusal.code};{refusal.party}"
        out = bytearray()
        _encode({"__type": refusal.shape, refusal.message_member: refusal.message}, out)
        return Answer(refusal.status, bytes(out), headers)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A point in time on its way out."""

    seconds: float


def _leaf(value: Any, shape: Shape) -> Any:
    if shape.kind == "timestamp":
        return Epoch(times.seconds(value))
    return float(value) if shape.kind in ("float", "double") else value


def _encode(value: Any, out: bytearray) -> None:
    match value:
        case bool():
            out.append(0xF5 if value else 0xF4)
        case int():
            _head(UNSIGNED if value >= 0 else NEGATIVE, value if value >= 0 else -1 - value, out)
        case float():
            out += b"\xfb" + struct.pack(">d", value)
        case str():
            text = value.encode()
            _head(TEXT, len(text), out)
            out += text
        case bytes():
            _head(BYTES, len(value), out)
            out += value
        case Epoch():
            out += EPOCH
            _encode(float(value.seconds), out)
        case list():
            _head(LIST, len(value), out)
            for item in value:
                _encode(item, out)
        case dict():
            _head(MAP, len(value), out)
            for key, item in value.items():
                _encode(key, out)
                _encode(item, out)
        case _:
            raise TypeError(f"CBOR has no {type(value).__name__}")


def _head(major: int, count: int, out: bytearray) -> None:
    if count < 24:
        out.append(major | count)
        return
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if count < 1 << 8 * size:
            out.append(major | info)
            out += count.to_bytes(size, "big")
            return
    raise OverflowError(f"CBOR has no integer of the size of {count}")
