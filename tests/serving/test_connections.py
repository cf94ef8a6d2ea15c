"""Connections as clients really use them: kept, pipelined, cut off, slow, upgraded; and bodies over the limit."""

from __future__ import annotations

import errno
import http.client
import random
import re
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import CAR, CAR_LABEL, PRICY, PRICY_LABEL
from tests.serving.running import CSV, PATIENCE, Server, answers, eventually, request, serving

TYPE = "content-type: text/csv"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def still_answering(server: Server) -> Iterator[None]:
    """Whatever a client did, the next one is answered."""
    yield
    assert server.ask(CAR).body == CAR_LABEL


def closed(connection: socket.socket) -> bool:
    """Whether the server has ended the connection in order, with nothing more said."""
    return connection.recv(1) == b""


def test_keep_alive(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.connect()
    own = connection.sock.getsockname()
    for body, status in [(CAR, 200), (b"what,is,this", 400), (CAR, 200), (b"", 204), (PRICY, 200)]:
        connection.request("POST", "/invocations", body, dict(CSV))
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock.getsockname() == own
    connection.close()


def test_requests_may_be_sent_before_the_answers_come(server: Server) -> None:
    asked = [CAR, b"no,car", PRICY] * 100
    with server.connect() as connection:
        connection.sendall(b"".join(request(body, TYPE) for body in asked))
        made = answers(connection, len(asked))
    assert [answer.status for answer in made] == [200, 400, 200] * 100
    assert [answer.body for answer in made if answer.status == 200] == [CAR_LABEL, PRICY_LABEL] * 100


def test_a_request_may_come_in_any_two_pieces(server: Server) -> None:
    """On one connection, whose second request and all further ones have a known head."""
    whole = request(CAR, TYPE)
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(1, len(whole)):
            connection.sendall(whole[:cut])
            connection.sendall(whole[cut:])
            assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]
        connection.sendall(request(CAR, TYPE, "connection: close"))
        assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]
        assert closed(connection)


def test_requests_are_sent_for_long_without_reading_an_answer(server: Server) -> None:
    """The server stops reading at some time, and loses nothing: all answers come, in order."""
    asked = [CAR, PRICY] * 5_000
    rest = memoryview(b"".join(request(body, TYPE) for body in asked))
    with server.connect() as connection:
        connection.setblocking(False)
        made = bytearray()
        while rest or made.count(b"HTTP/1.1 200") < len(asked):
            readable, writable, _ = select.select([connection], [connection] if rest else [], [], PATIENCE)
            assert readable or writable
            if writable:
                rest = rest[connection.send(rest[: 1 << 20]) :]
            elif readable:
                made += connection.recv(1 << 20)
        while len(re.findall(rb"vgood|unacc", made)) < len(asked):
            select.select([connection], [], [], PATIENCE)
            made += connection.recv(1 << 20)
    assert re.findall(rb"vgood|unacc", made) == [CAR_LABEL, PRICY_LABEL] * 5_000


def test_http_1_0_and_connection_close(server: Server) -> None:
    for line, header in [
        ("POST /invocations HTTP/1.0", TYPE),
        ("POST /invocations HTTP/1.1", "connection: close"),
    ]:
        with server.connect() as connection:
            connection.sendall(request(CAR, TYPE, header, line=line))
            assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]
            assert closed(connection)


def test_chunks(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(request(b"", TYPE, "transfer-encoding: chunked", length=False))
        for byte in CAR:
            connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]


def test_an_upgrade_that_is_not_had_is_passed_over(server: Server) -> None:
    """Java's own client asks for HTTP/2 with every first request, body and all."""
    upgrade = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB")
    with server.connect() as connection:
        connection.sendall(request(CAR, TYPE, *upgrade))
        assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]
        connection.sendall(request(PRICY, TYPE))
        assert [answer.body for answer in answers(connection, 1)] == [PRICY_LABEL]


@pytest.mark.parametrize("size", [MIB + 1, 9 * MIB])
def test_a_body_over_the_limit(server: Server, size: int) -> None:
    """Sent whole before anything is read, as simple clients do: the answer must not be lost in a reset."""
    with server.connect() as connection:
        connection.sendall(request(bytes(size), TYPE))
        (answer,) = answers(connection, 1)
        assert closed(connection)
    assert answer.status == 413
    assert f"the body has {size:,} bytes, over the limit of {MIB:,}" in answer.text
    assert "SKEWLESS_MAX_PAYLOAD_MB" in answer.text
    assert answer.headers["connection"] == "close"


def test_a_body_over_the_limit_in_chunks(server: Server) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with server.connect() as connection:
        connection.sendall(request(b"", TYPE, "transfer-encoding: chunked", length=False))
        connection.sendall(chunk * 64 + b"0\r\n\r\n")
        (answer,) = answers(connection, 1)
        assert closed(connection)
    assert (answer.status, "bytes or more, over the limit of 1,048,576" in answer.text) == (413, True), (
        answer.text
    )


def test_a_body_over_the_limit_is_refused_before_it_is_sent(server: Server) -> None:
    """The answer comes with the headers, for who waits (`expect`) and for who would send for hours."""
    for expect in ([], ["expect: 100-continue"]):
        with server.connect() as connection:
            connection.sendall(request(b"", TYPE, "content-length: 10000000000", *expect, length=False))
            (answer,) = answers(connection, 1)
            assert answer.status == 413
            if expect:
                assert closed(connection)


