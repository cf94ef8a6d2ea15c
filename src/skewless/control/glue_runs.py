"""Runs of Glue jobs as clients see them: start, look at, stop."""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from skewless.control.errors import ServiceError
from skewless.control.glue_definition import CAPACITY, capacity, not_found, refused, timeout
from skewless.control.glue_jobs import bad_token, job_row
from skewless.control.glue_states import STATES, UNDER_WAY
from skewless.control.pages import page
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.roles import GLUE, require_role
from skewless.store.tables import GLUE_JOBS, GLUE_RUNS

LOG_GROUP: Final = "/aws-glue/jobs"
_PAGE: Final = 200

_SHOWN: Final = (
    "PreviousRunId",
    "JobMode",
    "JobRunQueuingEnabled",
    "Arguments",
    "Timeout",
    *CAPACITY,
    "SecurityConfiguration",
    "NotificationProperty",
    "GlueVersion",
    "ExecutionClass",
    "MaintenanceWindow",
    "ExecutionRoleSessionPolicy",
)
"""Members of what is kept of a run that answers have."""


@operation(
    "glue",
    "StartJobRun",
    ignores=(
        *CAPACITY,
        "SecurityConfiguration",
        "NotificationProperty",
        "ExecutionClass",
        "ExecutionRoleSessionPolicy",
    ),
)
def start_job_run(plane: Plane, request: Members) -> Members:
    """Start a run of a job, or the same run again (``JobRunId``). Where runs are queued it may have to wait."""
    name = request["JobName"]
    with plane.store.begin() as connection:
        if connection.execute(select(GLUE_JOBS.c.name).where(GLUE_JOBS.c.name == name)).first() is None:
            raise not_found(f"Failed to start job run due to missing metadata. There is no job {name}.")
        before = _run_to_repeat(connection, request)
        kept = _asked(job_row(connection, name), request, before)
        require_role(plane, connection, kept["Role"], GLUE)
        state = _first_state(connection, name, kept)
        run = f"jr_{secrets.token_hex(32)}"
        now = plane.now()
        connection.execute(
            insert(GLUE_RUNS).values(
                id=run, job=name, attempt=0, state=state, started=now, modified=now, request=kept
            )
        )
    plane.wake()
    return {"JobRunId": run}


@operation("glue", "GetJobRun", ignores=("PredecessorsIncluded",))
def get_job_run(plane: Plane, request: Members) -> Members:
    """One run."""
    with plane.store.begin() as connection:
        row = _run(connection, request["JobName"], request["RunId"])
    if row is None:
        raise not_found(f"Job run {request['RunId']} of job {request['JobName']} not found.")
    return {"JobRun": _described(row, plane.now())}


@operation("glue", "GetJobRuns")
def get_job_runs(plane: Plane, request: Members) -> Members:
    """The runs of a job, newest first."""
    with plane.store.begin() as connection:
        job_row(connection, request["JobName"])
        rows, token = page(
            connection,
            select(GLUE_RUNS).where(GLUE_RUNS.c.job == request["JobName"]),
            [GLUE_RUNS.c.started, GLUE_RUNS.c.id],
            size=request.get("MaxResults", _PAGE),
            token=request.get("NextToken"),
            scope=["GetJobRuns", request["JobName"]],
            refusal=bad_token(),
            descending=True,
        )
    runs = [_described(row, plane.now()) for row in rows]
    return {"JobRuns": runs} | ({"NextToken": token} if token else {})


@operation("glue", "BatchStopJobRun")
def batch_stop_job_run(plane: Plane, request: Members) -> Members:
    """Ask runs to stop; each that cannot is named with its error."""
    job, stopped, errors = request["JobName"], [], []
    with plane.store.begin() as connection:
        for run in dict.fromkeys(request["JobRunIds"]):
            error = _stop(plane, connection, job, run)
            if error is None:
                stopped.append({"JobName": job, "JobRunId": run})
            else:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"JobName": job, "JobRunId": run, "ErrorDetail": detail})
    plane.wake()
    return {"SuccessfulSubmissions": stopped, "Errors": errors}


