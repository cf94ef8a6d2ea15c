"""Refusals with which a connection ends: the body may be unread, or something in us is broken."""

from __future__ import annotations

from skewless.aws.http import Answer
from skewless.aws.protocols import Dialect
from skewless.aws.refusal import Refusal


def closing(refusal: Refusal, dialect: Dialect, request_id: str) -> Answer:
    """The answer that tells of it, in the words of the protocol."""
    answer = dialect.refuses.refuse(refusal, None, request_id)
    return Answer(answer.status, answer.body, {**answer.headers, "connection": "close"})


def internal_failure(request_id: str) -> Refusal:
    """What went wrong that should not."""
    text = f"The service failed. Its log has the details under request id {request_id}"
    return Refusal("InternalFailure", "InternalFailure", text, 500)
