"""IAM: execution roles, their trust policies and tags. The policies of roles are in `iam_policies`."""

from __future__ import annotations

import secrets
import string
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from skewless.control.errors import ServiceError
from skewless.control.pages import few, page
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.policies import check_trust
from skewless.control.tags import MOST, drop_tags, put_tags, tags_of
from skewless.store.tables import ATTACHED_POLICIES, ROLE_POLICIES, ROLES

MOST_ROLES: Final = 1000
MOST_TRUST: Final = 2048
"""Characters of a trust policy without its white space, as IAM counts them."""
_PAGE: Final = 100
_CONDITION: Final = "AssumeRolePolicyDocument.Statement.Condition"


@operation("iam", "CreateRole", ignores=("PermissionsBoundary", _CONDITION))
def create_role(plane: Plane, request: Members) -> Members:
    """Make a role that services may take on."""
    with plane.store.begin() as connection:
        row = insert_role(
            plane,
            connection,
            name=request["RoleName"],
            trust=request["AssumeRolePolicyDocument"],
            path=request.get("Path", "/"),
            description=request.get("Description"),
            max_session=request.get("MaxSessionDuration", 3600),
        )
        put_tags(connection, row.arn, request.get("Tags", ()), _too_many_tags())
        return {"Role": _described(row, tags_of(connection, row.arn))}


@operation("iam", "GetRole")
def get_role(plane: Plane, request: Members) -> Members:
    """One role, with its trust policy and tags."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        return {"Role": _described(row, tags_of(connection, row.arn)) | {"RoleLastUsed": {}}}


@operation("iam", "ListRoles")
def list_roles(plane: Plane, request: Members) -> Members:
    """Roles by name, without tags as on AWS."""
    prefix = request.get("PathPrefix", "/")
    with plane.store.begin() as connection:
        rows, marker = page(
            connection,
            # Not LIKE, for which the letter case of paths does not count everywhere.
            select(ROLES).where(func.substr(ROLES.c.path, 1, len(prefix)) == prefix),
            [ROLES.c.name],
            size=request.get("MaxItems", _PAGE),
            token=request.get("Marker"),
            scope=["ListRoles", prefix],
            refusal=bad_marker(),
        )
    return {"Roles": [_described(row, {}) for row in rows]} | truncated(marker)


@operation("iam", "UpdateRole")
def update_role(plane: Plane, request: Members) -> Members:
    """Change a role's description, where one is given, and its session length, which is an hour where none is."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        values = {
            "description": request.get("Description", row.description),
            "max_session": request.get("MaxSessionDuration", 3600),
        }
        connection.execute(update(ROLES).where(ROLES.c.name == row.name).values(values))
    return {}


@operation("iam", "UpdateRoleDescription")
def update_role_description(plane: Plane, request: Members) -> Members:
    """Change a role's description alone."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        new = update(ROLES).where(ROLES.c.name == row.name).values(description=request["Description"])
        connection.execute(new)
        row = role_row(connection, row.name)
        return {"Role": _described(row, tags_of(connection, row.arn))}


@operation("iam", "UpdateAssumeRolePolicy", ignores=("PolicyDocument.Statement.Condition",))
def update_assume_role_policy(plane: Plane, request: Members) -> Members:
    """Replace a role's trust policy. What runs already goes on."""
    trust = _checked_trust(request["PolicyDocument"])
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        connection.execute(update(ROLES).where(ROLES.c.name == row.name).values(trust=trust))
    return {}


@operation("iam", "DeleteRole")
def delete_role(plane: Plane, request: Members) -> Members:
    """Remove a role that has no policies any more."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        for table, what in ((ATTACHED_POLICIES, "detach all policies"), (ROLE_POLICIES, "delete policies")):
            if connection.execute(select(table.c.role).where(table.c.role == row.name)).first():
                raise ServiceError("DeleteConflict", f"Cannot delete entity, must {what} first.")
        connection.execute(delete(ROLES).where(ROLES.c.name == row.name))
        drop_tags(connection, row.arn)
    return {}


@operation("iam", "TagRole")
def tag_role(plane: Plane, request: Members) -> Members:
    """Set tags of a role."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        put_tags(connection, row.arn, request["Tags"], _too_many_tags())
    return {}


