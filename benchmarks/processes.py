"""Processes that are measured: started on a core, looked at through /proc, and ended by their number."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks.places import ROOT

T = TypeVar("T")
ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""On one core, more threads only get into each other's way."""
_TICK: Final = os.sysconf("SC_CLK_TCK")
_GRACE: Final = 15


@contextmanager
def on(*cores: int) -> Iterator[None]:
    """What is started within runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(**more: str) -> dict[str, str]:
    """What processes get: nothing of a user's settings for AWS or for us, and this folder to import from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SKEWLESS_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def start(
    command: Sequence[str | Path], *, log: Path, more: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process of a group of its own; what it says goes into ``log``."""
    with log.open("wb") as file:
        return subprocess.Popen(
            list(map(str, command)),
            stderr=file,
            env=environment(**(more or {})),
            start_new_session=True,
            **{"stdout": file, "stdin": subprocess.DEVNULL, **options},
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it started, and close its pipes."""
    family = [process.pid, *descendants(process.pid)]
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pid in family[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what outlived its parent is still of its group


def descendants(pid: int) -> list[int]:
    """The processes that it started, and theirs."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def until(what: Callable[[], T | None], seconds: float, why: str) -> T:
    """What it gives as soon as that is true; TimeoutError where it does not come to be in time."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why} within {seconds:.0f} s")
        time.sleep(0.002)
    return found


def cpu_seconds(pid: int) -> float:
    """What a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mb(pid: int) -> float:
    """What of a process is in memory, in MiB."""
    return _memory_mb(pid, "VmRSS:")


def most_resident_mb(pid: int) -> float:
    """The most of a process that ever was in memory, in MiB; 0 for one that has ended."""
    return _memory_mb(pid, "VmHWM:")


def _memory_mb(pid: int, name: str) -> float:
    """A line of the process's status. Source: proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name)), 0.0)


def move(pid: int, core: int) -> None:
    """Put a process with all its threads on a core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
