"""Who is asking. There is one caller: whoever holds the installation's keys."""

from __future__ import annotations

from typing import Final

from skewless.control.plane import Members, Plane, operation

USER: Final = "skewless"
USER_ID: Final = "AIDASKEWLESS000000000"
"""Of the form and length of IAM's ids of users."""


@operation("sts", "GetCallerIdentity")
def get_caller_identity(plane: Plane, _: Members) -> Members:
    """The account and the one user of it."""
    account = plane.names.account
    return {"UserId": USER_ID, "Account": account, "Arn": f"arn:aws:iam::{account}:user/{USER}"}
