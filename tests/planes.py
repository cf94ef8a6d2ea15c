"""A control plane to test operations on: a real store, real folders, nothing else running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from skewless.blobs import open_blobs
from skewless.control.operations import OPERATIONS
from skewless.control.plane import Members, Plane
from skewless.names import Names
from skewless.store import Store
from skewless.telemetry.logs import LogStore
from skewless.telemetry.metrics import Metrics


@dataclass
class Clock:
    """A time that stands until a test moves it, so that nothing has to wait. Milliseconds since 1970."""

    ms: int = 1_700_000_000_000
    wakes: list[int] = field(default_factory=list)
    """When the supervisor was woken."""

    def __call__(self) -> int:
        return self.ms

    def move(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)

    def wake(self) -> None:
        self.wakes.append(self.ms)


@contextmanager
def plane(
    tmp_path: Path, *, url: str | None = None, clock: Clock | None = None, region: str = "us-east-1"
) -> Iterator[Plane]:
    """A plane over ``tmp_path``. Its store is SQLite there unless ``url`` names another; ``clock`` stands still."""
    at = clock or Clock()
    store = Store.open(url or f"sqlite:///{tmp_path / 'state.db'}")
    logs = LogStore(tmp_path / "logs", now=at)
    try:
        yield Plane(
            store=store,
            names=Names(region),
            blobs=open_blobs(s3_folder=tmp_path / "s3"),
            logs=logs,
            metrics=Metrics(store, clock=lambda: at() / 1000),
            wake=at.wake,
            now=at,
        )
    finally:
        logs.close()
        store.close()


def call(plane: Plane, service: str, operation: str, **members: object) -> Members:
    """Run an operation as the front does, after its checks."""
    return OPERATIONS[service, operation].run(plane, members)
