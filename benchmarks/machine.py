"""What the numbers were taken on, and how quiet it was."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

QUIET: Final = 0.2
"""The processors that others may use, of all, while a machine counts as quiet."""
_LOOK: Final = 2.0
"""Seconds for which that is looked at. A load average tells of the minutes before."""


def machine() -> dict[str, Any]:
    """Processor, memory, kernel, Python."""
    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int((_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 2**20),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }


def _line(path: str, name: str) -> str | None:
    file = Path(path)
    for line in file.read_text().splitlines() if file.exists() else ():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def load() -> float:
    """How many processors are busy with other work."""
    before = _busy_seconds()
    time.sleep(_LOOK)
    return round((_busy_seconds() - before) / _LOOK, 2)


def _busy_seconds() -> float:
    """What all processors have worked since the machine's start. Source: proc(5), the first line of stat."""
    user, nice, system, _idle, _waiting, *rest = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    )
    return (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")


def versions(*packages: str) -> dict[str, str]:
    """Of packages in this environment; those that are not there are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
