"""What the server and its workers say to each other: messages over a socket, each behind its length."""

from __future__ import annotations

import asyncio
import socket
from typing import Final, TypeAlias

import msgspec

SAID: Final = 78
"""Exit status of a worker that could not start and has said why (EX_CONFIG of sysexits.h)."""

_LENGTH: Final = 8


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A request."""

    body: bytes
    content_type: str
    accept: str


class AskParameters(msgspec.Struct, frozen=True, tag=True):
    """A request for the script's execution parameters."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A worker has its model; whether the script has execution parameters."""

    parameters: bool


class Told(msgspec.Struct, frozen=True, tag=True):
    """An answer."""

    status: int
    body: bytes
    content_type: str


Asked: TypeAlias = Ask | AskParameters
Said: TypeAlias = Ready | Told

_encoder: Final = msgspec.msgpack.Encoder()
_asked: Final = msgspec.msgpack.Decoder(Asked)
_said: Final = msgspec.msgpack.Decoder(Said)


def frame(message: Asked | Said) -> bytes:
    """A message as it is sent."""
    data = _encoder.encode(message)
    return len(data).to_bytes(_LENGTH, "big") + data


async def read_said(reader: asyncio.StreamReader) -> Said:
    """A worker's next message. IncompleteReadError where it has gone."""
    length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
    said: Said = _said.decode(await reader.readexactly(length))
    return said


def read_asked(connection: socket.socket) -> Asked | None:
    """The server's next message; None where it has gone."""
    head = _exactly(connection, _LENGTH)
    data = head and _exactly(connection, int.from_bytes(head, "big"))
    return _asked.decode(data) if data else None


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
