"""Connections that say nothing, too little, too much, or what is no HTTP: each has an end, and harms nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import uvicorn

from skewless.app.connections import MOST_HEAD, Bounds, bounded
from skewless.aws.front import Receive, Scope, Send
from tests.gateways import until

QUICK = Bounds(head_seconds=1.5, read_seconds=1.5, connections=5)
BIG = bytes(32 << 20)
WHOLE = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after the whole body: its length, or a lot."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        more = message["more_body"]
    body = BIG if scope["path"] == "/big" else str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for start in range(0, len(body), 1 << 20):
        await send({"type": "http.response.body", "body": body[start : start + (1 << 20)], "more_body": True})
    await send({"type": "http.response.body"})


class Server:
    """One on a free port."""

    def __init__(self, bounds: Bounds) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        config = uvicorn.Config(
            _app,
            http=bounded(bounds),
            log_config=None,
            lifespan="off",
            timeout_keep_alive=600,
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self.listener])))

    @property
    def open(self) -> int:
        """Connections that there are."""
        return len(self.server.server_state.connections)

    def connect(self) -> socket.socket:
        made = socket.create_connection(self.address, timeout=30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def said(self, *parts: bytes) -> bytes:
        """All that it answers to this, until it closes the connection."""
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
            return rest_of(client)


def rest_of(client: socket.socket) -> bytes:
    parts = []
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def read(client: socket.socket, length: bytes = b"0") -> None:
    """The answer to a body of this length; head and body may come apart."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n" + length):
        part = client.recv(1 << 16)
        assert part, answer
        answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")


@contextmanager
def serving(bounds: Bounds = QUICK) -> Iterator[Server]:
    made = Server(bounds)
    made.thread.start()
    try:
        until(lambda: made.server.started)
        yield made
        # Whatever was done to it, it answers the next one.
        assert httpx.post(f"http://127.0.0.1:{made.address[1]}/", content=b"abc").text == "3"
    finally:
        made.server.should_exit = True
        made.thread.join(30)
        made.listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that does not wait for long."""
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """One for what does not depend on how long is waited."""
    with serving(Bounds(connections=QUICK.connections)) as made:
        yield made


@pytest.mark.parametrize("said", [b"", b"\r\n"], ids=["nothing", "an empty line"])
def test_who_says_nothing_is_not_waited_for(server: Server, said: bytes) -> None:
    answer = server.said(said)
    assert answer == b"" if not said else answer.startswith(b"HTTP/1.1 408 ")


def test_a_head_that_does_not_end_is_not_waited_for(server: Server) -> None:
    assert server.said(b"GET / HTTP/1.1\r\nhost: here\r\n").startswith(b"HTTP/1.1 408 ")


def test_a_head_that_drips_is_not_waited_for(server: Server) -> None:
    """It is its beginning that counts, not the last of its bytes."""
    over = threading.Event()

    def drip(client: socket.socket) -> None:
        with suppress(OSError):
            while not over.wait(0.05):
                client.sendall(b"x: y\r\n")

    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        dripping = threading.Thread(target=drip, args=(client,))
        dripping.start()
        try:
            assert rest_of(client).startswith(b"HTTP/1.1 408 ")
        finally:
            over.set()
            dripping.join()


@pytest.mark.parametrize("more", [b"\r\n", b"GET / HTTP/1.1\r\n"], ids=["an empty line", "half a head"])
def test_a_second_request_is_not_waited_for_either(server: Server, more: bytes) -> None:
    """A kept connection has its own, longer time, but not once something has come."""
    with server.connect() as client:
        client.sendall(WHOLE)
        read(client)
        client.sendall(more)
        assert b"HTTP/1.1 408 " in rest_of(client)


def test_a_kept_connection_is_kept(server: Server) -> None:
    """Longer than a head may take."""
    with server.connect() as kept:
        kept.sendall(WHOLE)
        read(kept)
        assert server.said(b"GET / HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 ")  # so long
        kept.sendall(WHOLE)
        read(kept)


def test_a_slow_body_is_the_apps_matter(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\na")
        assert server.said(b"GET / HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 ")
        client.sendall(b"b")
        read(client, b"2")


def test_an_answer_that_is_not_read_is_not_kept_for_ever(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nhost: here\r\n\r\n")
        assert client.recv(1) == b"H"  # it is being answered
        until(lambda: server.open == 0)
        assert len(rest_of(client)) < len(BIG)


def test_many_requests_at_once_are_all_answered(patient: Server) -> None:
    with patient.connect() as client:
        client.sendall(WHOLE * 50)
        answers = b""
        while answers.count(b"HTTP/1.1 200 ") < 50:
            answers += client.recv(1 << 16)


FLOOD = MOST_HEAD * 8
CHUNKED = b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /", b"a" * FLOOD),
        (b"GET / HTTP/1.1\r\nx: ", b"a" * FLOOD),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n" * (FLOOD // 6)),
        (CHUNKED + b"1;x=", b"a" * FLOOD),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"x: y\r\n" * (FLOOD // 6)),
    ],
    ids=["address", "one header", "many headers", "a chunk's extension", "trailers"],
)
def test_what_has_no_end_is_cut(patient: Server, start: bytes, more: bytes) -> None:
    with patient.connect() as client:
        client.sendall(start)
        with suppress(ConnectionError):
            client.sendall(more)
        assert b" 200 " not in rest_of(client)


def test_a_head_of_some_size_passes(patient: Server) -> None:
    long = (
        b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\nx: " + b"a" * (MOST_HEAD - 200) + b"\r\n\r\n"
    )
    assert patient.said(long[:1000], long[1000:]).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\nGET /",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\nhost: a\n\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\nb: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\rb: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n: nameless\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(patient: Server, request_: bytes) -> None:
    """A proxy before us may read it the other way, and take what follows for a request of somebody else."""
    answer = patient.said(request_)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_there_is_room_for_so_many(patient: Server) -> None:
    until(lambda: patient.open == 0)
    kept = [patient.connect() for _ in range(QUICK.connections)]
    try:
        for client in kept:
            client.sendall(WHOLE)
            read(client)
        assert patient.said().startswith(b"HTTP/1.1 503 ")
    finally:
        for client in kept:
            client.close()
    until(lambda: patient.open == 0)
