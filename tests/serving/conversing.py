"""Connections without sockets: the very bytes in, in the very pieces, and the very bytes out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from skewless.serving.app import Application
from skewless.serving.express import Express
from skewless.serving.server import uvicorn_config

LOST = object()
"""In place of bytes: the client has gone."""
STOP = object()
"""In place of bytes: the server is asked to stop."""
DATE = [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")]


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self, on_write: Callable[[Wire], None] = lambda wire: None) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False
        self.on_write = on_write

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written.append(bytes(data))
            self.on_write(self)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        """All that there is has been read."""

    def resume_reading(self) -> None:
        """There is no more."""


def connect(app: Application, wire: Wire, *, loop: Any = None) -> Express:
    """A new connection, made as the server makes it."""
    state = ServerState()
    state.default_headers = DATE
    connection = Express(config=_config(app), server_state=state, app_state={}, _loop=loop)
    connection.connection_made(wire)
    return connection


@cache
def _config(app: Application) -> Config:
    config = uvicorn_config(app)
    config.load()
    return config


async def settled(connection: Express) -> None:
    """Wait until the application is done with what it has."""
    while any(not task.done() and not _waits(connection) for task in connection.tasks):
        await asyncio.sleep(0)


def _waits(connection: Express) -> bool:
    """Whether the application waits for more of a body, or for the client to read."""
    cycle: Any = connection.cycle
    if connection.pipeline:  # an earlier request is still being answered
        return False
    reads = cycle.more_body and not cycle.message_event.is_set() and not cycle.response_complete
    return bool(reads or connection.flow.write_paused)


async def converse(app: Application, pieces: Iterable[Any]) -> tuple[bytes, bool]:
    """What a client gets for these pieces, and whether the connection was closed."""
    wire = Wire()
    connection = connect(app, wire)
    for piece in pieces:
        if piece is LOST:
            connection.connection_lost(None)
            break
        if piece is STOP:
            connection.shutdown()
        elif not wire.closed:
            connection.data_received(piece)
        for _ in range(3):  # a task that has ended, or has not begun, shows a step later
            await asyncio.sleep(0)
            await settled(connection)
    if connection.parser is not None:
        connection.connection_lost(None)
        await asyncio.gather(*connection.tasks)
    return lasting(b"".join(wire.written)), wire.closed


def lasting(answer: bytes) -> bytes:
    """Without what differs from one time to the next: durations, random ids, times."""
    answer = re.sub(rb"dur=[0-9.]+", b"dur=", answer)
    answer = re.sub(rb'"timestamp":"[^"]+"', b'"timestamp":""', answer)
    return re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"an-id", answer)
