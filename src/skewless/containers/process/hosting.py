"""What the process that loads a pipeline has for containers that run programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from skewless.containers.process.registered import Registered

ANSWERS: Final = "it answers its ping"
"""What is told of a program in place of its parity rows."""

Say: TypeAlias = Callable[[str, str], None]
"""Takes a line for the log of a container, by its name."""


def say_aside(container: str, line: str) -> None:
    """A line on the error output, as where there are no log streams."""
    sys.stderr.write(f"[{container}] {line}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Hosting:
    """Where containers that run programs write, what they may run, and how long it may take to start."""

    say: Say = say_aside
    folder: Path | None = None
    """Holds their private folders; None: the machine's folder for temporary files."""
    images: Mapping[str, Registered] = field(default_factory=dict)
    """The programs that were given a name."""
    patience: float = 0
    """Seconds that a request waits for a program that is being started again."""
    health_timeout: int | None = None
    """Seconds until the first ping must be answered; None: as the image or the setting has it."""
