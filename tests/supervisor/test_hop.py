"""The way to an instance, against servers on real Unix sockets that behave and misbehave."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from skewless.supervisor.hop import Hop, HopError

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(path: Path, handler: Handler) -> AsyncIterator[Hop]:
    writers = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await handler(reader, writer)

    server = await asyncio.start_unix_server(handle, path, backlog=1000)
    hop = Hop(path)
    try:
        yield hop
    finally:
        hop.close()
        server.close()
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.sleep(0)


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the body, and counts the requests of the connection in a header."""
    for count in itertools.count(1):
        head, body = await read_request(reader)
        kind = head.lower().split(b"content-type: ")[1].split(b"\r\n")[0]
        told = b"HTTP/1.1 200 OK\r\nX-Count: %d\r\nContent-Type: %s\r\n" % (count, kind)
        writer.write(told + b"content-length: %d\r\n\r\n" % len(body) + body)


def test_a_connection_is_kept(tmp_path: Path) -> None:
    async def ask() -> None:
        async with served(tmp_path / "s", echo) as hop:
            for number in (b"1", b"2", b"3"):
                reply = await hop.ask(
                    "POST",
                    "/invocations",
                    seconds=60,
                    headers=[("content-type", "text/csv")],
                    body=b"a" * 100_000,
                )
                assert (reply.status, reply.body) == (200, b"a" * 100_000)
                assert (reply.headers[b"x-count"], reply.headers[b"content-type"]) == (number, b"text/csv")

    asyncio.run(ask())


def test_many_at_once_get_their_own_answers(tmp_path: Path) -> None:
    async def ask() -> None:
        async with served(tmp_path / "s", echo) as hop:
            bodies = [str(number).encode() for number in range(200)]
            replies = await asyncio.gather(
                *(
                    hop.ask("POST", "/", seconds=60, headers=[("content-type", "text/plain")], body=body)
                    for body in bodies
                )
            )
            assert [reply.body for reply in replies] == bodies

    asyncio.run(ask())


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", b"no HTTP at all\r\n\r\n"]
)
def test_one_that_goes_away_had_the_request(tmp_path: Path, answer: bytes) -> None:
    async def bad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        writer.close()

    async def ask() -> None:
        async with served(tmp_path / "s", bad) as hop:
            with pytest.raises(HopError) as caught:
                await hop.ask("POST", "/", seconds=60, body=b"x")
            assert caught.value.sent

    asyncio.run(ask())


def test_nobody_listens(tmp_path: Path) -> None:
    async def ask() -> None:
        with pytest.raises(HopError, match="does not listen") as caught:
            await Hop(tmp_path / "none").ask("GET", "/ping", seconds=60)
        assert not caught.value.sent

    asyncio.run(ask())


def test_a_connection_that_says_it_closes_is_not_used_again(tmp_path: Path) -> None:
    connections = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await read_request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")

    async def ask() -> None:
        async with served(tmp_path / "s", once) as hop:
            for _ in range(2):
                assert (await hop.ask("GET", "/ping", seconds=60)).status == 204
        assert len(connections) == 2

    asyncio.run(ask())


def test_giving_up_ends_the_connection(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        ended.set()

    async def ask() -> None:
        async with served(tmp_path / "s", silent) as hop:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await hop.ask("GET", "/ping", seconds=60)
            async with asyncio.timeout(10):
                await ended.wait()

    asyncio.run(ask())
