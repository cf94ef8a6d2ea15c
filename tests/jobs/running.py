"""Job processes as the supervisor starts them, and a real S3 for the scripts in them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from skewless.jobs.job import OUTCOME, Asked, Outcome, write_asked
from skewless.services import Services

RCLONE = Path(sys.executable).with_name("rclone")
PATIENCE = 300.0


@contextmanager
def s3(folder: Path) -> Iterator[Services]:
    """rclone's S3 over a folder of buckets."""
    keys = ("AKIASKEWLESSTESTS000", "a-secret-of-the-tests")
    command = [str(RCLONE), "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", ",".join(keys), "-v"]
    command += ["--dir-cache-time", "0s", "--config", os.devnull, str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            lines = iter(server.stderr.readline, "")
            url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            yield Services(url, "us-east-1", *keys, s3_folder=str(folder))
        finally:
            server.kill()


@dataclass(frozen=True)
class Ran:
    """What became of a job."""

    outcome: Outcome
    output: str
    """Lines without a mark."""
    errors: str
    """Lines marked ``error``."""


def lay_out(folder: Path, kind: str, services: Services, request: Mapping[str, Any]) -> None:
    """A job's folder as its process finds it."""
    arn = f"arn:aws:test:us-east-1:000000000000:{kind}/job"
    write_asked(folder, Asked(kind, "jr_1", arn, dict(request), services))


def start(
    folder: Path, kind: str, services: Services, request: Mapping[str, Any], **environment: str
) -> subprocess.Popen[bytes]:
    """A job's process, in a group of its own."""
    lay_out(folder, kind, services, request)
    return subprocess.Popen(
        [sys.executable, "-m", "skewless.jobs.run", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | environment,
    )


def outcome(folder: Path) -> Outcome:
    """How the job ended."""
    return msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Outcome)


def run(folder: Path, kind: str, services: Services, request: Mapping[str, Any], **environment: str) -> Ran:
    """A job from start to end."""
    with start(folder, kind, services, request, **environment) as process:
        try:
            told, _ = process.communicate(timeout=PATIENCE)
        finally:
            kill_group(process)
    lines = told.decode().split("\n")  # splitlines would part them at the mark too
    mark = "\x1eerror\x1f"
    return Ran(
        outcome(folder),
        "\n".join(line for line in lines if not line.startswith(mark)),
        "\n".join(line.removeprefix(mark) for line in lines if line.startswith(mark)),
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """As the supervisor does at the end."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def until(what: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something is true."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def alive(pids: Sequence[int]) -> list[int]:
    """Those of these processes that run; one that ended and is not yet reaped does not."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running