def test_a_body_of_just_the_limit_is_read(server: Server) -> None:
    line = CAR + b"\n"
    body = line * (MIB // len(line))
    body += b"\n" * (MIB - len(body))
    answer = server.ask(body)
    assert (answer.status, answer.body.count(CAR_LABEL)) == (200, MIB // len(line))


def test_who_waits_for_a_continue_gets_it(server: Server) -> None:
    with server.connect() as connection:
        head, _, _ = request(CAR, TYPE, "expect: 100-continue").partition(CAR)
        connection.sendall(head)
        with connection.makefile("rb") as file:
            assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert file.readline() == b"\r\n"
        connection.sendall(CAR)
        assert [answer.body for answer in answers(connection, 1)] == [CAR_LABEL]


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_goes_away_in_its_body(server: Server, reset: bool) -> None:
    before = server.log
    for part in (b"", CAR[:7]):
        connection = server.connect()
        connection.sendall(request(b"", TYPE, "content-length: 27", length=False) + part)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert server.ask(CAR).status == 200
    assert server.log == before  # no news for the operator in that


def test_a_client_that_goes_away_before_its_answer(server: Server) -> None:
    for _ in range(20):
        connection = server.connect()
        connection.sendall(request(b"\n".join([CAR] * 5_000), TYPE))
        connection.close()
    eventually(lambda: server.ask(CAR).status == 200, "the server no longer answers")


def test_silent_and_slow_clients_are_in_nobodys_way(server: Server) -> None:
    whole = request(CAR, TYPE)
    slow = [server.connect() for _ in range(100)]
    try:
        for position, connection in enumerate(slow):
            connection.sendall(whole[: position % len(whole)])
        assert server.ask(CAR).body == CAR_LABEL
        for position, connection in enumerate(slow):
            connection.sendall(whole[position % len(whole) :])
        assert {answers(connection, 1)[0].body for connection in slow} == {CAR_LABEL}
    finally:
        for connection in slow:
            connection.close()


def test_a_large_request_is_in_nobodys_way(server: Server) -> None:
    """It is computed in a thread of its own."""
    with server.connect() as connection:
        connection.sendall(request(b"\n".join([CAR] * 30_000), TYPE))
        assert server.ask(PRICY).body == PRICY_LABEL
        (answer,) = answers(connection, 1)
    assert answer.body.count(CAR_LABEL) == 30_000


def garbage(random: random.Random) -> bytes:
    """Bytes that are, more or less, a request."""
    start = random.choice(
        [b"POST /invocations HTTP/1.1\r\n", b"GET /ping HTTP/1.1\r\n", b"\x16\x03\x01\x02", b""]
    )
    names = [b"content-length", b"transfer-encoding", b"content-type", b"connection", b"x\x00y", b"\xff", b""]
    values = [
        b"-1",
        b"chunked",
        b"text/csv",
        b"99999999999999999999",
        b"\x00",
        b"\xe9\xff",
        b"a" * 70_000,
        b"5",
    ]
    lines = b"".join(
        random.choice(names) + random.choice([b": ", b":", b" : ", b""]) + random.choice(values) + b"\r\n"
        for _ in range(random.randrange(5))
    )
    whole = start + lines + random.choice([b"\r\n", b"\n\n", b""]) + random.randbytes(random.randrange(300))
    return whole if random.random() < 0.7 else random.randbytes(random.randrange(1, 600))


def test_garbage_ends_nothing(server: Server) -> None:
    """Never a 500, and never an answer that hangs: what is incomplete is waited for, the rest is refused."""
    source = random.Random(20)
    statuses = set()
    for _ in range(150):
        with server.connect() as connection:
            try:
                connection.sendall(garbage(source))
                connection.shutdown(socket.SHUT_WR)
                first = connection.recv(100)
            except OSError as error:
                if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                    raise
                continue  # it was refused, and the connection gone, before all of it was sent or read
            found = re.match(rb"HTTP/1\.1 (\d{3}) ", first)
            assert found or not first, first
            statuses.add(int(found[1]) if found else 0)
    assert 400 in statuses
    assert not {status for status in statuses if status >= 500}
    assert server.process.poll() is None


def test_a_request_line_and_headers_of_any_size_are_survived(server: Server) -> None:
    for long in (f"POST /{'a' * 200_000} HTTP/1.1", "POST /%ff%00%e4%0d%0a HTTP/1.1", "POST /é HTTP/1.1"):
        with server.connect() as connection:
            connection.sendall(request(CAR, TYPE, line=long))
            assert 400 <= answers(connection, 1)[0].status < 500
    with server.connect() as connection:
        connection.sendall(request(CAR, TYPE, *[f"x-{number}: {'y' * 100}" for number in range(1000)]))
        assert answers(connection, 1)[0].body == CAR_LABEL


def test_open_connections_do_not_hold_up_the_end(pipeline: Path, tmp_path: Path) -> None:
    """Silent, idle and half-sent ones: those that asked for nothing are closed at once."""
    with serving(pipeline, tmp_path) as own, own.connect() as silent, own.connect() as idle:
        idle.sendall(request(CAR, TYPE))
        assert answers(idle, 1)[0].body == CAR_LABEL
        assert own.stop(signal.SIGTERM) == 0
        assert closed(silent)
        assert closed(idle)
