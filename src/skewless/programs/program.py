"""Runs a user's program under the keeper, and hands its output on as this process's own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Final

import msgspec

from skewless.errors import SkewlessError
from skewless.programs import keeper
from skewless.programs.output import hand_on

_KEPT: Final = 200
"""Lines of the error output that are remembered, for the reason of a failure."""

# As Python ends a traceback.
_RAISED: Final = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning|Exit)(?::.*)?")

PERMISSION: Final = (
    "Programs get folders of their own at fixed places by Linux mount namespaces: allow unprivileged user namespaces "
    "(sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0), or, in a container, give it the capability SYS_ADMIN."
)


class FoldersRefused(SkewlessError):
    """This machine does not let a program have private folders."""


class Cover(msgspec.Struct, frozen=True):
    """A folder that the program shall see at another place."""

    target: str
    folder: str
    keep: Sequence[str] = ()
    """What it shall still see of the target's own contents."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """Its working directory."""
    covers: Sequence[Cover] = ()
    error_stream: str | None = None
    """The mark of its error output's lines; None: they go where the other output goes."""


@dataclass(slots=True)
class Ended:
    """How a program ended: its exit status (128 and the number of the signal that ended it), its last error lines."""

    status: int
    last: Sequence[str] = field(default_factory=list)


def reason(ended: Ended, text: str) -> str:
    """Why a program failed that did not say so itself; ``text`` has places for what it said and its exit status."""
    if ended.status == 128 + signal.SIGKILL:
        said = "it was killed (SIGKILL): most likely there was no memory left. Let it work on less"
    else:
        lines = [line.strip() for line in reversed(ended.last) if line.strip()]
        raised = (line for line in lines if _RAISED.fullmatch(line))
        said = next(raised, lines[0] if lines else "it said nothing on its error output")
    return text.format(said[:900], ended.status)


def run_program(program: Program) -> Ended:
    """Run it to its end; when that is reached, all that it started has ended too.

    What interrupts the wait comes through after the program was told (SIGTERM) and has ended. FoldersRefused where it
    cannot have its private folders, SkewlessError where it cannot be started; then nothing of it has run.
    """
    reading, writing = os.pipe()
    asked = msgspec.json.encode(
        {"command": program.command, "covers": program.covers, "owner": os.getpid()}
    ).decode()
    process = subprocess.Popen(
        # By its path, isolated: the user's own modules shall not get in its way.
        [sys.executable, "-I", "-S", keeper.__file__, asked, str(writing)],
        env=program.environment,
        cwd=program.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
        # What is sent to the group of this process shall reach it alone, which tells the program.
        start_new_session=True,
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        return _follow(program, process, pipe)


def _follow(program: Program, process: subprocess.Popen[bytes], report: IO[bytes]) -> Ended:
    assert process.stdout is not None
    assert process.stderr is not None
    last = deque[str](maxlen=_KEPT)
    threads = [
        Thread(target=hand_on, args=(process.stdout, None, deque(maxlen=0))),
        Thread(target=hand_on, args=(process.stderr, program.error_stream, last)),
    ]
    for thread in threads:
        thread.start()
    try:
        refused = report.read()
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        for thread in threads:
            thread.join()
    if refused:
        _raise(program, refused)
    return Ended(status, list(last))


def _raise(program: Program, refused: bytes) -> None:
    told = msgspec.json.decode(refused, type=dict[str, str])
    if told["what"] == "folders":
        raise FoldersRefused(
            f"this machine refuses private folders to programs: {told['why']}", hint=PERMISSION
        )
    raise SkewlessError(f"{program.command[0]} cannot be started: {told['why']}")
