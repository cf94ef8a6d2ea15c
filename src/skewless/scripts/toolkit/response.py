"""The answer that a script may give in place of a body: ``worker.Response``, and ``flask.Response``.

Source of the rules: Werkzeug, whose responses these were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from skewless.scripts.toolkit import content_types

_TEXTS = frozenset({"application/ecmascript", "application/javascript", "application/sql", "application/xml"})


def plain_type(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def with_charset(mimetype: str) -> str:
    """The content type that Werkzeug makes of a mimetype: texts are told to be UTF-8."""
    plain = plain_type(mimetype)
    is_text = plain.startswith("text/") or plain in _TEXTS or plain.endswith("+xml")
    return f"{mimetype}; charset=utf-8" if is_text and "charset" not in mimetype.lower() else mimetype


class Response:
    """A body with its status and type. TypeError for a body that is neither text nor bytes."""

    default_mimetype = content_types.JSON

    def __init__(
        self,
        response: Any = None,
        accept: str | None = None,  # passed over, as in the original
        status: int | str | None = HTTPStatus.OK,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        direct_passthrough: bool = False,
        content_type: str | None = None,
    ) -> None:
        self.data = _bytes(response)
        self.headers = dict(headers or {})
        told = next((value for name, value in self.headers.items() if name.lower() == "content-type"), None)
        self.content_type = content_type or (
            with_charset(mimetype or self.default_mimetype) if mimetype or not told else told
        )
        # A status may bring its words along: "404 NOT FOUND".
        self.status_code = int(status.split()[0]) if isinstance(status, str) else int(status or HTTPStatus.OK)

    @property
    def mimetype(self) -> str:
        """The content type without its parameters."""
        return plain_type(self.content_type)

    def get_data(self, as_text: bool = False) -> Any:
        """The body."""
        return self.data.decode() if as_text else self.data


class FlaskResponse(Response):
    """The same with the type that Flask takes where none is given."""

    default_mimetype = "text/html"

    def __init__(
        self,
        response: Any = None,
        status: int | str | None = HTTPStatus.OK,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        super().__init__(response, None, status, headers, mimetype, direct_passthrough, content_type)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if isinstance(body, Iterable) and not isinstance(body, Mapping):
        parts = list(body)
        if all(isinstance(part, str | bytes) for part in parts):
            return b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    raise TypeError(f"a response's body is text or bytes, and this is a {type(body).__name__}")
