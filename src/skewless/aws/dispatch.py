"""A verified request becomes an operation's members, and what the operation says an answer."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from typing import Final

from skewless.aws.http import Answer, Head
from skewless.aws.model import SCOPES, OperationShape, Service, service
from skewless.aws.protocols import Dialect
from skewless.aws.refusal import Refusal, Refused, malformed, refusal_of
from skewless.aws.validate import CODES, validate
from skewless.control.errors import ServiceError
from skewless.control.operations import OPERATIONS
from skewless.control.plane import Operation, Plane
from skewless.errors import SkewlessError

log = logging.getLogger(__name__)

MOST_UNPACKED: Final = 64 << 20
"""Bytes of a body that came packed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose signature holds."""

    head: Head
    body: bytes
    scope: str
    """The service's name in the signature."""
    dialect: Dialect
    request_id: str


class Dispatcher:
    """Runs operations. Its calls take as long as the operation does; each runs in a thread."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def answer(self, call: Call) -> Answer:
        """The answer, or the error as the protocol tells it."""
        about = None
        try:
            about = _service(call)
            return self._run(call, about)
        except Refused as error:
            refusal = refusal_of(error.code, error.message, about, error.status)
        except ServiceError as error:
            refusal = refusal_of(error.code, str(error), about)
        except SkewlessError as error:
            refusal = refusal_of(CODES[about.name] if about else "ValidationError", str(error), about)
        except Exception:
            log.exception("request %s failed", call.request_id)
            text = f"The service failed. Its log has the details under request id {call.request_id}"
            refusal = Refusal("InternalFailure", "InternalFailure", text, 500)
        return call.dialect.refuses.refuse(refusal, about, call.request_id)

    def _run(self, call: Call, about: Service) -> Answer:
        protocol = call.dialect.control
        if protocol is None:
            raise Refused("MissingAction", f"the request names no operation of {about.full_name}")
        body = _unpacked(call)
        operation, shape = _operation(protocol.operation_of(call.head, body, about), about)
        members = protocol.read(call.head, body, shape)
        validate(members, shape)
        return protocol.answer(operation.run(self._plane, members), shape, call.request_id)


def _unpacked(call: Call) -> bytes:
    """The body, which clients of CloudWatch send packed when it is long."""
    encoding = call.head.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return call.body
    if encoding != "gzip":
        raise Refused(
            "UnsupportedContentEncoding", f"a body may be packed with gzip, not with {encoding}", status=415
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(call.body, MOST_UNPACKED)
    except zlib.error as error:
        raise malformed(f"the body is not gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise Refused(
            "RequestEntityTooLargeException", f"the body unpacks to over {MOST_UNPACKED} bytes", status=413
        )
    if not unpacker.eof:
        raise malformed("the packed body has no end")
    return body


def _service(call: Call) -> Service:
    """The service that the signature's scope names; a target or a path tells SageMaker from its runtime."""
    names = SCOPES.get(call.scope)
    if names is None:
        have = ", ".join(sorted(SCOPES))
        raise Refused(
            "UnsupportedOperation", f"Skewless has no service '{call.scope}'. It has: {have}", status=501
        )
    return service(names[0])


def _operation(name: str, about: Service) -> tuple[Operation, OperationShape]:
    operation = OPERATIONS.get((about.name, name))
    if operation is not None:
        return operation, about.operation(name)
    if name not in about.operation_names:
        raise Refused("UnknownOperationException", f"{about.full_name} has no operation '{name}'", status=404)
    have = ", ".join(sorted(name for service_name, name in OPERATIONS if service_name == about.name))
    raise Refused(
        "UnsupportedOperation",
        f"Skewless does not have {name} of {about.full_name}. It has: {have}",
        status=501,
    )
