"""One job as the supervisor knows it, whatever its kind: a training job or a run of a Glue job alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from skewless.control.plane import Members, Plane

End: TypeAlias = Literal["Completed", "Failed", "Stopped", "TimedOut"]
"""How a job's process ended. TimedOut is the supervisor's word for one that it ended at its limit."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job that shall have a process, with all that its ``job.json`` and its supervisor need."""

    kind: str
    """A name in ``skewless.control.running.KINDS``, and in the table of ``skewless.jobs.run``."""
    name: str
    """Unique within the kind."""
    arn: str
    request: Members
    """What was asked for, with the service's member names."""
    log_group: str
    log_stream: str
    """Where lines without a mark go; a line marked NAME goes to the stream ``log_stream/NAME``, but see ``log``."""
    error_group: str | None = None
    """The group of lines that are marked ``error``, where they have one; their stream is ``log_stream``."""
    containers: list[Members] = field(default_factory=list)
    """For a transform: the model's container definitions."""
    limit: int | None = None
    """Seconds that it may run; then it is ended as a stopped job is, and told as TimedOut."""

    def log(self, mark: str | None) -> tuple[str, str]:
        """Log group and stream of a line with this mark, or without one."""
        if mark == "error" and self.error_group:
            return self.error_group, self.log_stream
        return self.log_group, f"{self.log_stream}/{mark}" if mark else self.log_stream


class Kind(Protocol):
    """What one kind of job does when the supervisor asks or tells; `skewless.control.running` says when that is."""

    def to_start(self, plane: Plane, /) -> Sequence[Run]: ...

    def to_stop(self, plane: Plane, /) -> Sequence[str]: ...

    def began(self, plane: Plane, name: str, /) -> bool: ...

    def progress(self, plane: Plane, name: str, line: Members, /) -> None: ...

    def ended(self, plane: Plane, name: str, end: End, reason: str | None, result: Members, /) -> None: ...

    def orphans(self, plane: Plane, /) -> Sequence[str]: ...