def runs_under_way(connection: Connection, job: str) -> int:
    """How many runs of a job count against its MaxConcurrentRuns."""
    which = (GLUE_RUNS.c.job == job, GLUE_RUNS.c.state.in_(UNDER_WAY))
    return connection.execute(select(func.count()).select_from(GLUE_RUNS).where(*which)).scalar_one()


def _asked(job: Row[Any], request: Members, before: Row[Any] | None) -> Members:
    """The job as it is now, with what the run asks for in the place of what the job says."""
    asked = {name: value for name, value in request.items() if name not in ("JobName", "JobRunId", *CAPACITY)}
    arguments = request.get("Arguments", before.request["Arguments"] if before else {})
    fixed = job.request.get("NonOverridableArguments", {}).keys() & arguments.keys()
    if fixed:
        raise refused(f"The job's NonOverridableArguments cannot be overridden: {', '.join(sorted(fixed))}.")
    kept: Members = job.request | asked | {"JobName": job.name, "Arguments": arguments}
    kept["Timeout"] = timeout(request, job.request["Timeout"])
    if any(member in request for member in CAPACITY):
        kept = {name: value for name, value in kept.items() if name not in CAPACITY}
        kept |= capacity(request, job.request["Command"])
    return kept | ({"PreviousRunId": before.id} if before else {})


def _run_to_repeat(connection: Connection, request: Members) -> Row[Any] | None:
    if "JobRunId" not in request:
        return None
    row = _run(connection, request["JobName"], request["JobRunId"])
    if row is None:
        raise not_found(f"Job run {request['JobRunId']} of job {request['JobName']} not found.")
    if row.state in STATES.alive:
        raise refused(f"Job run {row.id} is {row.state}; it can be started again when it has ended.")
    return row


def _first_state(connection: Connection, job: str, kept: Members) -> str:
    if runs_under_way(connection, job) < kept["ExecutionProperty"]["MaxConcurrentRuns"]:
        return "STARTING"
    if kept.get("JobRunQueuingEnabled"):
        return "WAITING"
    raise ServiceError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job}")


def _run(connection: Connection, job: str, run: str) -> Row[Any] | None:
    return connection.execute(select(GLUE_RUNS).where(GLUE_RUNS.c.job == job, GLUE_RUNS.c.id == run)).first()


def _stop(plane: Plane, connection: Connection, job: str, run: str) -> ServiceError | None:
    row = _run(connection, job, run)
    if row is None:
        return not_found(f"Job run {run} of job {job} not found.")
    if row.state not in STATES.alive:
        return ServiceError("JobRunInTerminalStateException", f"Job run {run} has ended: it is {row.state}.")
    if row.state != "STOPPING":
        values = {"state": STATES.step(run, row.state, "STOPPING"), "modified": plane.now()}
        connection.execute(update(GLUE_RUNS).where(GLUE_RUNS.c.id == run).values(values))
    return None


def _described(row: Row[Any], now: int) -> Members:
    ran = 0 if row.began is None else (row.completed or now) - row.began
    shown = {name: row.request[name] for name in _SHOWN if name in row.request}
    return shown | present(
        {
            "Id": row.id,
            "Attempt": row.attempt,
            "JobName": row.job,
            "StartedOn": seconds(row.started),
            "LastModifiedOn": seconds(row.modified),
            "CompletedOn": seconds(row.completed),
            "JobRunState": row.state,
            "ErrorMessage": row.error,
            "PredecessorRuns": [],
            "ExecutionTime": ran // 1000,
            "LogGroupName": LOG_GROUP,
            "StateDetail": "Waits for another run of its job to end." if row.state == "WAITING" else None,
        }
    )
