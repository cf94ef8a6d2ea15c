"""What the caller gets for an error: by default all that helps, strictly what the original container answers."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec

from skewless.containers.base import media_type
from skewless.errors import ContainerRefused, ContentTypeError, EmptyBody, MalformedBody, RequestError
from skewless.serving.statuses import status_of

TEXT: Final = "text/plain; charset=utf-8"

_LONGEST: Final = 1000
"""Characters of a refusal."""
_FORM: Final = "application/x-www-form-urlencoded"
_UNSEEN: Final = (ContentTypeError, EmptyBody, MalformedBody)
"""What the web framework of the original SparkML container refuses before the container sees it."""


class Refusal(NamedTuple):
    """An answer to a request that is refused."""

    status: int
    body: bytes
    content_type: str


def refusal_of(error: RequestError, runtime: str | None, *, strict: bool, accept: str | None) -> Refusal:
    """The answer for an error that arose in a container of this runtime; ``accept`` is the caller's."""
    if isinstance(error, ContainerRefused):
        return _passed_on(error, strict)
    status = status_of(error, runtime, strict)
    if status == HTTPStatus.NO_CONTENT:
        return Refusal(status, b"", TEXT)
    if not strict:
        if isinstance(error, ContentTypeError) and media_type(error.value) == _FORM:
            error.hint = (
                f"{error.hint or ''} curl says that of itself; add: -H 'content-type: text/csv'".strip()
            )
        return Refusal(status, f"{_shortened(str(error))}\n".encode(), TEXT)
    if runtime == "sparkml" and isinstance(error, _UNSEEN):
        return _spring(status, accept)
    return Refusal(status, (error.message if error.original is None else error.original).encode(), TEXT)


def _passed_on(error: ContainerRefused, strict: bool) -> Refusal:
    """What the user's own code answered, and behind it what helps."""
    status = error.status or HTTPStatus.GATEWAY_TIMEOUT
    if strict or not error.hint:
        return Refusal(status, error.body, error.content_type or TEXT)
    told = error.body.decode(errors="replace").rstrip()
    return Refusal(status, f"{told}\n{error.hint}\n".encode(), TEXT)


def _spring(status: int, accept: str | None) -> Refusal:
    """Spring Boot's error body, for who accepts JSON."""
    accepted = {media_type(one) for one in (accept or "*/*").split(",")}
    if not accepted & {"*/*", "application/*", "application/json"}:
        return Refusal(status, b"", TEXT)
    told = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": status,
        "error": HTTPStatus(status).phrase,
        "path": "/invocations",
    }
    return Refusal(status, msgspec.json.encode(told), "application/json")


def _shortened(text: str) -> str:
    """Without the middle of what would fill a screen: a refused value may be as large as a body."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
