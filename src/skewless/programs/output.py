"""What a program prints, handed on as this process's own lines, each marked for the log stream that it belongs to."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import IO, Final

_LONGEST_LINE: Final = 64 << 10

_printing: Final = Lock()


def log_to(stream: str, lines: Sequence[str]) -> str:
    """Lines marked for a log stream of their own beside the process's (``container-2``, ``data-log``)."""
    return "".join(f"\x1e{stream}\x1f{line}\n" for line in lines)


def say(stream: str | None, lines: Sequence[str]) -> None:
    """Print whole lines: to a log stream of their own, or without one as they are."""
    text = log_to(stream, lines) if stream else "".join(f"{line}\n" for line in lines)
    with _printing:
        sys.stdout.write(text)
        sys.stdout.flush()


def hand_on(source: IO[bytes], stream: str | None, last: deque[str]) -> None:
    """Print a program's lines as ours until it closes its output; ``last`` remembers the newest."""
    while line := source.readline(_LONGEST_LINE):
        text = line.decode(errors="replace").rstrip("\r\n")
        last.append(text)
        say(stream, [text])
