"""Metrics that a job reads from its log: the number that each definition's regular expression finds in a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final

from skewless.jobs.job import Job
from skewless.jobs.scores import Scores

_TAB: Final = "#011"
"""How CloudWatch shows a tab, and how published expressions write it."""

_LONGEST: Final = 4096
"""Characters of a line that are searched: an expression may take very long on a very long line."""


class MetricDefinitions:
    """Looks for metrics in the lines of a program, which come from several threads."""

    def __init__(self, job: Job, given: Iterable[Mapping[str, str]]) -> None:
        self._expressions = [(one["Name"], re.compile(one["Regex"])) for one in given]
        self._scores = Scores(job)
        self._lock = Lock()

    def look(self, line: str) -> None:
        """Note what the definitions find in a line."""
        if not self._expressions:
            return
        found = self.found(line)
        if found:
            with self._lock:
                self._scores.note(found)

    def tell(self) -> None:
        """Report what is new."""
        with self._lock:
            self._scores.tell()

    def found(self, line: str) -> dict[str, float]:
        """The numbers in a line, by the names of their metrics."""
        searched = line[:_LONGEST]
        forms = (searched, searched.replace("\t", _TAB)) if "\t" in searched else (searched,)
        return {
            name: number
            for name, expression in self._expressions
            for number in [_number(expression, forms)]
            if number is not None
        }


def _number(expression: re.Pattern[str], forms: Iterable[str]) -> float | None:
    for form in forms:
        match = expression.search(form)
        if match:
            try:
                return float(match[1] or "")
            except ValueError:
                return None
    return None
