"""Why a program failed: what it wrote into its failure file, or what the training toolkit would have written there."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from skewless.jobs.script_training import places
from skewless.programs.program import Ended, reason

LONGEST: Final = 1024
"""Characters of a FailureReason."""

_KILLED: Final = 128 + signal.SIGKILL
_OUT_OF_MEMORY: Final = "OutOfMemory: Process killed by SIGKILL (signal 9)"


class Failed(Exception):
    """What the user asked for cannot be prepared; ``text`` is what a failure file would say."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def failure_reason(text: str, status: int) -> str:
    """The FailureReason for what a program says of its failure: its exit code after as much as there is room for."""
    before, after = "AlgorithmError: ", f", exit code: {status}"
    return f"{before}{text[: LONGEST - len(before) - len(after)]}{after}"


def script_failure(error: str, ended: Ended, command: Sequence[str]) -> str:
    """The toolkit's words about a command that failed; ``error`` is the name of its error."""
    killed = ended.status == _KILLED
    lines = [
        f"{error}:",
        f"ExitCode {ended.status}",
        f'ErrorMessage "{"" if killed else reason(ended, "{0}")}"',
        *([f'ExtraInfo "{_OUT_OF_MEMORY}"'] if killed else []),
        f'Command "{" ".join(command)}"',
    ]
    return "\n".join(lines)


def read_failure(root: Path) -> str | None:
    """What the failure file says, if anything."""
    file = places.on_disk(root, places.FAILURE)
    # A link would lead to another place of this machine than of the program's.
    if file.resolve() != places.on_disk(root.resolve(), places.FAILURE) or not file.is_file():
        return None
    with file.open(errors="replace") as text:
        return text.read(LONGEST).strip() or None
