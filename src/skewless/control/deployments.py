"""What the supervisor asks the state, and tells it, about endpoints. Only it calls these functions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select, update

from skewless.control.endpoints import STATES
from skewless.control.plane import Members, Plane
from skewless.store.tables import ENDPOINTS, TAGS


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as it is and as it shall be."""

    name: str
    status: str
    serving: list[Members] | None
    """The variants that serve, or served last."""
    next: list[Members] | None
    """The variants that are wanted in their place, while the status is Creating or Updating."""
    rescale: bool


def endpoints(plane: Plane) -> list[Wanted]:
    """All endpoints."""
    with plane.store.begin() as connection:
        rows = connection.execute(select(ENDPOINTS).order_by(ENDPOINTS.c.created)).all()
    return [Wanted(row.name, row.status, row.serving, row.next_serving, row.rescale) for row in rows]


def deployed(plane: Plane, name: str) -> None:
    """What was wanted serves."""
    _settle(
        plane,
        name,
        "InService",
        config=ENDPOINTS.c.next_config,
        serving=ENDPOINTS.c.next_serving,
        failure_reason=None,
    )


def failed(plane: Plane, name: str, reason: str) -> None:
    """What was wanted could not be had: what served before goes on serving."""
    with plane.store.begin() as connection:
        serving = connection.execute(select(ENDPOINTS.c.serving).where(ENDPOINTS.c.name == name)).scalar_one()
    _settle(plane, name, "InService" if serving else "Failed", failure_reason=reason[:1024])


def removed(plane: Plane, name: str) -> None:
    """An endpoint that was being deleted is gone."""
    with plane.store.begin() as connection:
        gone = ENDPOINTS.c.name == name
        arn = connection.execute(select(ENDPOINTS.c.arn).where(gone)).scalar_one()
        connection.execute(delete(TAGS).where(TAGS.c.arn == arn))
        connection.execute(delete(ENDPOINTS).where(gone, ENDPOINTS.c.status == "Deleting"))


def _settle(plane: Plane, name: str, status: str, **values: object) -> None:
    with plane.store.begin() as connection:
        this = ENDPOINTS.c.name == name
        before = connection.execute(select(ENDPOINTS.c.status).where(this)).scalar_one()
        connection.execute(
            update(ENDPOINTS)
            .where(this)
            .values(
                status=STATES.step(name, before, status),
                modified=plane.now(),
                next_config=None,
                next_serving=None,
                rescale=False,
                **values,
            )
        )
