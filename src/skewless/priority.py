"""How much of the processors a process gets where there are too few: jobs leave most of it to endpoints."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Final

NICE: Final = 5
"""Of a job: a busy one gets a third of what a busy instance gets. With 10 it would be a ninth, and hardly begin at all
where other work fills the machine."""
_TRIES: Final = 5
_PAUSE: Final = 0.1
"""Seconds between them: as often the kernel lets users who are not root change a session's share."""


def lower_own() -> None:
    """Lower the priority of this process, of all that it will start, and of the session that it leads, if it leads one.

    Linux gives sessions equal shares of the processors, whatever the priorities of the processes in them, and so it
    does with each session that a process of this one begins: whoever starts one calls `pass_on`.
    """
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    if os.getsid(0) == os.getpid():
        _set_session(os.getpid(), NICE)


def pass_on(pid: int) -> None:
    """Give a process that has just been started, and leads a session, the share that this one's session has."""
    nice = of_session(os.getpid())
    if nice:
        _set_session(pid, nice)


def of_session(pid: int) -> int:
    """The priority of a process's session; 0, which is the usual one, where the kernel does not group by sessions."""
    try:
        return told(_file(pid).read_text())
    except OSError:
        return 0


def told(text: str) -> int:
    """What the kernel tells of a session; nothing, which is 0, of the machine's first one, which has no group."""
    words = text.split()
    return int(words[-1]) if words else 0


def _set_session(pid: int, nice: int) -> None:
    for _ in range(_TRIES):
        try:
            _file(pid).write_text(str(nice))
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return  # there are no such groups here, or the process has ended
            time.sleep(_PAUSE)
        else:
            return


def _file(pid: int) -> Path:
    return Path(f"/proc/{pid}/autogroup")
