"""What an installation has before anybody asks for anything."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import select

from skewless.control.iam import insert_role
from skewless.control.plane import Plane
from skewless.control.roles import GLUE, SAGEMAKER
from skewless.names import DEFAULT_ROLE
from skewless.store.tables import ROLES


def ensure_default_role(plane: Plane) -> str:
    """The ARN of the default execution role. It is made where it is missing, and left as it is where it is not."""
    with plane.store.begin() as connection:
        arn: str | None = connection.execute(select(ROLES.c.arn).where(ROLES.c.name == DEFAULT_ROLE)).scalar()
        if arn is None:
            arn = insert_role(
                plane,
                connection,
                name=DEFAULT_ROLE,
                trust=json.dumps(_TRUST),
                description="What jobs, models and Glue jobs run as, unless told otherwise.",
            ).arn
    return arn


_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": [SAGEMAKER, GLUE]}, "Action": "sts:AssumeRole"}
    ],
}
