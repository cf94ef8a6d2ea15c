"""A job as its own process sees it: a folder with what is asked in it, and where it writes what became of it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Final

import msgspec

from skewless.containers.process.registered import Registered
from skewless.errors import SettingError
from skewless.programs.output import log_to
from skewless.services import Services

__all__ = [
    "ASKED",
    "OUTCOME",
    "PROGRESS",
    "Asked",
    "Job",
    "Outcome",
    "Services",
    "StopAsked",
    "log_to",
    "why_not",
    "write_asked",
]

ASKED: Final = "job.json"
PROGRESS: Final = "progress.jsonl"
OUTCOME: Final = "outcome.json"
_PART: Final = f".{OUTCOME}.part"

_ROOM: Final = 16 << 10
"""Bytes; the longest FailureReason is 1,024 characters."""


class Asked(msgspec.Struct, frozen=True):
    """What stands in ``job.json``."""

    kind: str
    name: str
    arn: str
    request: dict[str, Any]
    """The request that made it, with the service's member names."""
    services: Services
    containers: list[dict[str, Any]] = []
    """For a transform: the model's container definitions (Image, ModelDataUrl, Environment, ContainerHostname)."""
    images: dict[str, Registered] = {}
    """The programs among their images that have a name."""


class Outcome(msgspec.Struct, frozen=True):
    """How a job ended. ``reason`` is what its FailureReason shall say."""

    outcome: str
    """Completed, Failed or Stopped."""
    reason: str | None = None
    result: dict[str, Any] = {}


class StopAsked(BaseException):
    """The job shall stop: raised once in the main thread, wherever it is, when the process gets SIGTERM.

    A job that has more to do then (uploading what it has) catches it; otherwise the outcome is Stopped.
    """


class Job:
    """One job and its folder."""

    def __init__(self, folder: Path) -> None:
        """SettingError where the folder holds no readable job."""
        self.folder = folder
        try:
            self.asked = msgspec.json.decode((folder / ASKED).read_bytes(), type=Asked)
        except (OSError, ValueError) as error:
            raise SettingError(f"{folder / ASKED} cannot be read: {error}") from None
        self._part = folder / _PART

    def step(self, secondary: str, message: str) -> None:
        """Tell that the job goes on to its next step."""
        self._tell({"secondary": secondary, "message": message})

    def metric(self, name: str, value: float) -> None:
        """Tell a figure of the job."""
        self._tell({"metric": name, "value": value})

    def finish(self, outcome: Outcome) -> None:
        """Write the end; it is there as a whole or not at all."""
        with self._part.open("r+b") as part:
            part.write(msgspec.json.encode(outcome))
            part.truncate()
        self._part.replace(self.folder / OUTCOME)

    def _tell(self, line: dict[str, Any]) -> None:
        with (self.folder / PROGRESS).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def write_asked(folder: Path, asked: Asked) -> None:
    """Lay out a job's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ASKED).write_bytes(msgspec.json.encode(asked))
    # The room for its outcome is taken now, so that a job on a full disk can still say so.
    (folder / _PART).write_bytes(bytes(_ROOM))


def why_not(error: BaseException) -> str:
    """The FailureReason for an error that nobody raised on purpose."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"ClientError: the disk is full. Delete what is not needed, then try again. ({error})"
    return f"InternalServerError: {type(error).__name__}: {error}"
