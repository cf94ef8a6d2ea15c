"""The process between one of ours and a user's program: it gives that private folders, and ends all that it started.

Run by its path and with the standard library alone: a new namespace wants a process of one thread, and nothing that a
user put on the path may be imported here. The arguments are a JSON object (``command``, ``covers``, the process number
of the ``owner``, ``stop_below``, and ``limits`` or null) and the number of a pipe. On it stands a JSON object a line:
``runs``, or what was wrong before the program ran; and later which limit it went over, for which it was ended.

With limits the program has process numbers of its own where the machine allows that: what it starts then ends with its
first process, at once and whatever it does, while a program that forks faster than one can kill would get away
otherwise.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWPID: Final = 0x20000000
_MS_QUIET: Final = 1 << 1 | 1 << 2 | 1 << 3
"""Neither programs with other rights, nor devices, nor programs at all."""
_MS_BIND: Final = 1 << 12
_MS_REC: Final = 1 << 14
_MS_PRIVATE: Final = 1 << 18
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
OWNER_ENDED: Final = signal.SIGUSR1
"""What the keeper gets when its owner ends, and is told with to end everything at once."""

_LOOK: Final = 0.2
"""Seconds between looks at what the program takes."""
_RESERVED: Final = 300
"""Process numbers that the kernel does not give out a second time."""
_NUMBERS_BOUNDED: Final = (6, 14)
"""The first kernel with a bound for each namespace."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_libc: Final = ctypes.CDLL(None, use_errno=True)


def main(asked: Mapping[str, Any], report: int) -> NoReturn:
    """Run the command to its end; exits as it did (128 and the number, where a signal ended it)."""
    if asked["covers"]:
        try:
            _own_mounts()
            for cover in asked["covers"]:
                _cover(cover["target"], Path(cover["folder"]), cover["keep"])
        except OSError as error:
            _refuse(report, "folders", error)
    # After the namespace: becoming root of one clears what was asked for here.
    _end_with_owner(asked["owner"])
    if asked["limits"]:
        _keep_within(asked, report)
    status = _run(asked, report)
    _end_everything()
    sys.exit(status)


def _run(asked: Mapping[str, Any], report: int) -> int:
    """Run a program to its end; gives its exit status."""
    try:
        script = subprocess.Popen(asked["command"], preexec_fn=_end_with_keeper)
    except OSError as error:
        _refuse(report, "command", error)

    def stop(_: int, __: FrameType | None) -> None:
        for pid in (_handlers(script.pid) if asked["stop_below"] else []) or [script.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    _say(report, what="runs")
    os.close(report)
    status = _wait(script.pid)
    return status if status >= 0 else 128 - status


def _keep_within(asked: Mapping[str, Any], report: int) -> NoReturn:
    """Run the program below a first process of its own, and end all of it when it takes more than it may."""
    limits = asked["limits"]
    own_numbers = not _libc.unshare(_CLONE_NEWPID)
    # SIGTERM waits until there is somebody to hand it on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    first = os.fork()
    if not first:
        _be_first(asked, report, own_numbers)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == first:
            code = os.waitstatus_to_exitcode(status)
            _end_everything()
            sys.exit(code if code >= 0 else 128 - code)
        over = _over(first, limits) if not ended else None
        if over is not None:
            _say(report, what="limit", why=over)
            os.kill(first, signal.SIGKILL)
            _end_everything()
            sys.exit(128 + signal.SIGKILL)
        if not ended:
            signal.sigtimedwait({signal.SIGCHLD}, _LOOK)


def _be_first(asked: Mapping[str, Any], report: int, own_numbers: bool) -> NoReturn:
    """The process that the program and all orphans of its making hang on."""
    _end_with_keeper()
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD, signal.SIGTERM})
    # The keeper goes on seeing the outer numbers, and so does the program where its own /proc is refused.
    if own_numbers and asked["covers"] and not _libc.unshare(_CLONE_NEWNS):
        _libc.mount(b"proc", b"/proc", b"proc", _MS_QUIET, None)
        _bound_numbers(asked["limits"]["tasks"])
    status = _run(asked, report)
    if not own_numbers:
        _end_everything()
    os._exit(status)


