"""A request against its shapes: what must be there, lengths, bounds, patterns and sets of values, in AWS's words.

botocore checks only part of this before it sends, so the server must.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from skewless.aws.model import OperationShape, Shape
from skewless.aws.refusal import Refused

CODES: Final[Mapping[str, str]] = {
    "sagemaker": "ValidationException",
    "sagemaker-runtime": "ValidationError",
    "glue": "InvalidInputException",
    "iam": "ValidationError",
    "sts": "ValidationError",
    "logs": "InvalidParameterException",
    "cloudwatch": "InvalidParameterValue",
}
NULL: Final = "Member must not be null"
SIZED: Final = ("string", "list", "map", "blob")
NUMBERS: Final = ("integer", "long", "float", "double")
LONGEST_TOLD: Final = 4096
"""Characters of a refused value that the message repeats."""


def validate(members: Mapping[str, Any], operation: OperationShape) -> None:
    """Refuse a request that breaks its model. All that is wrong is told at once."""
    if operation.input is None:
        return
    wrong = list(_structure(members, operation.input, ""))
    if wrong:
        count = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
        raise Refused(CODES[operation.service.name], count + "; ".join(wrong))


def _structure(members: Mapping[str, Any], shape: Shape, where: str) -> Iterator[str]:
    for name in shape.required:
        if members.get(name) is None:
            yield _said(None, shape.members[name], _below(where, name), NULL)
    for name, value in members.items():
        if value is not None:
            yield from _value(value, shape.members[name], _below(where, name))


def _below(where: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{where}.{name}" if where else name


def _value(value: Any, shape: Shape, where: str) -> Iterator[str]:
    for broken in _broken(value, shape):
        yield _said(value, shape, where, broken)
    if shape.kind == "structure" and not shape.document:
        yield from _structure(value, shape, where)
    elif shape.kind == "list":
        yield from _inner(value, list(enumerate(value, 1)), shape, shape.member, where)
    elif shape.kind == "map":
        if any(next(_broken(key, shape.key), None) for key in value):
            yield _said(value, shape, where, _each("Map keys", shape.key))
        yield from _inner(value, list(value.items()), shape, shape.value, where)


def _inner(value: Any, items: list[tuple[Any, Any]], shape: Shape, inner: Shape, where: str) -> Iterator[str]:
    """What lies in a list or map: of plain values one sentence for all, of anything else the place of each."""
    if inner.kind in ("structure", "list", "map"):
        for place, item in items:
            below = f"{where}.{place}.member"
            if item is None:
                yield _said(None, inner, below, NULL)
            else:
                yield from _value(item, inner, below)
    elif any(item is None for _, item in items):
        yield _said(value, shape, where, NULL)
    elif any(next(_broken(item, inner), None) for _, item in items):
        yield _said(value, shape, where, _each("Map value" if shape.kind == "map" else "Member", inner))


def _broken(value: Any, shape: Shape) -> Iterator[str]:
    """The constraints that a value breaks by itself."""
    if shape.kind in SIZED and not shape.document:
        if shape.maximum is not None and len(value) > shape.maximum:
            yield f"Member must have length less than or equal to {shape.maximum}"
        if shape.minimum is not None and len(value) < shape.minimum:
            yield f"Member must have length greater than or equal to {shape.minimum}"
    elif shape.kind in NUMBERS:
        if shape.maximum is not None and value > shape.maximum:
            yield f"Member must have value less than or equal to {shape.maximum}"
        if shape.minimum is not None and value < shape.minimum:
            yield f"Member must have value greater than or equal to {shape.minimum}"
    if shape.kind == "string":
        if shape.matcher is not None and not shape.matcher.fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {shape.pattern}"
        if shape.enum and value not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _each(what: str, shape: Shape) -> str:
    """All constraints of the values of a list or map, as AWS lists them whichever was broken."""
    said = []
    if shape.kind in SIZED or shape.kind in NUMBERS:
        size = "length" if shape.kind in SIZED else "value"
        if shape.maximum is not None:
            said.append(f"Member must have {size} less than or equal to {shape.maximum}")
        if shape.minimum is not None:
            said.append(f"Member must have {size} greater than or equal to {shape.minimum}")
    if shape.pattern:
        said.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
    if shape.enum:
        said.append(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    return f"{what} must satisfy constraint: [{', '.join(said)}]"


def _said(value: Any, shape: Shape, where: str, constraint: str) -> str:
    if value is None:
        told = "Value null"
    elif shape.sensitive:
        told = "Value"
    else:
        text = _java(value)
        told = f"Value '{text if len(text) <= LONGEST_TOLD else text[:LONGEST_TOLD] + '…'}'"
    return f"{told} at '{where}' failed to satisfy constraint: {constraint}"


def _java(value: Any) -> str:
    """A value as Java prints it, which is how AWS repeats it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"{{{', '.join(f'{key}={_java(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_java, value))}]"
        case datetime():
            return value.isoformat()
    return str(value)
