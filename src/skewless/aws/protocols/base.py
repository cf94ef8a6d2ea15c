"""What a protocol does."""

from __future__ import annotations

from typing import Any, Protocol

from skewless.aws.http import Answer, Head
from skewless.aws.model import OperationShape, Service
from skewless.aws.refusal import Refusal


class Refuses(Protocol):
    """A protocol's way to tell errors."""

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error, of a service where it is known by then."""


class Speaks(Refuses, Protocol):
    """A protocol of control calls."""

    def operation_of(self, head: Head, body: bytes, service: Service) -> str:
        """The name of the operation that is asked for. Refused where none is."""

    def read(self, head: Head, body: bytes, operation: OperationShape) -> dict[str, Any]:
        """The members of its request. Refused where the body holds no such thing."""

    def answer(self, members: dict[str, Any], operation: OperationShape, request_id: str) -> Answer:
        """Its answer."""
