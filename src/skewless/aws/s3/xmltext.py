"""S3's documents: XML to and from members, as the service's model says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from skewless.aws import times
from skewless.aws.model import OperationShape, Shape
from skewless.aws.s3.refusal import S3Refused

HEADING: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOTS: Final = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketVersioning": "VersioningConfiguration",
    "UploadPartCopy": "CopyPartResult",
}
"""Names of documents that the model does not tell."""
UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f]")


def read(body: bytes, shape: Shape) -> dict[str, Any]:
    """The members of a document. MalformedXML."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise _malformed()
    try:
        root = ElementTree.fromstring(body)
        members: dict[str, Any] = _read(root, shape)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise _malformed() from None
    return members


def _malformed() -> S3Refused:
    return S3Refused(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def _read(element: ElementTree.Element, shape: Shape) -> Any:
    match shape.kind:
        case "structure":
            found: dict[str, Any] = {}
            for name, member in shape.members.items():
                inner = [child for child in element if child.tag.rpartition("}")[2] == (member.wire or name)]
                if inner:
                    found[name] = (
                        [_read(one, member.member) for one in inner]
                        if member.kind == "list" and member.flattened
                        else _read(inner[0], member)
                    )
            if any(name not in found for name in shape.required):
                raise LookupError
            return found
        case "list":
            return [_read(child, shape.member) for child in element]
        case "integer" | "long":
            return int(element.text or "")
        case "boolean":
            return (element.text or "").strip() == "true"
    return element.text or ""


def answer(operation: OperationShape, members: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """The headers and the document that tell an answer's members."""
    headers: dict[str, str] = {}
    shape = operation.output
    if shape is None:
        return headers, b""
    inside: dict[str, Any] = {}
    for name, value in members.items():
        member = shape.members[name]  # KeyError: an operation answers what the model does not have
        if member.location == "header":
            headers[str(member.wire).lower()] = _text(value, member, "rfc822")
        else:
            inside[name] = value
    if shape.payload is not None and shape.payload in inside:
        root, value, shape = shape.payload, inside[shape.payload], shape.members[shape.payload]
        return headers, document(ROOTS.get(operation.name, root), _inner(value, shape))
    if operation.name not in ROOTS:
        return headers, b""
    return headers, document(ROOTS[operation.name], _inner(inside, shape))


def document(root: str, inner: str) -> bytes:
    """A whole document."""
    return f'{HEADING}<{root} xmlns="{NAMESPACE}">{inner}</{root}>'.encode()


def error(refused: S3Refused, request_id: str) -> bytes:
    """An error's document."""
    elements = {"Code": refused.code, "Message": refused.message, **refused.extra, "RequestId": request_id}
    # A client must be able to read why its key was refused, whatever the key holds.
    inner = "".join(
        f"<{name}>{clean(UNPRINTABLE.sub('?', text))}</{name}>" for name, text in elements.items()
    )
    return f"{HEADING}<Error>{inner}</Error>".encode()


def clean(text: str) -> str:
    """Text between tags; what XML cannot hold is written as S3 does it."""
    text = text.encode(errors="replace").decode()
    return UNPRINTABLE.sub(lambda found: f"&#x{ord(found[0]):x};", escape(text))


def _inner(members: Mapping[str, Any], shape: Shape) -> str:
    return "".join(
        _element(shape.members[name].wire or name, value, shape.members[name])
        for name, value in members.items()
        if value is not None
    )


def _element(name: str, value: Any, shape: Shape) -> str:
    match shape.kind:
        case "structure":
            return f"<{name}>{_inner(value, shape)}</{name}>"
        case "list" if shape.flattened:
            return "".join(_element(name, one, shape.member) for one in value)
        case "list":
            inner = "".join(_element(shape.member.wire or "member", one, shape.member) for one in value)
            return f"<{name}>{inner}</{name}>"
    return f"<{name}>{clean(_text(value, shape, 'iso8601'))}</{name}>"


def _text(value: Any, shape: Shape, time_format: str) -> str:
    if shape.kind == "timestamp":
        return str(times.written(value, shape.time_format or time_format))
    if shape.kind == "boolean":
        return "true" if value else "false"
    return str(value)
