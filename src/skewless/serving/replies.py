"""What is answered to a request, before it is known who writes it: an application or the connection itself."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Final, NamedTuple

from skewless.containers.base import CUSTOM_ATTRIBUTES, Answer
from skewless.containers.pipeline import Course
from skewless.errors import AnswerTooLarge, ContainerRefused, RequestError
from skewless.serving.heads import REQUEST_ID
from skewless.serving.refusals import TEXT, refusal_of

CONTAINER: Final = "x-skewless-container"
"""The container that refused."""
_STATUS: Final = "x-skewless-status"
"""``0`` where a container gave no status: its time was over."""
_WHOLE: Final = "x-skewless-whole-message"
"""The body is all that the caller is told, and not a container's part of it."""
_HEADER: Final = 4000
"""Characters of the list of skipped rows."""


class Reply(NamedTuple):
    """An answer to a request: status, headers but for the body's length, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def text(self, lines: bytes) -> bytes:
        """The answer as HTTP/1.1, after whose head the connection stays open; ``lines`` are headers that go first."""
        head = [f"{name}: {value}\r\n" for name, value in self.headers.items()]
        if self.status != HTTPStatus.NO_CONTENT:
            head.append(f"content-length: {len(self.body)}\r\n")
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n".encode()
        return b"".join((status, lines, "".join(head).encode("latin-1"), b"\r\n", self.body))


class Usual:
    """Writes the answers that nearly all are: of all containers of a pipeline, with no row left out."""

    def __init__(self, names: Sequence[str]) -> None:
        """``names`` of the pipeline's containers."""
        self._names = names
        spent = ", ".join(f"{name.replace('%', '%%')};dur=%.3f" for name in names)
        self._form = (
            f"HTTP/1.1 200 OK\r\n%bcontent-type: %b\r\nserver-timing: {spent}\r\ncontent-length: %d\r\n\r\n%b"
        ).encode("latin-1", "replace")

    def text(self, answer: Answer, course: Course, lines: bytes) -> bytes | None:
        """What `answered` and `Reply.text` give; None where the answer is not a usual one."""
        body, content_type, skipped = answer
        spent = [(end - start) / 1e6 for start, end in pairwise(course.marks)]
        if skipped or course.carried is not None or course.containers is not self._names:
            return None
        if len(spent) != len(self._names):
            return None
        return self._form % (lines, content_type.encode("latin-1"), *spent, len(body), body)


def answered(answer: Answer, course: Course) -> Reply:
    """The reply with a pipeline's answer."""
    headers = {"content-type": answer.content_type, "server-timing": _spent(course)}
    if course.carried is not None and course.carried.attributes is not None:
        headers[CUSTOM_ATTRIBUTES] = course.carried.attributes
    if answer.skipped:
        headers["x-skewless-skipped"] = str(len(answer.skipped))
        headers["x-skewless-skipped-rows"] = _listed(answer.skipped)
    return Reply(HTTPStatus.OK, headers, answer.body)


def refused(
    error: RequestError,
    course: Course,
    request_id: str,
    accept: str | None,
    runtime: str | None,
    *,
    strict: bool,
) -> Reply:
    """The reply with an error that arose in a container of this runtime."""
    refusal = refusal_of(error, runtime, strict=strict, accept=accept)
    headers = {REQUEST_ID: request_id}
    if error.container:
        headers[CONTAINER] = error.container
    if isinstance(error, ContainerRefused) and not error.status:
        headers[_STATUS] = "0"
    if isinstance(error, AnswerTooLarge):
        headers[_WHOLE] = "1"
    if course.marks:
        headers["server-timing"] = _spent(course)
    if refusal.status == HTTPStatus.NO_CONTENT:
        return Reply(refusal.status, headers, b"")
    headers["content-type"] = refusal.content_type
    return Reply(refusal.status, headers, refusal.body)


def failed(error: Exception) -> Reply:
    """The reply where the server itself went wrong."""
    said = (
        f"internal error: {type(error).__name__}: {error}. This is a defect of the server, not of the "
        "request; its log has the details.\n"
    )
    return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, {"content-type": TEXT}, said.encode(errors="replace"))


def _spent(course: Course) -> str:
    """The milliseconds of each container, as browsers and proxies know them (W3C Server Timing)."""
    return ", ".join(f"{name};dur={(end - start) / 1e6:.3f}" for name, start, end in course.spent)


def _listed(rows: Sequence[int]) -> str:
    """Row numbers as `2,5-9`, cut off where a client could refuse so long a header."""
    parts: list[str] = []
    first = last = rows[0]
    for row in (*rows[1:], None):
        if row == last + 1:
            last = row
            continue
        parts.append(str(first) if first == last else f"{first}-{last}")
        if row is not None:
            first = last = row
    text = ",".join(parts)
    return text if len(text) <= _HEADER else f"{text[: text.rindex(',', 0, _HEADER)]},..."