@operation("iam", "UntagRole")
def untag_role(plane: Plane, request: Members) -> Members:
    """Remove tags of a role."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        drop_tags(connection, row.arn, request["TagKeys"])
    return {}


@operation("iam", "ListRoleTags")
def list_role_tags(plane: Plane, request: Members) -> Members:
    """The tags of a role, by key."""
    with plane.store.begin() as connection:
        row = role_row(connection, request["RoleName"])
        tags = _tag_list(tags_of(connection, row.arn))
    return listed("Tags", tags, "ListRoleTags", request)


def insert_role(
    plane: Plane,
    connection: Connection,
    *,
    name: str,
    trust: str,
    path: str = "/",
    description: str | None = None,
    max_session: int = 3600,
) -> Row[Any]:
    """Write a new role and give its row. Refuses a name that is taken, whatever its letter case, as IAM does."""
    trust = _checked_trust(trust)
    taken = select(ROLES.c.name).where(func.lower(ROLES.c.name) == name.lower())
    if connection.execute(taken).first():
        raise ServiceError("EntityAlreadyExists", f"Role with name {name} already exists.")
    if connection.execute(select(func.count()).select_from(ROLES)).scalar_one() >= MOST_ROLES:
        raise limit(f"Cannot exceed quota for RolesPerAccount: {MOST_ROLES}")
    connection.execute(
        insert(ROLES).values(
            name=name,
            id=_role_id(),
            arn=plane.names.role(path, name),
            path=path,
            description=description,
            trust=trust,
            max_session=max_session,
            created=plane.now(),
        )
    )
    return role_row(connection, name)


def role_row(connection: Connection, name: str) -> Row[Any]:
    """A role's row. NoSuchEntity where there is none."""
    row = connection.execute(select(ROLES).where(ROLES.c.name == name)).first()
    if row is None:
        raise no_such(f"The role with name {name} cannot be found.")
    return row


def listed(member: str, items: list[Any], operation_name: str, request: Members) -> Members:
    """A page of a short list of one role."""
    scope = [operation_name, request["RoleName"], request.get("PathPrefix")]
    some, marker = few(
        items,
        size=request.get("MaxItems", _PAGE),
        token=request.get("Marker"),
        scope=scope,
        refusal=bad_marker(),
    )
    return {member: some} | truncated(marker)


def truncated(marker: str | None) -> Members:
    """The members that say whether a list goes on."""
    return {"IsTruncated": True, "Marker": marker} if marker else {"IsTruncated": False}


def no_such(message: str) -> ServiceError:
    """IAM's refusal where something is not there."""
    return ServiceError("NoSuchEntity", message)


def limit(message: str) -> ServiceError:
    """IAM's refusal where there would be too much."""
    return ServiceError("LimitExceeded", message)


def bad_marker() -> ServiceError:
    """IAM's refusal of a Marker."""
    return ServiceError("ValidationError", "Invalid Marker: pass it as it came, to the same list.")


def encoded(document: str) -> str:
    """A policy document as IAM's answers have it: by RFC 3986, which clients undo."""
    return quote(document, safe="-_.~")


def _described(row: Row[Any], tags: dict[str, str]) -> Members:
    return present(
        {
            "Path": row.path,
            "RoleName": row.name,
            "RoleId": row.id,
            "Arn": row.arn,
            "CreateDate": seconds(row.created),
            "AssumeRolePolicyDocument": encoded(row.trust),
            "Description": row.description,
            "MaxSessionDuration": row.max_session,
            "Tags": _tag_list(tags) or None,
        }
    )


def _checked_trust(document: str) -> str:
    check_trust(document)
    if len("".join(document.split())) > MOST_TRUST:
        raise limit(f"Cannot exceed quota for ACLSizePerRole: {MOST_TRUST}")
    return document


def _too_many_tags() -> ServiceError:
    return limit(f"The number of tags has reached the maximum limit: {MOST}")


def _tag_list(tags: dict[str, str]) -> list[Members]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _role_id() -> str:
    letters = string.ascii_uppercase + "234567"
    return "AROA" + "".join(secrets.choice(letters) for _ in range(17))
