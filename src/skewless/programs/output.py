"""What a program prints, handed on as this process's own lines, each marked for the log stream that it belongs to."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import IO, Final, TypeAlias

_LONGEST_LINE: Final = 64 << 10

_printing: Final = Lock()

Tell: TypeAlias = Callable[[str], object]
"""What is told every line, in the thread that reads the program's output."""


def log_to(stream: str, lines: Sequence[str]) -> str:
    """Lines marked for a log stream of their own beside the process's (``container-2``, ``data-log``)."""
    return "".join(f"\x1e{stream}\x1f{line}\n" for line in lines)


def say(stream: str | None, line: str) -> None:
    """Print a whole line: to a log stream of its own, or without one as it is."""
    text = log_to(stream, [line]) if stream else f"{line}\n"
    with _printing:
        sys.stdout.write(text)
        sys.stdout.flush()


def print_line(line: str) -> None:
    """Print a whole line as it is."""
    say(None, line)


def hand_on(source: IO[bytes], tell: Tell, last: deque[str]) -> None:
    """Tell every line of a program's output until it closes that; ``last`` remembers the newest."""
    with source:
        while line := source.readline(_LONGEST_LINE):
            text = line.decode(errors="replace").rstrip("\r\n")
            last.append(text)
            tell(text)
