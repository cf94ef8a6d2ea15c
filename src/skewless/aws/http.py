"""A request and an answer of HTTP, as the protocols see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        found: dict[str, str] = {}
        for raw_name, raw_value in headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            found[name] = f"{found[name]},{value}" if name in found else value
        return cls(method, path, query, found)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers without the body's length, and a body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
