"""Where things lie, and how long each part may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STATE: Final = ROOT / ".make" / "bench"
"""Environments of the peers, and what the benchmark makes for itself."""
PAGE: Final = ROOT / "docs" / "benchmarks.md"
RESULTS: Final = ROOT / "docs" / "benchmarks" / "results.json"
PLOTS: Final = RESULTS.parent
SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is measured. Times are seconds."""

    rounds: int
    """Turns that each way gets, in alternation with the others."""
    round: float
    """One turn of calls in a process."""
    turns: int
    """Turns of load that each server gets, in alternation."""
    load: float
    """One turn of load on a server."""
    warm: float
    """Load before each turn, which is not counted."""
    requests: int
    """Distinct requests to a server."""
    rows: int
    """Lines of the file for batches; the longer one has ten times as many."""
    starts: int
    """Starts of a process."""
    busy: float
    """Load while a batch runs, and the same without."""


FULL: Final = Budget(
    rounds=9,
    round=0.15,
    turns=5,
    load=1.5,
    warm=0.3,
    requests=1728,
    rows=1_000_000,
    starts=7,
    busy=10.0,
)
QUICK: Final = Budget(
    rounds=3, round=0.03, turns=2, load=0.3, warm=0.1, requests=200, rows=100_000, starts=2, busy=2.0
)


def cores() -> tuple[int, int]:
    """The core for what is measured, and the one for who asks; the same one where there is no other."""
    there = sorted(os.sched_getaffinity(0))
    return there[SERVER_CORE], there[min(CLIENT_CORE, len(there) - 1)]
