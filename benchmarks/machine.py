"""What the numbers were taken on, and how quiet it was."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

QUIET: Final = 0.5
"""The load average up to which a machine counts as quiet."""


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
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def versions(*packages: str) -> dict[str, str]:
    """Of packages in this environment; those that are not there are left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
