"""Tags of whatever SageMaker gives an ARN."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Table, select

from skewless.control.errors import invalid
from skewless.control.plane import Members, Plane, operation
from skewless.control.tags import drop_tags, put_tags, tags_of
from skewless.store.tables import ENDPOINT_CONFIGS, ENDPOINTS, JOBS, MODELS

_TAGGED: Final[dict[str, Table]] = {
    "model": MODELS,
    "endpoint-config": ENDPOINT_CONFIGS,
    "endpoint": ENDPOINTS,
    "training-job": JOBS,
    "processing-job": JOBS,
    "transform-job": JOBS,
}
"""Where things stand, by the kind in their ARN."""


@operation("sagemaker", "AddTags")
def add_tags(plane: Plane, request: Members) -> Members:
    """Add tags or give them new values; the answer has all that there are then."""
    with plane.store.begin() as connection:
        arn = _existing(connection, request["ResourceArn"])
        put_tags(connection, arn, request["Tags"])
        return {"Tags": _answered(connection, arn)}


@operation("sagemaker", "ListTags", ignores=("MaxResults", "NextToken"))
def list_tags(plane: Plane, request: Members) -> Members:
    """The tags of one thing, by key: all in one page, since MaxResults is never below the most that there can be."""
    with plane.store.begin() as connection:
        return {"Tags": _answered(connection, _existing(connection, request["ResourceArn"]))}


@operation("sagemaker", "DeleteTags")
def delete_tags(plane: Plane, request: Members) -> Members:
    """Delete tags; a key that there is no tag of changes nothing."""
    with plane.store.begin() as connection:
        drop_tags(connection, _existing(connection, request["ResourceArn"]), request["TagKeys"])
    return {}


def _answered(connection: Connection, arn: str) -> list[Members]:
    return [{"Key": key, "Value": value} for key, value in tags_of(connection, arn).items()]


def _existing(connection: Connection, given: str) -> str:
    """The ARN as the store has it. ValidationException where nothing has it."""
    head, slash, name = given.partition("/")
    arn = f"{head}{slash}{name.lower()}"  # AWS takes the name in any case
    table = _TAGGED.get(head.split(":")[5])
    if table is None or connection.execute(select(table.c.arn).where(table.c.arn == arn)).first() is None:
        raise invalid(
            f'Could not find "{given}": no model, endpoint configuration, endpoint or job has this ARN.'
        )
    return arn
