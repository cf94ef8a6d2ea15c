"""The process between one of ours and a user's program: it gives that private folders, and ends all that it started.

Run by its path and with the standard library alone: a new namespace wants a process of one thread, and nothing that a
user put on the path may be imported here. The arguments are a JSON object (``command``, ``covers``, and the process
number of the ``owner``) and the number of a pipe, on which it says what was wrong before the script ran; the pipe's end
without a word means that it runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWUSER: Final = 0x10000000
_MS_BIND: Final = 1 << 12
_MS_REC: Final = 1 << 14
_MS_PRIVATE: Final = 1 << 18
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_OWNER_ENDED: Final = signal.SIGUSR1

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
    try:
        script = subprocess.Popen(asked["command"], preexec_fn=_end_with_keeper)
    except OSError as error:
        _refuse(report, "command", error)
    os.close(report)
    signal.signal(signal.SIGTERM, lambda *_: script.send_signal(signal.SIGTERM))
    status = _wait(script.pid)
    _end_everything()
    sys.exit(status if status >= 0 else 128 - status)


def _refuse(report: int, what: str, error: OSError) -> NoReturn:
    os.write(report, json.dumps({"what": what, "why": str(error)}).encode())
    sys.exit(1)


def _end_with_owner(owner: int) -> None:
    """Have all descendants handed to this process when their parents end, and end them when the owner does."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(_OWNER_ENDED, _owner_ended)
    _libc.prctl(_PR_SET_PDEATHSIG, _OWNER_ENDED, 0, 0, 0)
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
            os.kill(pid, signal.SIGKILL)
        for pid in children:
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
