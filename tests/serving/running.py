"""A real `skewless serve` process and plain sockets to talk to it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SKEWLESS = Path(sys.executable).with_name("skewless")
PATIENCE = 60.0
"""Seconds after which something that should happen is said not to."""

Headers = Mapping[str, str]
CSV: Headers = {"content-type": "text/csv"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Server:
    """One running server. It is asked over HTTP, told to stop by its process id."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path, ready: str) -> None:
        self.process = process
        self.stderr = stderr
        self.ready = ready
        self.port = int(ready.split(" on http://")[1].split("/")[0].rpartition(":")[2])

    @property
    def log(self) -> str:
        return self.stderr.read_text()

    def ask(
        self,
        body: bytes | None,
        headers: Headers = CSV,
        *,
        method: str = "POST",
        path: str = "/invocations",
    ) -> Answer:
        """One request over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask(None, {}, method="GET", path=path)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def children(self) -> list[int]:
        """Its child processes that serve (not the one that minds multiprocessing's resources)."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found if "spawn_main" in command_of(int(pid))]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; gives its status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def command_of(pid: int) -> str:
    """A process's command line; empty where there is no such process, or only its remains."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def eventually(what: Callable[[], bool], message: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, message
        time.sleep(0.01)


@contextmanager
def serving(
    pipeline: Path,
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    port: int | None = 0,
) -> Iterator[Server]:
    """A server that answers, ended with the block; without ``port`` it finds one by itself."""
    stderr = folder / "stderr.txt"
    with stderr.open("w") as log:
        process = subprocess.Popen(
            [SKEWLESS, "serve", pipeline, *(() if port is None else ("--port", str(port))), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        ready = _line(process.stdout)
        assert "/invocations" in ready, f"it did not start: {ready!r} {stderr.read_text()}"
        yield Server(process, stderr, ready)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def request(
    body: bytes = b"", *headers: str, line: str = "POST /invocations HTTP/1.1", length: bool = True
) -> bytes:
    """A request as bytes; ``length`` adds the Content-Length of the body."""
    lines = [line, "host: test", *headers]
    if length:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(connection: socket.socket, count: int) -> list[Answer]:
    """The next answers on a connection."""
    found = []
    with connection.makefile("rb") as file:
        for _ in range(count):
            response = http.client.HTTPResponse(_Kept(file), method="POST")  # type: ignore[arg-type]
            response.begin()
            found.append(Answer(response.status, response.headers, response.read()))
    return found


class _Kept:
    """Lets several answers be read from one buffered stream."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def makefile(self, mode: str) -> IO[bytes]:
        return _Open(self.file)  # type: ignore[return-value]


class _Open:
    def __init__(self, file: IO[bytes]) -> None:
        self.readline, self.read, self.readinto = file.readline, file.read, file.readinto  # type: ignore[attr-defined]

    def close(self) -> None:
        """Left open for the next answer."""

    def flush(self) -> None:
        """Nothing is written."""
