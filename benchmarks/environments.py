"""An environment for each group of peers below .make/bench: none of them decides what we depend on.

Each is made from a file of `requirements/`, pinned, by pip with this machine's settings.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.places import ROOT, STATE

REQUIREMENTS: Final = ROOT / "benchmarks" / "requirements"
PATIENCE: Final = 1800
"""Seconds for one environment."""


class NotThere(Exception):
    """A peer cannot be had here; the text says why."""


def python_of(name: str) -> Path:
    """Its interpreter; NotThere where it could not be installed."""
    python = STATE / name / "bin" / "python"
    if not (STATE / name / "finished").exists():
        failed = STATE / f"{name}.failed"
        raise NotThere(failed.read_text() if failed.exists() else "its environment is not installed")
    return python


def install(names: Iterable[str]) -> None:
    """Make those that are not there yet. One that fails is told, and what needs it is left out."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in names:
            _install(name)


def _install(name: str) -> None:
    asked = REQUIREMENTS / f"{name}.txt"
    place = STATE / name
    stamp, failed = place / "finished", STATE / f"{name}.failed"
    wanted = f"{asked.read_text()}{sys.version}\n{place}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"bench: installing {name}; the first time this takes some minutes", flush=True)
    pip = (place / "bin" / "python", "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check")
    try:
        for command in (
            (sys.executable, "-m", "venv", "--clear", place),
            (*pip, "install", "--requirement", asked),
        ):
            done = subprocess.run(
                list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            if done.returncode:
                raise NotThere(_reason(done.stderr))
    except (NotThere, subprocess.TimeoutExpired) as error:
        failed.write_text(f"it cannot be installed: {error}")
        print(f"bench: {name}: {error}", file=sys.stderr)
        return
    failed.unlink(missing_ok=True)
    stamp.write_text(wanted)


def _reason(told: str) -> str:
    lines = [line for line in told.splitlines() if line.strip()]
    return next(
        (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
    )
