"""A container as it was described, before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skewless.bundles.archive import Files
from skewless.trust import Trust


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
