"""The way to an instance, against servers on real Unix sockets that behave and misbehave."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from skewless.supervisor.hop import Hop, HopError, Reply

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
    asked, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        ended.set()

    async def ask() -> None:
        async with served(tmp_path / "s", silent) as hop:
            asking = asyncio.create_task(hop.ask("GET", "/ping", seconds=60))
            await asked.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            async with asyncio.timeout(10):
                await ended.wait()

    asyncio.run(ask())


async def told(hop: Hop, body: bytes, seconds: float = 60) -> Reply | Exception | None:
    """What is heard of a request that waits for no connection; None where there is none idle."""
    heard: asyncio.Future[Reply | Exception] = asyncio.get_running_loop().create_future()
    kind = [("content-type", "text/plain")]
    if not hop.offer("POST", "/", heard.set_result, seconds=seconds, headers=kind, body=body):
        return None
    return await heard


def test_an_offer_is_taken_where_a_connection_is_idle(tmp_path: Path) -> None:
    async def ask() -> None:
        async with served(tmp_path / "s", echo) as hop:
            assert await told(hop, b"1") is None
            await hop.ask("POST", "/", seconds=60, headers=[("content-type", "a/b")], body=b"2")
            for body in (b"3", b"4" * 100_000, b""):
                reply = await told(hop, body)
                assert isinstance(reply, Reply)
                assert (reply.status, reply.body) == (200, body)
                count = reply.headers[b"x-count"]
            assert count == b"4"

    asyncio.run(ask())


def test_an_offer_hears_of_an_instance_that_goes_away(tmp_path: Path) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await read_request(reader)
        writer.close()

    async def ask() -> None:
        async with served(tmp_path / "s", leaves) as hop:
            await hop.ask("GET", "/ping", seconds=60)
            error = await told(hop, b"1")
            assert isinstance(error, HopError)
            assert error.sent
            assert await told(hop, b"2") is None

    asyncio.run(ask())


@pytest.mark.parametrize("first", [1.0, 60])
def test_an_answer_that_takes_too_long_ends_its_connection(tmp_path: Path, first: float) -> None:
    """However long the one before was waited for."""
    ended = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await read_request(reader)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await read_request(reader)
        await reader.read()
        ended.set()

    async def ask() -> None:
        async with served(tmp_path / "s", slow) as hop:
            await hop.ask("GET", "/ping", seconds=first)
            await hop.ask("GET", "/ping", seconds=60)
            assert isinstance(await told(hop, b"1", 1.5), TimeoutError)
            assert await told(hop, b"2") is None
            async with asyncio.timeout(10):
                await ended.wait()

    asyncio.run(ask())


def test_what_was_idle_for_long_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server may be about to close it."""
    connections = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await echo(reader, writer)

    async def ask() -> None:
        async with served(tmp_path / "s", counted) as hop:
            kind = [("content-type", "a/b")]
            await hop.ask("POST", "/", seconds=60, headers=kind)
            monkeypatch.setattr("skewless.supervisor.hop._IDLE", 0)
            assert await told(hop, b"1") is None
            await hop.ask("POST", "/", seconds=60, headers=kind)
            assert len(connections) == 2

    asyncio.run(ask())


@pytest.mark.parametrize("name", [b"x-a: b\x01c", b"x-a: b\0c", b"x a: b", b"x-a: b\rc"])
def test_a_header_that_could_be_no_answers_to_a_client_is_no_header(tmp_path: Path, name: bytes) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + name + b"\r\ncontent-length: 0\r\n\r\n")

    async def ask() -> None:
        async with served(tmp_path / "s", odd) as hop:
            with pytest.raises(HopError, match="no HTTP"):
                await hop.ask("GET", "/", seconds=60)

    asyncio.run(ask())
