"""Refusals on their way to the wire: a code that clients match on, and a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from skewless.aws.model import Service
from skewless.errors import SkewlessError


class Refused(SkewlessError):
    """The wire refuses a request; ``code`` is of the kind that all services share, ``status`` HTTP's."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def malformed(message: str) -> Refused:
    """SerializationException: the body is not what the operation takes."""
    return Refused("SerializationException", message)


@dataclass(frozen=True, slots=True)
class Refusal:
    """All that a protocol tells of an error."""

    code: str
    """As the query protocol has it."""
    shape: str
    """As the other protocols have it; often the same."""
    message: str
    status: int
    message_member: str = "message"

    @property
    def party(self) -> str:
        """Whose fault it is."""
        return "Receiver" if self.status >= 500 else "Sender"


STATUSES: Final = {"AccessDenied": 403, "ServiceUnavailable": 503, "InternalFailure": 500}
"""Statuses of codes that a model does not have; others are 400."""


def refusal_of(code: str, message: str, service: Service | None, status: int | None = None) -> Refusal:
    """A code with what the service's model says of it."""
    kind = service.errors.get(code) if service is not None else None
    if kind is None:
        return Refusal(code, code, message, status or STATUSES.get(code, 400))
    return Refusal(kind.code, kind.shape, message, kind.status, kind.message_member)
