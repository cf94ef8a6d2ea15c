"""Child processes: what they print, and that all of them ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from skewless.lifetime import STARTED_BY, runs
from skewless.store import Store
from skewless.supervisor import processes
from skewless.supervisor.children import Child, began
from tests.gateways import until

T = TypeVar("T")
Lines = list[tuple[str | None, str]]


def run(script: str, folder: Path, work: Callable[[Child, Lines], Awaitable[T]]) -> T:
    """Start Python with this script and do something with it."""

    async def start() -> T:
        lines: Lines = []
        child = await Child.start(
            [sys.executable, "-u", "-c", script],
            folder=folder,
            environment=os.environ,
            sink=lambda mark, line: lines.append((mark, line)),
        )
        return await work(child, lines)

    return asyncio.run(start())


async def until_end(child: Child, lines: Lines) -> tuple[int, Lines]:
    async with asyncio.timeout(30):
        return await child.wait(), lines


def test_lines_go_to_their_streams(tmp_path: Path) -> None:
    script = r"""
import os, sys
print("plain")
print("\x1econtainer-2\x1fmarked, with \x1e inside")
print("\x1enot marked")
sys.stderr.write("from stderr\n")
os.write(1, "größer\r\n".encode() + b"\xff\n" + b"without an end")
sys.exit(3)
"""
    status, lines = run(script, tmp_path, until_end)
    assert status == 3
    assert lines == [
        (None, "plain"),
        ("container-2", "marked, with \x1e inside"),
        (None, "\x1enot marked"),
        (None, "from stderr"),
        (None, "größer"),
        (None, "\ufffd"),
        (None, "without an end"),
    ]


def test_who_was_left_alone_before_it_could_ask_ends() -> None:
    """The gateway may be killed while its child's interpreter still starts."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from skewless.lifetime import end_with_parent; end_with_parent(); print('goes on')",
        ],
        env={**os.environ, STARTED_BY: str(dead.pid)},
        capture_output=True,
        timeout=60,
    )
    assert (told.returncode, told.stdout) == (1, b"")


def test_a_child_knows_who_started_it(tmp_path: Path) -> None:
    script = (
        "import os; from skewless.lifetime import end_with_parent; end_with_parent(); print(os.getppid())"
    )
    assert run(script, tmp_path, until_end) == (0, [(None, str(os.getpid()))])


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    _, lines = run("print('a' * 1_000_000)", tmp_path, until_end)
    assert len(lines) > 1
    assert "".join(line for _, line in lines) == "a" * 1_000_000


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    script = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
"""
    status, lines = run(script, tmp_path, until_end)
    assert status == 0
    until(lambda: not runs(int(lines[0][1])))


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    )

    async def stop(child: Child, lines: Lines) -> int:
        async with asyncio.timeout(30):
            while not lines:
                await asyncio.sleep(0.01)
            return await child.stop(grace=0.2)

    assert run(script, tmp_path, stop) == -signal.SIGKILL


def test_a_number_and_a_beginning_are_one_process() -> None:
    assert began(os.getpid()) == began(os.getpid())
    assert began(2**22 + 1) is None


@pytest.mark.parametrize("leader_ends", [False, True])
def test_what_a_killed_gateway_left_is_ended(tmp_path: Path, leader_ends: bool) -> None:
    """A child that is noted in the store is killed with its group at the next start; others are left alone."""
    script = f"""
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
{"" if leader_ends else "time.sleep(600)"}
"""
    store = Store.open(f"sqlite:///{tmp_path / 'state.db'}")

    async def leave(child: Child, lines: Lines) -> list[int]:
        processes.register(store, child.pid)
        async with asyncio.timeout(30):
            while not lines:
                await asyncio.sleep(0.01)
            if leader_ends:
                await child.ended.wait()
            processes.end_left_over(store)
            await child.wait()
        return [child.pid, int(lines[0][1])]

    pids = run(script, tmp_path, leave)
    until(lambda: not any(map(runs, pids)))
    processes.end_left_over(store)  # nothing is noted any more
    store.close()