def _bound_numbers(tasks: int) -> None:
    """Have the kernel itself refuse what is far over the limit, where it counts numbers for each namespace."""
    version = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    own = Path("/proc/self").readlink() == Path(str(os.getpid()))
    if own and version >= _NUMBERS_BOUNDED:  # otherwise this would bound the whole machine's
        with suppress(OSError):
            Path("/proc/sys/kernel/pid_max").write_text(str(_RESERVED + 2 * tasks))


def _over(first: int, limits: Mapping[str, int]) -> str | None:
    """Which limit the processes below the first one are over, in words."""
    memory = tasks = 0
    for pid in _descendants(first):
        try:
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        memory += resident * _PAGE
        tasks += int(stat.rpartition(")")[2].split()[17])
    if memory > limits["memory"]:
        return f"it used more than {limits['memory'] >> 20} MB of memory"
    if tasks > limits["tasks"]:
        return f"it had more than {limits['tasks']} processes and threads"
    return None


def _descendants(pid: int) -> Iterator[int]:
    """The numbers of all processes below one, as the kernel lists the children of each thread."""
    waiting = [pid]
    while waiting:
        for children in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                below = [int(one) for one in children.read_text().split()]
            except OSError:
                continue
            yield from below
            waiting += below


def _handlers(pid: int) -> list[int]:
    """The uppermost processes, from this one down, that handle SIGTERM themselves."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        below = [
            int(one)
            for file in Path(f"/proc/{pid}/task").glob("*/children")
            for one in file.read_text().split()
        ]
    except OSError:
        return []
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    if caught >> (signal.SIGTERM - 1) & 1:
        return [pid]
    return [found for child in below for found in _handlers(child)]


def _say(report: int, **said: str) -> None:
    os.write(report, json.dumps(said).encode() + b"\n")


def _refuse(report: int, what: str, error: OSError) -> NoReturn:
    _say(report, what=what, why=str(error))
    os._exit(1)


def _end_with_owner(owner: int) -> None:
    """Have all descendants handed to this process when their parents end, and end them when the owner does."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(OWNER_ENDED, _owner_ended)
    _libc.prctl(_PR_SET_PDEATHSIG, OWNER_ENDED, 0, 0, 0)
    if os.getppid() != owner:
        sys.exit(1)


def _owner_ended(_: int, __: FrameType | None) -> NoReturn:
    _end_everything()
    os._exit(1)


def _end_with_keeper() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _wait(pid: int) -> int:
    """The exit status of a child; those handed to us by others are reaped on the way."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _end_everything() -> None:
    while children := _children():
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """All children; those of a child that ended are among them."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                stat = (process / "stat").read_text()
            except OSError:
                continue
            # The parent is the second field after the name, which may hold anything.
            if int(stat.rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(process.name))
    return found


def _own_mounts() -> None:
    """Take a mount namespace of our own; who is not root becomes able to by a user namespace, as the same user."""
    user, group = os.geteuid(), os.getegid()
    try:
        _call(_libc.unshare(_CLONE_NEWNS), "unshare")
    except PermissionError:
        _call(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _call(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "mount", "/")


def _cover(target: str, folder: Path, keep: Sequence[str]) -> None:
    """Show ``folder`` at ``target``, and in it what is to be kept of the target's own contents."""
    for kept in map(Path, keep):
        inner = folder / kept.relative_to(target)
        inner.parent.mkdir(parents=True, exist_ok=True)
        if kept.is_symlink():
            inner.unlink(missing_ok=True)
            inner.symlink_to(kept.readlink())
            continue
        if kept.is_dir():
            inner.mkdir(exist_ok=True)
        else:
            inner.touch()
        _bind(str(kept), str(inner))
    _bind(str(folder), target)


def _bind(source: str, target: str) -> None:
    flags = _MS_BIND | _MS_REC  # without what is mounted below, a user namespace may not
    _call(_libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None), "mount", target)


def _call(result: int, name: str, path: str | None = None) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", path)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))
