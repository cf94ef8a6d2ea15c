"""Heads of requests: what a pipeline must know of one, and which are so ordinary that nothing else need be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

REQUEST_ID: Final = "x-amzn-requestid"
"""By which a refusal is found in the log: the gateway's, or one of our own."""
TARGET: Final = "x-amzn-sagemaker-target-container-hostname"
"""The one container that a request is for, in Mode Direct."""

_OTHERWISE: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade", TARGET.encode()})
"""Headers of requests that are not ordinary."""
_ID: Final = REQUEST_ID.encode()
_ONCE: Final = frozenset({_ID, b"traceparent", b"x-amzn-sagemaker-inference-id"})
"""Headers that differ from request to request."""
_MOST: Final = 512
"""Heads that are remembered. Those of one client differ in the length of the body only."""
_LONGEST: Final = 2048
"""Bytes of a head that is remembered."""


class Head(NamedTuple):
    """What a pipeline must know of a request's head."""

    content_type: str | None
    accept: str | None
    target: str | None
    request_id: str | None


class Ordinary(NamedTuple):
    """A head of a request with a body of known size, and nothing to be minded but that."""

    head: Head
    size: int
    returns: bool
    """Whether the same bytes may well come again."""


def head_of(headers: Mapping[str, str]) -> Head:
    """The head with these headers, whose names are in lower case."""
    return Head(
        headers.get("content-type"), headers.get("accept"), headers.get(TARGET), headers.get(REQUEST_ID)
    )


def ordinary(headers: list[tuple[bytes, bytes]]) -> Ordinary | None:
    """The head with these headers, as a parser found them; None where it is not ordinary."""
    fields = dict(headers)
    size = fields.get(b"content-length", b"")
    if len(fields) != len(headers) or not _OTHERWISE.isdisjoint(fields) or not size.isdigit():
        return None
    get = fields.get
    head = Head(_text(get(b"content-type")), _text(get(b"accept")), None, _text(get(_ID)))
    return Ordinary(head, int(size), _ONCE.isdisjoint(fields))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class Heads:
    """Ordinary heads by their very bytes, as the parser has read them before: the same bytes mean the same.

    Reading them again would cost more than all else that a server does for a request.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Ordinary] = {}
        self.find = self._known.get
        """The head with these bytes, the empty line included; None where it is not known."""

    def __len__(self) -> int:
        return len(self._known)

    def forget(self) -> None:
        """Know none any more."""
        self._known.clear()

    def learn(self, text: bytes, head: Ordinary) -> None:
        """Remember what the parser made of these bytes, which end with the first empty line in them."""
        # Where it skips empty lines before a head, or takes a bare line feed for a line's end, it may have seen the
        # head elsewhere than we do.
        sound = text.startswith(b"POST ") and text.count(b"\n") == text.count(b"\r\n")
        if sound and head.returns and len(text) <= _LONGEST:
            if len(self._known) == _MOST:
                del self._known[next(iter(self._known))]
            self._known[text] = head
