"""The worker's side of measuring calls in a process: it waits, and runs a round when it is told to.

So ways in different environments take turns on one core, and what disturbs the machine disturbs all of them. Only the
standard library is needed here, since the peers' environments have nothing of ours.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from time import perf_counter_ns
from typing import Any, Final

ANSWERS: Final = "BENCH_ANSWERS"
"""The variable with the number of the file descriptor for answers."""


@dataclass(frozen=True)
class Case:
    """One thing to measure: a call, and the distinct arguments that it gets in turn."""

    call: Callable[[Any], Any]
    rows: Sequence[Any]
    plain: Callable[[Any], Any] = lambda answer: answer
    """The answer in a form that compares with the others': a text, a number, or a list of such."""


def answer_rounds(cases: Mapping[str, Case], about: Mapping[str, str] | None = None) -> None:
    """Serve until standard input ends. Answers go where no library prints: into the pipe that the environment names."""
    out = os.fdopen(int(os.environ[ANSWERS]), "w")
    turns = {name: cycle(case.rows) for name, case in cases.items()}

    def tell(what: Any) -> None:
        print(json.dumps(what), file=out, flush=True)

    tell({"cases": list(cases), "about": dict(about or {})})
    for line in sys.stdin:
        asked = json.loads(line)
        case = cases[asked["case"]]
        if "answers" in asked:
            tell([case.plain(case.call(row)) for row in case.rows[: asked["answers"]]])
        elif "each" in asked:
            tell(_each(case.call, list(islice(turns[asked["case"]], asked["each"]))))
        else:
            tell(_all(case.call, list(islice(turns[asked["case"]], asked["calls"]))))


def _all(call: Callable[[Any], Any], rows: Sequence[Any]) -> float:
    """Nanoseconds a call, of all together."""
    begin = perf_counter_ns()
    for row in rows:
        call(row)
    return (perf_counter_ns() - begin) / len(rows)


def _each(call: Callable[[Any], Any], rows: Sequence[Any]) -> list[int]:
    """Nanoseconds of every call by itself, the clock's own cost included."""
    spent = []
    for row in rows:
        begin = perf_counter_ns()
        call(row)
        spent.append(perf_counter_ns() - begin)
    return spent
