"""The driver's side of measuring calls in processes: workers that take turns on one core."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from benchmarks.environments import NotThere
from benchmarks.peers.rounds import ANSWERS
from benchmarks.places import Budget, cores
from benchmarks.processes import ONE_THREAD, on, start, stop

_CALIBRATE: Final = 0.02
_WARMER: Final = 3
"""The part of a turn's calls that are made before it, and not counted."""


@dataclass(frozen=True)
class Worker:
    """A process with cases, which waits."""

    process: subprocess.Popen[bytes]
    answers: IO[bytes]
    log: Path
    cases: Sequence[str] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Any:
        """Its next answer. NotThere where it has ended."""
        line = self.answers.readline()
        if not line:
            raise NotThere(last_words(self.log))
        return json.loads(line)

    def ask(self, **what: Any) -> Any:
        """One message and its answer. NotThere where the process has ended."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NotThere(last_words(self.log)) from None
        return self.read()


def last_words(log: Path) -> str:
    """The last line of what a process said: most often the exception."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it ended without a word"


@contextmanager
def worker(python: Path, module: str, *arguments: str, folder: Path) -> Iterator[Worker]:
    """A worker on the server's core, until the block ends. NotThere where it cannot start."""
    log = folder / f"{module.rpartition('.')[2]}-{'-'.join(arguments)}.log".replace("/", "_")
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as answers:
        with on(cores()[0]):
            process = start(
                (python, "-m", module, folder, *arguments),
                log=log,
                more={**ONE_THREAD, ANSWERS: str(writing)},
                stdin=subprocess.PIPE,
                pass_fds=[writing],
            )
        os.close(writing)
        try:
            waiting = Worker(process, answers, log)
            yield replace(waiting, **waiting.read())
        finally:
            stop(process)


Wanted: TypeAlias = Mapping[str, tuple[str, Path | NotThere, Sequence[str]]]


@dataclass
class Rivals:
    """Workers side by side, each with cases; those that are not there are named with the reason."""

    workers: dict[str, Worker]
    absent: dict[str, str]

    @property
    def cases(self) -> list[str]:
        """All cases, in the order of their workers."""
        every = [case for one in self.workers.values() for case in one.cases]
        return [case for case in every if case not in self.absent]

    def leave_out(self, case: str, reason: str) -> None:
        """A case that is not to be measured."""
        self.absent[case] = reason

    @property
    def about(self) -> dict[str, str]:
        """What the workers say of their versions."""
        return {name: text for one in self.workers.values() for name, text in one.about.items()}

    def ask(self, case: str, **what: Any) -> Any:
        """The worker that has the case."""
        return next(one for one in self.workers.values() if case in one.cases).ask(case=case, **what)

    def answers(self, case: str, rows: int) -> list[Any]:
        """What it answers for the first rows."""
        found: list[Any] = self.ask(case, answers=rows)
        return found

    def measure(self, budget: Budget, cases: Sequence[str] | None = None) -> dict[str, list[float]]:
        """Nanoseconds a call, by case and round. Warmed; the cases take turns."""
        chosen = self.cases if cases is None else cases
        calls = {}
        for case in chosen:
            once = self.ask(case, calls=3)
            once = self.ask(case, calls=max(3, int(_CALIBRATE * 1e9 / once)))
            calls[case] = max(1, int(budget.round * 1e9 / once))
        found: dict[str, list[float]] = {case: [] for case in chosen}
        for _ in range(budget.rounds):
            for case in chosen:
                if calls[case] > _WARMER:  # what waited for its turn has cold caches
                    self.ask(case, calls=calls[case] // _WARMER)
                found[case].append(self.ask(case, calls=calls[case]))
        return found


@contextmanager
def rivals(folder: Path, wanted: Wanted) -> Iterator[Rivals]:
    """Start workers by name: (module, its Python or why there is none, arguments)."""
    with ExitStack() as stack:
        made = Rivals({}, {})
        for name, (module, python, arguments) in wanted.items():
            try:
                if isinstance(python, NotThere):
                    raise python
                made.workers[name] = stack.enter_context(worker(python, module, *arguments, folder=folder))
            except NotThere as reason:
                made.absent[name] = str(reason)
        yield made
