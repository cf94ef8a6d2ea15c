"""The scores of a training job: the newest of each name, reported now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Final

from skewless.jobs.job import Job

_BETWEEN: Final = 1.0
"""Seconds between two reports, so that thousands of quick rounds do not become as many writes."""


class Scores:
    """Keeps the last value of each score and tells the job at most once a second."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last: dict[str, float] = {}
        self._next = 0.0

    def note(self, scores: Mapping[str, float]) -> None:
        """New values by name. JSON has no word for one that is no number: such are left out."""
        self._last |= {name: score for name, score in scores.items() if math.isfinite(score)}
        if time.monotonic() >= self._next:
            self.tell()
            self._next = time.monotonic() + _BETWEEN

    def tell(self) -> None:
        """Report what is new since the last report."""
        for name, score in self._last.items():
            self._job.metric(name, score)
        self._last.clear()
