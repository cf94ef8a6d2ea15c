"""The load generator against real servers on the loopback, good and bad ones."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import sched_getaffinity
from pathlib import Path

import numpy as np
import pytest

from benchmarks.environments import NotThere
from benchmarks.load import Load, Request, bare_server, post, program, put, write

Answer = Callable[[int, bytes], list[bytes]]
"""From the number and the body of a request to the pieces that are sent back; an empty one ends the connection."""


class Peer:
    """A server with as many threads as connections, which keeps what it was asked."""

    def __init__(self, answer: Answer, family: int = socket.AF_INET, address: str = "") -> None:
        self.bodies: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._lock = threading.Lock()
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind(address or ("127.0.0.1", 0))
        self._listener.listen(64)
        named = self._listener.getsockname()
        self.address = f"unix:{named}" if address else f"127.0.0.1:{named[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        # The client does not wait for the answers that come after its time.
        with one, one.makefile("rb") as stream, suppress(ConnectionError):
            while line := stream.readline():
                assert line == b"POST /invocations HTTP/1.1\r\n"
                length = 0
                while (line := stream.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    length = int(value) if name == b"content-length" else length
                body = stream.read(length)
                with self._lock:
                    self.bodies.append(body)
                    number = len(self.bodies)
                for piece in self._answer(number, body):
                    if not piece:
                        return
                    one.sendall(piece)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    made: list[Peer] = []

    def make(answer: Answer, **options: object) -> Peer:
        made.append(Peer(answer, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def echo(_: int, body: bytes) -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)]


def requests(folder: Path, many: int = 50, *, answered: bool = True) -> Path:
    rows = [f"row {number}".encode() for number in range(many)]
    return write(
        [Request(post("/invocations", row), row if answered else None) for row in rows], folder / "requests"
    )


SECONDS = 1.5
"""That load is put on a server: it, or the client, may have to wait for much of that on a busy machine."""


def loaded(peer: Peer, file: Path, connections: int = 3, rate: float = 0.0, seconds: float = SECONDS) -> Load:
    return put(peer.address, file, connections=connections, seconds=seconds, rate=rate, core=_a_core())


def _a_core() -> int:
    """That of nobody else: the tests share theirs, so the client sleeps while it waits."""
    return min(sched_getaffinity(0))


def test_requests_are_sent_in_turn_and_every_answer_is_timed(
    tmp_path: Path, peer: Callable[..., Peer]
) -> None:
    server = peer(echo)
    load = loaded(server, requests(tmp_path))
    assert (load.refused, load.wrong, load.broken, load.late) == (0, 0, 0, 0)
    assert server.connections == 3
    # Of each connection one answer may come after the time, and one be under way.
    assert 0 <= len(server.bodies) - len(load.latencies) <= 6
    asked = Counter(server.bodies)
    assert set(asked) == {f"row {number}".encode() for number in range(50)}
    assert max(asked.values()) - min(asked.values()) <= 2
    assert load.latencies.min() > 0
    assert load.rate == len(load.latencies) / SECONDS
    assert load.check() is load


def test_another_answer_is_counted_as_wrong(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    server = peer(lambda number, body: echo(number, b"other" if number % 4 == 0 else body))
    load = loaded(server, requests(tmp_path))
    assert abs(load.wrong - len(server.bodies) / 4) <= 6
    with pytest.raises(NotThere, match="answers were wrong"):
        load.check()


def test_any_answer_will_do_where_none_is_named(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    load = loaded(peer(lambda number, _: echo(number, b"other")), requests(tmp_path, answered=False))
    assert (load.wrong, load.refused) == (0, 0)


def test_refusals_are_counted(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    load = loaded(peer(lambda *_: [b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"]), requests(tmp_path))
    assert 0 <= load.refused - len(load.latencies) <= 6
    assert load.refused


def test_an_answer_may_come_in_pieces_of_any_size(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    def slowly(number: int, body: bytes) -> list[bytes]:
        whole = echo(number, body)[0]
        return [whole[place : place + 1] for place in range(len(whole))]

    loaded(peer(slowly), requests(tmp_path)).check()


def test_chunked_answers_are_drawn_together(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    def chunks(_: int, body: bytes) -> list[bytes]:
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:2], body[2:])]
        return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *parts, b"0\r\n", b"\r\n"]

    loaded(peer(chunks), requests(tmp_path)).check()


def test_a_connection_that_ends_is_opened_anew_and_counted(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    server = peer(lambda number, body: [b""] if number % 5 == 0 else echo(number, body))
    load = loaded(server, requests(tmp_path))
    assert load.broken == pytest.approx(len(server.bodies) / 5, abs=4)
    assert len(load.latencies) > load.broken > 0


def test_an_open_loop_charges_a_stall_to_all_that_was_due(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    """One answer waits for 150 ms; a closed loop would show one slow request, here all that were due are late."""
    released = threading.Event()

    def stalling(number: int, body: bytes) -> list[bytes]:
        if number == 5:
            released.wait(0.15)
        return echo(number, body)

    load = loaded(peer(stalling), requests(tmp_path), connections=1, rate=200.0)
    late = np.sort(load.latencies)[::-1] / 1e6
    assert late[0] >= 149
    # 30 requests were due meanwhile, 5 ms apart, each 5 ms less late than the one before it.
    assert len(late) >= 20
    assert (late[:20] >= 45).all()


def test_what_cannot_be_sent_in_time_is_told(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    never = threading.Event()

    def silent(number: int, body: bytes) -> list[bytes]:
        never.wait(5)
        return echo(number, body)

    load = loaded(peer(silent), requests(tmp_path), connections=1, rate=100.0, seconds=0.3)
    assert load.late >= 28
    with pytest.raises(NotThere, match="0 requests were answered"):
        load.check()


def test_unix_sockets(tmp_path: Path, peer: Callable[..., Peer]) -> None:
    server = peer(echo, family=socket.AF_UNIX, address=str(tmp_path / "s"))
    loaded(server, requests(tmp_path)).check()


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(NotThere, match="refused"):
            put(address, requests(tmp_path), connections=1, seconds=0.1, core=_a_core())


def test_the_bare_server_answers_and_ends(tmp_path: Path) -> None:
    file = write([Request(post("/", b"x"), b" " * 7)], tmp_path / "requests")
    with bare_server(7) as address:
        load = put(address, file, connections=2, seconds=0.2, warm=0.05, core=_a_core()).check()
    assert len(load.latencies) > 10
    host, _, port = address.partition(":")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=5)


def test_the_program_is_compiled_once() -> None:
    first = program()
    assert program() == first
    assert first.stat().st_mtime_ns == program().stat().st_mtime_ns
