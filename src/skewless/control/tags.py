"""Tags of anything that has an ARN: the rows. How a service words them is that service's module's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from skewless.control.errors import ServiceError, invalid
from skewless.store.tables import TAGS

MOST: Final = 50
"""Tags that one resource may have."""


def tags_of(connection: Connection, arn: str) -> dict[str, str]:
    """The tags of a resource, by key."""
    rows = connection.execute(select(TAGS.c.key, TAGS.c.value).where(TAGS.c.arn == arn).order_by(TAGS.c.key))
    return {row.key: row.value for row in rows}


def put_tags(
    connection: Connection,
    arn: str,
    tags: Iterable[Mapping[str, str]],
    refusal: ServiceError | None = None,
) -> None:
    """Set these tags (``Key``, ``Value``); others stay. More than `MOST`: ``refusal``, or SageMaker's."""
    new = {tag["Key"]: tag["Value"] for tag in tags}
    if len(tags_of(connection, arn).keys() | new.keys()) > MOST:
        raise refusal or invalid(f"The number of tags exceeds the limit of {MOST} tags of one resource.")
    if new:
        drop_tags(connection, arn, new.keys())
        connection.execute(insert(TAGS), [{"arn": arn, "key": key, "value": new[key]} for key in new])


def drop_tags(connection: Connection, arn: str, keys: Collection[str] | None = None) -> None:
    """Remove the tags of these keys, or all; what is not there is no error."""
    of_keys = [] if keys is None else [TAGS.c.key.in_(keys)]
    connection.execute(delete(TAGS).where(TAGS.c.arn == arn, *of_keys))
