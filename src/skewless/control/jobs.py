"""The life that training, processing and transform jobs have in common: created, listed, run, stopped, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from skewless.control import steps
from skewless.control.errors import ServiceError, invalid
from skewless.control.pages import sagemaker_page
from skewless.control.plane import Members, Plane, present, seconds
from skewless.control.run import End, Run
from skewless.control.states import IllegalStep, States
from skewless.control.tags import drop_tags, put_tags
from skewless.store.tables import JOBS

STATES: Final = States(
    "job",
    {
        "InProgress": ("Stopping", "Completed", "Failed", "Stopped"),
        # A job may come to its end by itself before it is told to stop.
        "Stopping": ("Completed", "Failed", "Stopped"),
        "Completed": (),
        "Failed": (),
        "Stopped": (),
    },
)
"""The states of jobs. A job that is InProgress waits for its process until it has a start time."""

MOST_REASON: Final = 1024
"""Characters of a FailureReason."""

_ENDS: Final[dict[End, str]] = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "TimedOut": "Stopped",
}
_LOST: Final = "InternalServerError: Skewless ended while the job was running. Create the job again."


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one kind, for operations and for the supervisor (a `skewless.control.run.Kind`)."""

    prefix: str
    """What the names of members begin with: ``Training`` in ``TrainingJobName``."""
    run: Callable[[Row[Any]], Run]
    """What the supervisor needs to run a job."""
    unknown: Callable[[str], str]
    """What is said where a job of this name is not found."""
    has_steps: bool = False
    """Whether clients are shown the steps that it goes through."""

    @property
    def kind(self) -> str:
        return self.prefix.lower()

    def create(
        self, plane: Plane, connection: Connection, request: Members, containers: list[Members] | None = None
    ) -> Members:
        """Write a job down; the answer has its ARN. ResourceInUse where its name is taken."""
        name, arn = self._name(request), self._arn(plane, request)
        if self._row(connection, name) is not None:
            raise ServiceError(
                "ResourceInUse",
                f"{self.prefix} job names must be unique within an AWS account and region, and a {self.kind} job "
                f"with this name already exists ({arn})",
            )
        now = plane.now()
        connection.execute(
            insert(JOBS).values(
                kind=self.kind,
                name=name,
                arn=arn,
                status="InProgress",
                created=now,
                modified=now,
                request={member: value for member, value in request.items() if member != "Tags"},
                containers=containers,
            )
        )
        if self.has_steps:
            steps.first(connection, self.kind, name, now)
        put_tags(connection, arn, request.get("Tags") or ())
        return {f"{self.prefix}JobArn": arn}

    def existing(self, connection: Connection, request: Members) -> Row[Any]:
        """The job that a request names. ValidationException where there is none."""
        name = self._name(request)
        row = self._row(connection, name)
        if row is None:
            raise invalid(self.unknown(name))
        return row

    def described(self, row: Row[Any]) -> Members:
        """What every description has: the request, the state, the times."""
        return present(
            {
                **row.request,
                f"{self.prefix}JobArn": row.arn,
                f"{self.prefix}JobStatus": row.status,
                f"{self.prefix}StartTime": seconds(row.started),
                f"{self.prefix}EndTime": seconds(row.ended),
                "CreationTime": seconds(row.created),
                "FailureReason": row.failure_reason,
            }
        )

    def page(self, plane: Plane, request: Members, *, descending: bool) -> Members:
        """Jobs, filtered, sorted and in pages; ``descending`` where SortOrder is not given."""
        with plane.store.begin() as connection:
            rows, token = sagemaker_page(
                connection,
                f"List{self.prefix}Jobs",
                JOBS,
                request,
                {"CreationTime": JOBS.c.created, "Name": JOBS.c.name, "Status": JOBS.c.status},
                where=[JOBS.c.kind == self.kind],
                descending=descending,
            )
        return present(
            {f"{self.prefix}JobSummaries": [self._summary(row) for row in rows], "NextToken": token}
        )

    def stop(self, plane: Plane, request: Members) -> Members:
        """Ask for a job's end. ValidationException where it has ended; one that is Stopping already stays so."""
        with plane.store.begin() as connection:
            row = self.existing(connection, request)
            if row.status not in STATES.alive:
                raise invalid(
                    f"The request was rejected because the {self.kind} job is in status {row.status}."
                )
            if row.status == "InProgress":
                self._step(connection, row, plane.now(), "Stopping")
                if self.has_steps:
                    steps.go(connection, row, "Stopping", "Stopping the training job", plane.now())
        plane.wake()
        return {}

    def delete(self, plane: Plane, request: Members) -> Members:
        """Forget a job that has ended. ResourceInUse for one that has not."""
        with plane.store.begin() as connection:
            row = self.existing(connection, request)
            if row.status in STATES.alive:
                raise ServiceError(
                    "ResourceInUse",
                    f"The {self.kind} job {row.arn} is in status {row.status}: stop it, or wait for its end.",
                )
            steps.forget(connection, self.kind, row.name)
            connection.execute(delete(JOBS).where(JOBS.c.kind == self.kind, JOBS.c.name == row.name))
            drop_tags(connection, row.arn)
        return {}

    def to_start(self, plane: Plane) -> Sequence[Run]:
        rows = self._rows(plane, JOBS.c.status == "InProgress", JOBS.c.started.is_(None))
        return [self.run(row) for row in rows]

    def to_stop(self, plane: Plane) -> Sequence[str]:
        return [row.name for row in self._rows(plane, JOBS.c.status == "Stopping")]

    def began(self, plane: Plane, name: str) -> bool:
        with plane.store.begin() as connection:
            claimed = connection.execute(
                update(JOBS)
                .where(
                    JOBS.c.kind == self.kind,
                    JOBS.c.name == name,
                    JOBS.c.status == "InProgress",
                    JOBS.c.started.is_(None),
                )
                .values(started=plane.now(), modified=plane.now())
            )
        return claimed.rowcount == 1

    def progress(self, plane: Plane, name: str, line: Members) -> None:
        with plane.store.begin() as connection:
            row = self._running(connection, name)
            if "metric" in line:
                metrics = {
                    **(row.result or {}).get("metrics", {}),
                    line["metric"]: [line["value"], plane.now()],
                }
                self._change(connection, row, result={**(row.result or {}), "metrics": metrics})
            elif self.has_steps:
                steps.go(connection, row, line["secondary"], line["message"], plane.now())
        if "metric" in line:
            group, of = f"/aws/sagemaker/{self.prefix}Jobs", {f"{self.prefix}JobName": row.name}
            plane.metrics.record(group, line["metric"], of, line["value"], "None")

    def ended(self, plane: Plane, name: str, end: End, reason: str | None, result: Members) -> None:
        with plane.store.begin() as connection:
            row = self._running(connection, name)
            if row.started is None and end != "Stopped":
                raise IllegalStep(f"{self.kind} job {name} was never claimed and cannot be {end}")
            if end == "TimedOut" and reason is None and not self.has_steps:  # a step tells it by its name
                reason = f"The job ran longer than its MaxRuntimeInSeconds of {self.run(row).limit}."
            now = plane.now()
            said = None if end == "Completed" or reason is None else reason[:MOST_REASON]
            self._step(
                connection,
                row,
                now,
                _ENDS[end],
                ended=now,
                failure_reason=said,
                result={**(row.result or {}), **result},
            )
            if self.has_steps:
                steps.last(connection, row, end, said, now)

    def orphans(self, plane: Plane) -> Sequence[str]:
        rows = self._rows(plane, JOBS.c.status.in_(STATES.alive), JOBS.c.started.is_not(None))
        for row in rows:
            stopping = row.status == "Stopping"
            self.ended(plane, row.name, "Stopped" if stopping else "Failed", None if stopping else _LOST, {})
        return [row.name for row in rows]

    def _name(self, request: Members) -> str:
        return str(request[f"{self.prefix}JobName"])

    def _arn(self, plane: Plane, request: Members) -> str:
        return plane.names.sagemaker(f"{self.kind}-job", self._name(request))

    def _row(self, connection: Connection, name: str) -> Row[Any] | None:
        # Names that differ in case alone would have the same ARN.
        return connection.execute(
            select(JOBS).where(JOBS.c.kind == self.kind, func.lower(JOBS.c.name) == name.lower())
        ).first()

    def _rows(self, plane: Plane, *where: Any) -> Sequence[Row[Any]]:
        with plane.store.begin() as connection:
            return connection.execute(
                select(JOBS).where(JOBS.c.kind == self.kind, *where).order_by(JOBS.c.created, JOBS.c.name)
            ).all()

    def _running(self, connection: Connection, name: str) -> Row[Any]:
        row = self._row(connection, name)
        if row is None or row.status not in STATES.alive:
            raise IllegalStep(
                f"{self.kind} job {name} is {row.status if row else 'not there'}: it cannot go on"
            )
        return row

    def _step(self, connection: Connection, row: Row[Any], now: int, status: str, **values: Any) -> None:
        after = STATES.step(row.name, row.status, status)
        self._change(connection, row, status=after, modified=now, **values)

    def _change(self, connection: Connection, row: Row[Any], **values: Any) -> None:
        connection.execute(
            update(JOBS).where(JOBS.c.kind == self.kind, JOBS.c.name == row.name).values(**values)
        )

    def _summary(self, row: Row[Any]) -> Members:
        return present(
            {
                f"{self.prefix}JobName": row.name,
                f"{self.prefix}JobArn": row.arn,
                f"{self.prefix}JobStatus": row.status,
                f"{self.prefix}EndTime": seconds(row.ended),
                "CreationTime": seconds(row.created),
                "LastModifiedTime": seconds(row.modified),
                **(
                    {"SecondaryStatus": row.secondary}
                    if self.has_steps
                    else {"FailureReason": row.failure_reason}
                ),
            }
        )
