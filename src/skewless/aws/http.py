"""A request and an answer of HTTP, as the protocols see them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Head(NamedTuple):
    """A request without its body. Names of headers are lower case; a repeated one is joined with commas."""

    method: str
    path: bytes
    """As it came, before anything was decoded."""
    query: bytes
    headers: Mapping[str, str]

    @classmethod
    def of(cls, method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> Head:
        """From what ASGI has."""
        text = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
        found = dict(text)
        if len(found) < len(text):
            found.clear()
            for name, value in text:
                found[name] = f"{found[name]},{value}" if name in found else value
        return cls(method, path, query, found)


class Answer(NamedTuple):
    """A status, a body, and headers, without the body's length until it is sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
