"""A container as it was described, before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from skewless.bundles.archive import Files
from skewless.trust import Trust

PROGRAM: Final = "SAGEMAKER_PROGRAM"
"""The variable that names a container's script: by it the user says that code of theirs shall run."""
SUBMIT_DIRECTORY: Final = "SAGEMAKER_SUBMIT_DIRECTORY"
"""Where a script lies: a folder, or until it was fetched an address."""


@dataclass(frozen=True, slots=True)
class Part:
    """A container as it was described, with the files of its model."""

    name: str
    runtime: str
    files: Files
    environment: Mapping[str, str]
    trust: Trust
    image: str = ""
    """As it was given; a program's path is absolute."""
    script: Files | None = None
    """The files of the script, where they were brought apart from the model."""

    @property
    def names_script(self) -> bool:
        """Whether its environment names a script that shall run."""
        return bool(self.environment.get(PROGRAM))
