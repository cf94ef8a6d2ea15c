"""Glue jobs: their definitions and tags. What runs of them do is in `glue_runs`."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, literal, select, update

from skewless.control.errors import ServiceError
from skewless.control.glue_definition import IGNORED, definition, not_found, refused
from skewless.control.glue_states import STATES
from skewless.control.pages import page
from skewless.control.plane import Members, Plane, operation, seconds
from skewless.control.tags import MOST, drop_tags, put_tags, tags_of
from skewless.store.tables import GLUE_JOBS, GLUE_RUNS, TAGS

_PAGE: Final = 100


@operation("glue", "CreateJob", ignores=IGNORED)
def create_job(plane: Plane, request: Members) -> Members:
    """Write a job down. The very same request again changes nothing; another one of that name is refused."""
    name = request["Name"]
    with plane.store.begin() as connection:
        kept = definition(plane, connection, request)
        there = _row(connection, name)
        if there is not None and there.request != kept:
            raise ServiceError(
                "IdempotentParameterMismatchException",
                f"Job with name {name} already submitted with different configuration. Use UpdateJob to change it.",
            )
        if there is None:
            now = plane.now()
            connection.execute(insert(GLUE_JOBS).values(name=name, created=now, modified=now, request=kept))
            _put(connection, plane.names.glue("job", name), request.get("Tags", {}))
    return {"Name": name}


@operation("glue", "GetJob")
def get_job(plane: Plane, request: Members) -> Members:
    """One job."""
    with plane.store.begin() as connection:
        return {"Job": _described(job_row(connection, request["JobName"]))}


@operation("glue", "GetJobs")
def get_jobs(plane: Plane, request: Members) -> Members:
    """All jobs, by name."""
    with plane.store.begin() as connection:
        rows, token = _page(connection, request, "GetJobs", [])
    return {"Jobs": [_described(row) for row in rows]} | ({"NextToken": token} if token else {})


@operation("glue", "ListJobs")
def list_jobs(plane: Plane, request: Members) -> Members:
    """The names of all jobs, or of those that have all of some tags."""
    arn = literal(plane.names.glue("job", "")) + GLUE_JOBS.c.name
    tags = sorted(request.get("Tags", {}).items())
    tagged = [
        exists().where(TAGS.c.arn == arn, TAGS.c.key == key, TAGS.c.value == value) for key, value in tags
    ]
    with plane.store.begin() as connection:
        rows, token = _page(connection, request, "ListJobs", tagged)
    return {"JobNames": [row.name for row in rows]} | ({"NextToken": token} if token else {})


@operation("glue", "BatchGetJobs")
def batch_get_jobs(plane: Plane, request: Members) -> Members:
    """The jobs of these names, and which of the names are of none."""
    names = list(dict.fromkeys(request["JobNames"]))
    with plane.store.begin() as connection:
        rows = connection.execute(select(GLUE_JOBS).where(GLUE_JOBS.c.name.in_(names))).all()
    found = {row.name: _described(row) for row in rows}
    return {
        "Jobs": [found[name] for name in names if name in found],
        "JobsNotFound": [name for name in names if name not in found],
    }


@operation("glue", "UpdateJob", ignores=tuple(f"JobUpdate.{member}" for member in IGNORED))
def update_job(plane: Plane, request: Members) -> Members:
    """Replace a job's definition as a whole. Runs that have started keep the one they started with."""
    name = request["JobName"]
    with plane.store.begin() as connection:
        job_row(connection, name)
        kept = definition(plane, connection, request["JobUpdate"])
        changed = update(GLUE_JOBS).where(GLUE_JOBS.c.name == name).values(modified=plane.now(), request=kept)
        connection.execute(changed)
    return {"JobName": name}


@operation("glue", "DeleteJob")
def delete_job(plane: Plane, request: Members) -> Members:
    """Remove a job with its past runs; those under way go on. What is not there is no error, as on AWS."""
    name = request["JobName"]
    past = GLUE_RUNS.c.state.not_in(STATES.alive)
    with plane.store.begin() as connection:
        connection.execute(delete(GLUE_RUNS).where(GLUE_RUNS.c.job == name, past))
        connection.execute(delete(GLUE_JOBS).where(GLUE_JOBS.c.name == name))
        drop_tags(connection, plane.names.glue("job", name))
    return {"JobName": name}


@operation("glue", "TagResource")
def tag_resource(plane: Plane, request: Members) -> Members:
    """Set tags of a job."""
    with plane.store.begin() as connection:
        _tagged_job(plane, connection, request["ResourceArn"])
        _put(connection, request["ResourceArn"], request["TagsToAdd"])
    return {}


@operation("glue", "UntagResource")
def untag_resource(plane: Plane, request: Members) -> Members:
    """Remove tags of a job."""
    with plane.store.begin() as connection:
        _tagged_job(plane, connection, request["ResourceArn"])
        drop_tags(connection, request["ResourceArn"], request["TagsToRemove"])
    return {}


@operation("glue", "GetTags")
def get_tags(plane: Plane, request: Members) -> Members:
    """The tags of a job."""
    with plane.store.begin() as connection:
        _tagged_job(plane, connection, request["ResourceArn"])
        return {"Tags": tags_of(connection, request["ResourceArn"])}


def job_row(connection: Connection, name: str) -> Row[Any]:
    """A job's row. EntityNotFoundException where there is none."""
    row = _row(connection, name)
    if row is None:
        raise not_found(f"Job {name} not found.")
    return row


def bad_token() -> ServiceError:
    """Glue's refusal of a NextToken."""
    return refused("The NextToken is not valid: pass it as it came, to the same list.")


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(GLUE_JOBS).where(GLUE_JOBS.c.name == name)).first()


def _page(
    connection: Connection, request: Members, operation_name: str, where: list[Any]
) -> tuple[list[Row[Any]], str | None]:
    return page(
        connection,
        select(GLUE_JOBS).where(*where),
        [GLUE_JOBS.c.name],
        size=request.get("MaxResults", _PAGE),
        token=request.get("NextToken"),
        scope=[operation_name, request.get("Tags", {})],
        refusal=bad_token(),
    )


def _described(row: Row[Any]) -> Members:
    request: Members = row.request
    times = {"CreatedOn": seconds(row.created), "LastModifiedOn": seconds(row.modified)}
    return {"Name": row.name} | request | times


def _tagged_job(plane: Plane, connection: Connection, arn: str) -> None:
    start = plane.names.glue("job", "")
    if not arn.startswith(start):
        raise refused(f"{arn} is no ARN of a job of this account and region; only jobs have tags here.")
    job_row(connection, arn.removeprefix(start))


def _put(connection: Connection, arn: str, tags: dict[str, str]) -> None:
    if any("\0" in text for text in (*tags, *tags.values())):
        raise refused(
            "Tags cannot hold the character NUL."
        )  # PostgreSQL keeps none, and Glue gives no pattern
    refusal = refused(f"The number of tags exceeds the limit of {MOST} tags of one job.")
    put_tags(connection, arn, [{"Key": key, "Value": value} for key, value in tags.items()], refusal)
