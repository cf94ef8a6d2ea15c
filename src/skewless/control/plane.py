"""What operations work on, and how they are declared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from skewless.blobs import Blobs
from skewless.containers.process.registered import Registered
from skewless.names import Names
from skewless.store import Store
from skewless.telemetry.logs import LogStore
from skewless.telemetry.metrics import Metrics

Members: TypeAlias = dict[str, Any]
"""The members of a request or an answer, named as in the service's model; times are aware datetimes or seconds."""


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Plane:
    """All that an operation may use."""

    store: Store
    names: Names
    blobs: Blobs
    logs: LogStore
    metrics: Metrics
    images: Callable[[], Mapping[str, Registered]] = dict
    """The programs that have a name as an image."""
    wake: Callable[[], None] = lambda: None
    """Tells the supervisor that the store changed."""
    leave: Callable[[str], None] = lambda name: None
    """Tells it of an endpoint whose end was asked for: nobody shall be answered by it once that has been said."""
    now: Callable[[], int] = field(default=_now)
    """The time in milliseconds."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a service."""

    service: str
    name: str
    run: Callable[[Any, Members], Members]
    ignores: tuple[str, ...]
    """Members of the request that are taken and have no effect, as dotted paths."""


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {}
"""Every operation there is, by service and name; filled by the modules that ``skewless.control.operations`` imports."""


def operation(
    service: str, name: str, *, ignores: tuple[str, ...] = ()
) -> Callable[[Callable[[Any, Members], Members]], Callable[[Any, Members], Members]]:
    """Declare a function as the operation. A second one of the same name is refused."""

    def declare(run: Callable[[Any, Members], Members]) -> Callable[[Any, Members], Members]:
        if (service, name) in OPERATIONS:
            raise TypeError(f"there is a {service} {name} already")
        OPERATIONS[service, name] = Operation(service, name, run, ignores)
        return run

    return declare


def seconds(milliseconds: int | None) -> float | None:
    """A time of the store as answers have it: seconds since 1970."""
    return None if milliseconds is None else milliseconds / 1000


def present(members: Mapping[str, Any]) -> Members:
    """Without the members that are None, which an answer leaves out."""
    return {name: value for name, value in members.items() if value is not None}
