"""Execution roles as other operations need them: looked up, and required to trust a service."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from skewless.control.errors import ServiceError, invalid
from skewless.control.plane import Plane
from skewless.control.policies import trusts
from skewless.names import DEFAULT_ROLE
from skewless.store.tables import ROLES

SAGEMAKER: Final = "sagemaker.amazonaws.com"
GLUE: Final = "glue.amazonaws.com"


def require_role(plane: Plane, connection: Connection, role: str, service: str) -> str:
    """The ARN of a role, which must exist and trust ``service``; ``role`` is its ARN, or its name where Glue takes one.

    Raises what the service (`SAGEMAKER` or `GLUE`) answers to a role that it cannot take on.
    """
    arn = role if role.startswith("arn:") else plane.names.role("/", role)
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if account.isdecimal() and account != plane.names.account:
        raise ServiceError(
            "AccessDeniedException",
            f"Cross-account pass role is not allowed. {arn} belongs to another account; "
            f"roles of this one are named arn:aws:iam::{plane.names.account}:role/…. {_default(plane)}",
        )
    row = _find(connection, role, arn)
    if row is None or not trusts(row.trust, service):
        raise _cannot_assume(plane, arn, service)
    found: str = row.arn
    return found


def _find(connection: Connection, role: str, arn: str) -> Row[Any] | None:
    """By ARN, or by a bare name whatever the role's path."""
    which = ROLES.c.arn == arn if role.startswith("arn:") else ROLES.c.name == role
    return connection.execute(select(ROLES).where(which)).first()


def _default(plane: Plane) -> str:
    return f"The first start made {plane.names.role('/', DEFAULT_ROLE)}, which can be used for all."


def _cannot_assume(plane: Plane, arn: str, service: str) -> ServiceError:
    if service == GLUE:
        return ServiceError(
            "InvalidInputException",
            f"Role {arn} should be given assume role permissions for Glue Service. "
            f"Please ensure that the role exists and that its trust policy allows '{GLUE}'. {_default(plane)}",
        )
    return invalid(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        f"'{service}' to assume the role. {_default(plane)}"
    )
