"""The steps that a training job goes through: its SecondaryStatus, and the transitions that clients show."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from skewless.control.plane import Members, present, seconds
from skewless.control.run import End
from skewless.control.states import States
from skewless.store.tables import JOBS, TRANSITIONS

_ANY_END: Final = ("Failed", "Stopped", "MaxRuntimeExceeded")

STEPS: Final = States(
    "training job",
    {
        "Starting": ("Downloading", "Stopping", "Completed", *_ANY_END),
        "Downloading": ("Training", "Stopping", "Completed", *_ANY_END),
        "Training": ("Uploading", "Stopping", "Completed", *_ANY_END),
        "Uploading": ("Stopping", "Completed", *_ANY_END),
        # What it has learnt until then is uploaded, too.
        "Stopping": ("Uploading", "Completed", *_ANY_END),
        "Completed": (),
        "Failed": (),
        "Stopped": (),
        "MaxRuntimeExceeded": (),
    },
)

_LAST: Final[dict[End, tuple[str, str]]] = {
    "Completed": ("Completed", "Training job completed"),
    "Failed": ("Failed", "Training job failed"),
    "Stopped": ("Stopped", "Training job stopped"),
    "TimedOut": ("MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided"),
}


def first(connection: Connection, kind: str, name: str, now: int) -> None:
    """The step that every job begins with."""
    _write(connection, kind, name, 0, "Starting", "Preparing the instances for training", now)


def go(connection: Connection, row: Row[Any], status: str, message: str, now: int) -> None:
    """Go on to another step. IllegalStep where it does not follow.

    A step that a job tells after it was asked to stop may have been told before it heard so: it is passed over.
    """
    if row.secondary == "Stopping" and status in ("Downloading", "Training"):
        return
    _go(connection, row, STEPS.step(row.name, row.secondary, status), message, now)


def last(connection: Connection, row: Row[Any], end: End, reason: str | None, now: int) -> None:
    """The step that a job ends with, which says why it failed."""
    # The limit that comes up while a job is stopping does not change why it was stopped.
    status, message = _LAST["Stopped" if end == "TimedOut" and row.status == "Stopping" else end]
    _go(connection, row, STEPS.step(row.name, row.secondary, status), reason or message, now)
    connection.execute(update(TRANSITIONS).where(*_of(row), TRANSITIONS.c.ended.is_(None)).values(ended=now))


def told(connection: Connection, row: Row[Any]) -> list[Members]:
    """SecondaryStatusTransitions of a job."""
    rows = connection.execute(select(TRANSITIONS).where(*_of(row)).order_by(TRANSITIONS.c.number)).all()
    return [
        present(
            {
                "Status": step.status,
                "StatusMessage": step.message,
                "StartTime": seconds(step.started),
                "EndTime": seconds(step.ended),
            }
        )
        for step in rows
    ]


def forget(connection: Connection, kind: str, name: str) -> None:
    """Delete the steps of a job that is deleted."""
    connection.execute(delete(TRANSITIONS).where(TRANSITIONS.c.kind == kind, TRANSITIONS.c.name == name))


def _of(row: Row[Any]) -> tuple[Any, Any]:
    return TRANSITIONS.c.kind == row.kind, TRANSITIONS.c.name == row.name


def _go(connection: Connection, row: Row[Any], status: str, message: str, now: int) -> None:
    connection.execute(update(TRANSITIONS).where(*_of(row), TRANSITIONS.c.ended.is_(None)).values(ended=now))
    number = connection.execute(select(func.count()).select_from(TRANSITIONS).where(*_of(row))).scalar_one()
    _write(connection, row.kind, row.name, number, status, message, now)


def _write(
    connection: Connection, kind: str, name: str, number: int, status: str, message: str, now: int
) -> None:
    connection.execute(
        insert(TRANSITIONS).values(
            kind=kind, name=name, number=number, status=status, message=message, started=now
        )
    )
    connection.execute(
        update(JOBS).where(JOBS.c.kind == kind, JOBS.c.name == name).values(secondary=status, modified=now)
    )
