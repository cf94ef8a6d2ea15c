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
from typing import Final, NoReturn

import msgspec

from skewless.errors import SkewlessError
from skewless.priority import pass_on
from skewless.programs import keeper
from skewless.programs.output import Tell, hand_on, print_line

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


class Limits(msgspec.Struct, frozen=True):
    """What a program and all that it starts may take together; it is ended when it takes more."""

    memory: int
    """Bytes, as the sum of what is resident of each process."""
    tasks: int
    """Processes and threads."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """Its working directory."""
    covers: Sequence[Cover] = ()
    tell: Tell = print_line
    """Hears each line of its output."""
    tell_error: Tell | None = None
    """Hears each line of its error output; None: as for the other output."""
    limits: Limits | None = None
    stop_below: bool = False
    """Whether what handles SIGTERM further down is told in place of a program that does not: shells just die of it."""


@dataclass(slots=True)
class Ended:
    """How a program ended: its exit status (128 and the number of the signal that ended it), its last error lines."""

    status: int
    last: Sequence[str] = field(default_factory=list)
    over: str | None = None
    """The limit that it went over and was ended for, in words."""


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
    running = Running(program)
    try:
        return running.wait()
    except BaseException:
        running.end()
        raise


class Running:
    """A program that was started. It ends with the thread that did, so that has to live as long as the program."""

    def __init__(self, program: Program) -> None:
        """FoldersRefused where it cannot have its private folders, SkewlessError where it cannot be started."""
        self.last: deque[str] = deque(maxlen=_KEPT)
        """The newest lines of its error output."""
        reading, writing = os.pipe()
        self._report = os.fdopen(reading, "rb")
        self.process = _launch(program, writing)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._threads = [
            Thread(target=hand_on, args=arguments, daemon=True)
            for arguments in (
                (self.process.stdout, program.tell, deque(maxlen=0)),
                (self.process.stderr, program.tell_error or program.tell, self.last),
            )
        ]
        for thread in self._threads:
            thread.start()
        try:
            said = _said(self._report.readline())
        except BaseException:
            self.end()
            raise
        if said and said["what"] != "runs":
            self.wait()
            _raise(program, said)

    def wait(self, timeout: float | None = None) -> Ended:
        """Wait for its end; TimeoutExpired where it does not come in so many seconds."""
        status = self.process.wait(timeout)
        for thread in self._threads:
            thread.join()
        with self._report as report:
            said = {} if report.closed else _said(report.readline())
        return Ended(status, list(self.last), said.get("why"))

    def end(self, grace: float | None = None) -> Ended:
        """Tell it to end (SIGTERM), and wait; what has not ended after ``grace`` seconds is killed."""
        self.process.terminate()
        try:
            return self.wait(grace)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> Ended:
        """End it and all that it started at once."""
        self.process.send_signal(keeper.OWNER_ENDED)
        return self.wait()


def _launch(program: Program, report: int) -> subprocess.Popen[bytes]:
    asked = {
        "command": program.command,
        "covers": program.covers,
        "limits": program.limits,
        "stop_below": program.stop_below,
        "owner": os.getpid(),
    }
    try:
        started = subprocess.Popen(
            # By its path, isolated: the user's own modules shall not get in its way.
            [sys.executable, "-I", "-S", keeper.__file__, msgspec.json.encode(asked).decode(), str(report)],
            env=program.environment,
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[report],
            # What is sent to the group of this process shall reach it alone, which tells the program.
            start_new_session=True,
        )
    finally:
        os.close(report)
    pass_on(started.pid)
    return started


def _said(line: bytes) -> dict[str, str]:
    return msgspec.json.decode(line, type=dict[str, str]) if line else {}


def _raise(program: Program, told: Mapping[str, str]) -> NoReturn:
    if told["what"] == "folders":
        raise FoldersRefused(
            f"this machine refuses private folders to programs: {told['why']}", hint=PERMISSION
        )
    raise SkewlessError(f"{program.command[0]} cannot be started: {told['why']}")
