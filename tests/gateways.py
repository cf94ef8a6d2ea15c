"""A real gateway: the process that `skewless up` is, on a free port, and real clients of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from skewless.app.data_dir import DataDir, Identity, Running, role_arn

T = TypeVar("T")
_UP = 60.0
"""Seconds that a gateway has to come up on a busy machine."""


def until(what: Callable[[], T | None], seconds: float = 60.0) -> T:
    """What it gives as soon as that is true; fails when that does not happen in time."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s; at last: {found!r}"
        time.sleep(0.05)
    return found


@dataclass
class Gateway:
    """One that runs."""

    data_dir: Path
    process: subprocess.Popen[bytes]

    @property
    def folder(self) -> DataDir:
        return DataDir(self.data_dir)

    @property
    def running(self) -> Running:
        found = self.folder.running()
        assert found is not None
        return found

    @property
    def identity(self) -> Identity:
        found = self.folder.identity()
        assert found is not None
        return found

    @property
    def role(self) -> str:
        return role_arn(self.identity)

    def client(self, service: str, **options: Any) -> Any:
        """A client of boto3 that tries once, so that a test sees what went wrong."""
        return boto3.client(
            service,
            endpoint_url=self.running.url,
            region_name=self.identity.region,
            aws_access_key_id=self.identity.access_key,
            aws_secret_access_key=self.identity.secret_key,
            config=Config(retries={"total_max_attempts": 1}, **options),
        )

    def output(self) -> str:
        """What it has printed."""
        return (self.data_dir / "output.txt").read_text()

    def children(self) -> list[int]:
        """The processes that it started and that run."""
        return [int(pid) for pid in _children_of(self.process.pid)]

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it as Ctrl-C would; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


def _children_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def start(data_dir: Path, *arguments: str) -> Gateway:
    """Start one and wait until it answers."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "skewless.cli.main", "up"),
                *("--data-dir", str(data_dir), "--port", "0", *arguments),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        )
    gateway = Gateway(data_dir, process)

    def up() -> bool:
        assert process.poll() is None, gateway.output()
        running = gateway.folder.running()
        return running is not None and running.pid == process.pid

    until(up, _UP)
    return gateway


@contextmanager
def gateway(data_dir: Path, *arguments: str) -> Iterator[Gateway]:
    """One that ends with the block."""
    made = start(data_dir, *arguments)
    try:
        yield made
    finally:
        made.stop()
