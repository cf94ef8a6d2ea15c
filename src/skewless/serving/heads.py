"""Heads of requests: what a pipeline must know of one, and which are so ordinary that nothing else need be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar

from skewless.serving.forms import ID, SIZE, Blank, Differing, Form, Place

REQUEST_ID: Final = "x-amzn-requestid"
"""By which a refusal is found in the log: the gateway's, or one of our own."""
TARGET: Final = "x-amzn-sagemaker-target-container-hostname"
"""The one container that a request is for, in Mode Direct."""

_OTHERWISE: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade", TARGET.encode()})
"""Headers of requests that are not ordinary."""
_ID: Final = REQUEST_ID.encode()
_DIFFERING: Final = Differing(
    dict.fromkeys((_ID, b"traceparent", b"x-amzn-sagemaker-inference-id", b"x-amzn-trace-id"), Place(ID))
)
_MOST: Final = 512
"""Heads that are known by their bytes. Those of one client differ in the length of the body only."""
_MOST_FORMS: Final = 16
K = TypeVar("K")
V = TypeVar("V")


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


def head_of(headers: Mapping[str, str]) -> Head:
    """The head with these headers, whose names are in lower case."""
    return Head(
        headers.get("content-type"), headers.get("accept"), headers.get(TARGET), headers.get(REQUEST_ID)
    )


def ordinary(headers: list[tuple[bytes, bytes]]) -> Ordinary | None:
    """The head with these headers, as a parser found them; None where it is not ordinary."""
    fields = dict(headers)
    size = fields.get(SIZE, b"")
    if len(fields) != len(headers) or not _OTHERWISE.isdisjoint(fields) or not size.isdigit():
        return None
    get = fields.get
    return Ordinary(
        Head(_text(get(b"content-type")), _text(get(b"accept")), None, _text(get(_ID))), int(size)
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class Heads:
    """Ordinary heads that the parser need not read again, which would cost more than all else that is done for one.

    Heads that come again are known by their very bytes; those of requests with ids of their own by their form.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Ordinary] = {}
        self._forms: dict[Form, Head] = {}
        self._last: Blank | None = None
        self.find = self._known.get
        """The head with these bytes, the empty line included; None where it is not known."""

    def __len__(self) -> int:
        return len(self._known) + len(self._forms)

    def forget(self) -> None:
        """Know none any more."""
        self._known.clear()
        self._forms.clear()

    def alike(self, text: bytes) -> Ordinary | None:
        """The head with these bytes, by its form; None where that is not known."""
        for form, head in self._forms.items():
            found = form.match(text)
            if found is not None:
                place = form.places.get(_ID)
                if place is not None:
                    head = head._replace(request_id=found[place].decode())
                return Ordinary(head, int(found[form.size]))
        return None

    def learn(self, text: bytes, headers: list[tuple[bytes, bytes]], head: Ordinary) -> None:
        """Remember what the parser made of these bytes, which end with the first empty line in them."""
        blank = _DIFFERING.blank(text, headers)
        if blank is None:
            return
        if len(blank.names) == 1:
            _add(self._known, text, head, _MOST)
        elif blank == self._last:
            _add(self._forms, _DIFFERING.form(blank), head.head, _MOST_FORMS)
        self._last = blank


def _add(there: dict[K, V], key: K, value: V, most: int) -> None:
    """The oldest makes room for the newest."""
    if len(there) == most:
        del there[next(iter(there))]
    there[key] = value
