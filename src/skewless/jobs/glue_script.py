"""What a Glue run's own process and the script's process agree on: two files in the run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from skewless.services import Services

_SCRIPT: Final = "script.json"
_ERROR: Final = "error.txt"

MODULE: Final = "skewless.scripts.glue"
"""The module of the script's process. It stands above this layer and is started, never imported."""


class Script(msgspec.Struct, frozen=True):
    """A script that is to be run, all that belongs to it being there."""

    file: str
    address: str
    """Where the script came from."""
    arguments: list[str]
    spark: bool
    python2: bool
    """Whether it may use built-in names that Python 3 no longer has."""
    services: Services
    jars: list[str] = []
    conf: list[tuple[str, str]] = []
    """Spark's settings as the user gave them."""

    def write(self, folder: Path) -> None:
        """Leave it for the script's process."""
        (folder / _SCRIPT).write_bytes(msgspec.json.encode(self))

    @staticmethod
    def read(folder: Path) -> Script:
        """What was left."""
        return msgspec.json.decode((folder / _SCRIPT).read_bytes(), type=Script)


def write_error(folder: Path, error: str) -> None:
    """Leave what the script failed with."""
    (folder / _ERROR).write_text(error)


def read_error(folder: Path) -> str | None:
    """What the script failed with; None where it did not get to say."""
    file = folder / _ERROR
    return file.read_text() if file.is_file() else None
