"""JSON, with the operation in a header: SageMaker, Glue, CloudWatch Logs, and CloudWatch for today's clients."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from skewless.aws.http import Answer, Head
from skewless.aws.model import OperationShape, Service
from skewless.aws.protocols.tree import json_leaf, read_structure, write
from skewless.aws.refusal import Refusal, malformed

decode: Final = msgspec.json.Decoder().decode
encode: Final = msgspec.json.Encoder().encode


class AwsJson:
    """JSON 1.0 and 1.1."""

    def operation_of(self, head: Head, body: bytes, service: Service) -> str:
        """The operation's name, from the target header ``<prefix>.<name>``."""
        prefix, _, name = head.headers.get("x-amz-target", "").rpartition(".")
        return name if prefix == service.target_prefix else f"{prefix}.{name}"

    def read(self, head: Head, body: bytes, operation: OperationShape) -> dict[str, Any]:
        """The request's members. SerializationException where the body holds no such thing."""
        try:
            value = decode(body) if body.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(f"the request's body is not JSON: {error}") from None
        return {} if operation.input is None else read_structure(value, operation.input)

    def answer(self, members: dict[str, Any], operation: OperationShape, request_id: str) -> Answer:
        """An operation's answer."""
        if operation.output is None:
            return Answer(200, b"", _headers(operation.service))
        return Answer(200, encode(write(members, operation.output, json_leaf)), _headers(operation.service))

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error: its shape's name stands in ``__type``, and the code that query clients know in a header."""
        headers = {**_headers(service), "x-amzn-ErrorType": refusal.shape}
        if service is not None and service.query_compatible:
            headers["x-amzn-query-error"] = f"{refusal.code};{refusal.party}"
        body = {"__type": refusal.shape, refusal.message_member: refusal.message}
        return Answer(refusal.status, encode(body), headers)


def _headers(service: Service | None) -> dict[str, str]:
    return {"content-type": f"application/x-amz-json-{service.json_version if service else '1.1'}"}
