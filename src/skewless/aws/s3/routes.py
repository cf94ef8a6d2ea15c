"""Which of S3's operations a request asks for, and its members, both as the service's model says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from skewless.aws import times
from skewless.aws.http import Head
from skewless.aws.model import OperationShape, Shape, service
from skewless.aws.refusal import Refused
from skewless.aws.s3 import xmltext
from skewless.aws.s3.refusal import S3Refused, invalid

PARTS: Final = re.compile(r"(/|/\{Bucket\}|/\{Bucket\}/\{Key\+\})(?:\?(.*))?")
SIGNING: Final = "x-amz-"
"""Names in a query that begin so belong to a presigned URL; the model's own members there have none such."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a request's path and query name."""

    bucket: str
    key: str
    query: Mapping[str, str]

    @property
    def level(self) -> int:
        """How much the path names: nothing, a bucket, an object."""
        return 2 if self.key else 1 if self.bucket else 0


@dataclass(frozen=True, slots=True)
class _Route:
    operation: OperationShape
    level: int
    fixed: tuple[tuple[str, str], ...]
    query: tuple[str, ...]
    headers: tuple[str, ...]

    def fits(self, head: Head, place: Place) -> bool:
        return (
            self.operation.method == head.method
            and self.level == place.level
            and all(place.query.get(name) == value for name, value in self.fixed)
            and all(name in place.query for name in self.query)
            and all(name in head.headers for name in self.headers)
        )


def place_of(head: Head) -> Place:
    """InvalidURI for what is not UTF-8."""
    try:
        bucket, _, key = unquote_to_bytes(head.path.removeprefix(b"/")).decode().partition("/")
        pairs = parse_qsl(head.query.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise S3Refused("InvalidURI", "Couldn't parse the specified URI.") from None
    return Place(bucket, key, dict(pairs))


def operation_of(head: Head, place: Place) -> OperationShape:
    """The operation, whether we have it or not. MethodNotAllowed where S3 itself has none."""
    for route in _routes():
        if route.fits(head, place):
            return route.operation
    raise S3Refused("MethodNotAllowed", "The specified method is not allowed against this resource.")


@cache
def _routes() -> list[_Route]:
    """Those that ask for more come first: a copy is a put with one more header."""
    s3 = service("s3")
    found = []
    for name in sorted(s3.operation_names):
        operation = s3.operation(name)
        match = PARTS.fullmatch(operation.uri)
        if match is not None and not name.startswith("ListDirectory"):
            found.append(_route(operation, match[1], match[2] or ""))
    return sorted(found, key=lambda route: -len(route.fixed) - len(route.query) - len(route.headers))


def _route(operation: OperationShape, path: str, query: str) -> _Route:
    needed = (
        []
        if operation.input is None
        else [operation.input.members[name] for name in operation.input.required]
    )
    return _Route(
        operation,
        level=path.count("{"),
        fixed=tuple(pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "x-id"),
        query=tuple(str(one.wire) for one in needed if one.location == "querystring"),
        headers=tuple(str(one.wire).lower() for one in needed if one.location == "header"),
    )


def members_of(head: Head, place: Place, operation: OperationShape, body: bytes) -> dict[str, Any]:
    """The request's members; ``body`` is the document of an operation that takes one."""
    if operation.input is None:
        return {}
    found: dict[str, Any] = {}
    for name, shape in operation.input.members.items():
        value = _value(name, shape, head, place)
        if value is not None:
            found[name] = value
    payload = operation.input.payload
    if payload is not None and operation.input.members[payload].kind == "structure" and body:
        found[payload] = xmltext.read(body, operation.input.members[payload])
    for name in operation.input.required:
        if name not in found and name == payload:
            raise S3Refused("MissingRequestBodyError", "Request Body is empty")
    return found


def _value(name: str, shape: Shape, head: Head, place: Place) -> Any:
    text: str | None
    match shape.location:
        case "uri":
            return place.bucket if name == "Bucket" else place.key
        case "querystring":
            text = place.query.get(str(shape.wire))
        case "header":
            # A presigned URL has what would be headers in its query.
            text = head.headers.get(str(shape.wire).lower(), place.query.get(str(shape.wire).lower()))
        case "headers":
            prefix = str(shape.wire).lower()
            return {key[len(prefix) :]: text for key, text in head.headers.items() if key.startswith(prefix)}
        case _:
            return None
    return None if text is None else scalar(name, text, shape)


def scalar(name: str, text: str, shape: Shape) -> Any:
    """A text of the wire as the model's type. InvalidArgument."""
    try:
        match shape.kind:
            case "integer" | "long":
                return int(text)
            case "boolean":
                return text.lower() == "true"
            case "timestamp":
                return times.read(text)
    except (ValueError, Refused):
        raise invalid(shape.wire or name, f"Provided value {text!r} is not what {name} takes", text) from None
    return text
