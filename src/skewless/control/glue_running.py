"""Runs of Glue jobs as the supervisor sees them: one `Kind` of job."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from skewless.control.glue_runs import LOG_GROUP, runs_under_way
from skewless.control.glue_states import STATES
from skewless.control.plane import Members, Plane
from skewless.control.run import End, Run
from skewless.control.states import IllegalStep
from skewless.store.tables import GLUE_JOBS, GLUE_RUNS

KIND: Final = "glue"
_STATE: Final[dict[End, str]] = {
    "Completed": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "STOPPED",
    "TimedOut": "TIMEOUT",
}
_ORPHANED: Final = (
    "The service stopped while the job run was in progress. It is not known how far the script came; "
    "check what it wrote, and start the run again."
)


def to_start(plane: Plane, /) -> list[Run]:
    """Runs that wait for a process; those that queued behind others of their job join when there is room."""
    with plane.store.begin() as connection:
        for row in _in_state(connection, "WAITING"):
            if runs_under_way(connection, row.job) < row.request["ExecutionProperty"]["MaxConcurrentRuns"]:
                _move(plane, connection, row, "STARTING")
        return [_run(plane, row) for row in _in_state(connection, "STARTING")]


def to_stop(plane: Plane, /) -> list[str]:
    """Runs that were asked to stop."""
    with plane.store.begin() as connection:
        return [row.id for row in _in_state(connection, "STOPPING")]


def began(plane: Plane, name: str, /) -> bool:
    """Claim a run that is STARTING."""
    with plane.store.begin() as connection:
        row = _row(connection, name)
        if row is None or row.state != "STARTING":
            return False
        _move(plane, connection, row, "RUNNING", began=plane.now())
    return True


def progress(plane: Plane, name: str, line: Members, /) -> None:
    """A Glue run shows no steps between its start and its end."""


def ended(plane: Plane, name: str, end: End, reason: str | None, _: Members, /) -> None:
    """Write down how a run ended, and start the next attempt of a failed one that has retries left."""
    with plane.store.begin() as connection:
        row = _row(connection, name)
        if row is None:
            raise IllegalStep(f"there is no Glue job run {name} that could end")
        _end(plane, connection, row, end, reason)


def orphans(plane: Plane, /) -> list[str]:
    """Runs that had a process are FAILED: what their script did in part is the user's to look at."""
    with plane.store.begin() as connection:
        lost = _in_state(connection, "RUNNING")
        for row in lost:
            _end(plane, connection, row, "Failed", _ORPHANED)
        stopping = _in_state(connection, "STOPPING")
        for row in stopping:
            _end(plane, connection, row, "Stopped", None)
        return [row.id for row in (*lost, *stopping)]


def _run(plane: Plane, row: Row[Any]) -> Run:
    asked = row.request
    arguments = asked["DefaultArguments"] | asked["Arguments"] | asked.get("NonOverridableArguments", {})
    return Run(
        kind=KIND,
        name=row.id,
        arn=plane.names.glue("job", row.job),
        request=asked | {"Arguments": arguments},
        log_group=f"{LOG_GROUP}/output",
        log_stream=row.id,
        error_group=f"{LOG_GROUP}/error",
        limit=asked["Timeout"] * 60,
    )


def _end(plane: Plane, connection: Connection, row: Row[Any], end: End, reason: str | None) -> None:
    # Whatever the process made of the signal: who asked for a stop is told that it stopped.
    state = "STOPPED" if row.state == "STOPPING" else _STATE[end]
    if state == "TIMEOUT":
        reason = reason or f"The job run took longer than its Timeout of {row.request['Timeout']} minutes."
    error = reason if state in ("FAILED", "TIMEOUT") else None
    _move(plane, connection, row, state, completed=plane.now(), error=error)
    if state == "FAILED" and row.attempt < row.request["MaxRetries"]:
        _try_again(plane, connection, row)


def _try_again(plane: Plane, connection: Connection, row: Row[Any]) -> None:
    if connection.execute(select(GLUE_JOBS.c.name).where(GLUE_JOBS.c.name == row.job)).first() is None:
        return
    attempt, now = row.attempt + 1, plane.now()
    connection.execute(
        insert(GLUE_RUNS).values(
            id=f"{row.id.partition('_attempt_')[0]}_attempt_{attempt}",
            job=row.job,
            attempt=attempt,
            state="STARTING",
            started=now,
            modified=now,
            request=row.request | {"PreviousRunId": row.id},
        )
    )


def _move(plane: Plane, connection: Connection, row: Row[Any], state: str, **values: Any) -> None:
    values |= {"state": STATES.step(row.id, row.state, state), "modified": plane.now()}
    connection.execute(update(GLUE_RUNS).where(GLUE_RUNS.c.id == row.id).values(values))


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(GLUE_RUNS).where(GLUE_RUNS.c.id == name)).first()


def _in_state(connection: Connection, state: str) -> list[Row[Any]]:
    order = (GLUE_RUNS.c.started, GLUE_RUNS.c.id)
    return list(
        connection.execute(select(GLUE_RUNS).where(GLUE_RUNS.c.state == state).order_by(*order)).all()
    )
