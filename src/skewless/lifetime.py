"""Processes that end with the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

STARTED_BY: Final = "SKEWLESS_STARTED_BY"
"""The environment variable that tells a process the number of the one that starts it."""

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have this process killed when the thread that started it ends, however that ends.

    A parent that was killed before we came to ask who it is has to have told so beforehand, in ``STARTED_BY``.
    """
    parent = int(os.environ.pop(STARTED_BY, os.getppid()))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we had asked
        sys.exit(1)


def runs(pid: int) -> bool:
    """Whether there is such a process, and it has not just ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # After the name, which may hold anything: the state.
    return stat.rpartition(")")[2].split()[0] != "Z"
