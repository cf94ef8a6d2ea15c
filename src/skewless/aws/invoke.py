"""InvokeEndpoint, as the front hands it on: a request whose signature holds, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from random import getrandbits
from typing import Final, NamedTuple, Protocol, TypeAlias

from skewless.aws.http import Answer, Head

REQUEST_ID: Final = "x-amzn-requestid"


class Invocation(NamedTuple):
    """A request whose signature holds."""

    head: Head
    request_id: str


Tell: TypeAlias = Callable[[Answer | BaseException], None]
"""Hears an answer, or what went wrong that should not."""


class Invoke(Protocol):
    """Answers invocations."""

    async def __call__(self, asked: Invocation, body: bytes) -> Answer:
        """The answer."""

    def begin(self, asked: Invocation, body: bytes, tell: Tell) -> None:
        """The same without a task, where it can do without: ``tell`` gets the answer."""


def request_id() -> str:
    """A new id, in the form of a random UUID: by it an answer is found in logs, and nothing depends on its secrecy."""
    text = f"{getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"
