"""A real `python -m skewless.scripts.hosting` on a Unix socket, and requests to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds after which something that should happen is said not to; loading scikit-learn takes its time."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str | None
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class Hosted:
    """One running program."""

    def __init__(self, process: subprocess.Popen[bytes], socket_path: Path, log_file: Path) -> None:
        self.process = process
        self.socket = socket_path
        self._log_file = log_file

    @property
    def log(self) -> str:
        return self._log_file.read_text(errors="replace")

    def ask(
        self,
        body: bytes | str | None,
        content_type: str | None = None,
        accept: str | None = None,
        *,
        method: str = "POST",
        path: str = "/invocations",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request over a connection of its own."""
        sent = dict(headers or {})
        if content_type is not None:
            sent["content-type"] = content_type
        if accept is not None:
            sent["accept"] = accept
        connection = _Connection(self.socket)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers["content-type"], response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask(None, method="GET", path=path)

    def stop(self) -> int:
        """Ask it to end; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def environment(folder: Path, kind: str, **settings: str) -> dict[str, str]:
    """What a container would give: the folder holds model/ and code/."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SAGEMAKER_", "SM_"))}
    return {
        **clean,
        "SKEWLESS_HOSTING": kind,
        "SM_MODEL_DIR": str(folder / "model"),
        "SAGEMAKER_SUBMIT_DIRECTORY": str(folder / "code"),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SKEWLESS_BIND_TO_SOCKET": str(folder / "s"),
        **settings,
    }


def write_script(folder: Path, source: str, name: str = "inference.py") -> Path:
    """Lay out a container's folders with this script."""
    for part in ("model", "code"):
        (folder / part).mkdir(exist_ok=True)
    file = folder / "code" / name
    file.write_text(source)
    return file


@contextmanager
def started(folder: Path, kind: str, **settings: str) -> Iterator[Hosted]:
    """The program, which may end by itself; it is ended with the block."""
    log_file = folder / "log.txt"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "skewless.scripts.hosting"],
            cwd=folder,
            env=environment(folder, kind, **settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Hosted(process, folder / "s", log_file)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def hosted(folder: Path, kind: str, source: str, **settings: str) -> Iterator[Hosted]:
    """The program, answering."""
    write_script(folder, source)
    with started(folder, kind, **settings) as running:
        end = time.monotonic() + PATIENCE
        while not _answers(running):
            assert running.process.poll() is None, running.log
            assert time.monotonic() < end, running.log
            time.sleep(0.02)
        yield running


def _answers(running: Hosted) -> bool:
    try:
        return running.get("/ping").status == 200
    except OSError:
        return False


def fails(folder: Path, kind: str, source: str, **settings: str) -> tuple[int, list[str]]:
    """Exit status and log of a program that cannot start."""
    write_script(folder, source)
    with started(folder, kind, **settings) as running:
        status = running.process.wait(PATIENCE)
        return status, running.log.splitlines()
