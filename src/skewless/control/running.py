"""What the supervisor asks the state, and tells it, about jobs of every kind. Only it calls these functions.

The order of things: a run in ``to_start`` is claimed with ``began``; only then is its process started, so that a crash
in between leaves an orphan and never two processes. What the process writes goes to ``progress``, its end to ``ended``.
A run in ``to_stop`` that has no process (it was stopped before it began) is told as ``ended`` with Stopped at once.
"""

from __future__ import annotations

from typing import Final

from skewless.control import glue_running
from skewless.control.plane import Members, Plane
from skewless.control.processing_jobs import PROCESSING
from skewless.control.run import End, Kind, Run
from skewless.control.training_jobs import TRAINING
from skewless.control.transform_jobs import TRANSFORM

KINDS: Final[dict[str, Kind]] = {
    glue_running.KIND: glue_running,
    **{jobs.kind: jobs for jobs in (TRAINING, PROCESSING, TRANSFORM)},
}
"""The kinds of job there are."""


def to_start(plane: Plane) -> list[Run]:
    """Runs that wait for a process, the longest-waiting of each kind first."""
    return [run for kind in KINDS.values() for run in kind.to_start(plane)]


def to_stop(plane: Plane) -> list[tuple[str, str]]:
    """Kind and name of what shall stop."""
    return [(name, run) for name, kind in KINDS.items() for run in kind.to_stop(plane)]


def began(plane: Plane, kind: str, name: str) -> bool:
    """Claim a run just before its process is started; False where it is no longer wanted, and must not start."""
    return KINDS[kind].began(plane, name)


def progress(plane: Plane, kind: str, name: str, line: Members) -> None:
    """One line that the job wrote: its next step (``secondary``, ``message``) or a figure (``metric``, ``value``)."""
    KINDS[kind].progress(plane, name, line)


def ended(
    plane: Plane, kind: str, name: str, end: End, reason: str | None = None, result: Members | None = None
) -> None:
    """The process is gone. ``reason`` says what happened to people; ``result`` is what the job reported.

    IllegalStep where the run has ended already or was never claimed.
    """
    KINDS[kind].ended(plane, name, end, reason, result or {})


def orphans(plane: Plane) -> list[tuple[str, str]]:
    """At a gateway's start, before anything else: end the runs whose process died with the gateway before.

    Gives their kinds and names, for what is left of them to be cleared away.
    """
    return [(name, run) for name, kind in KINDS.items() for run in kind.orphans(plane)]
