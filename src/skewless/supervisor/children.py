"""Child processes: started in a group of their own, their output read into log streams, ended as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from skewless.lifetime import STARTED_BY

_MARK: Final = "\x1e"
_END_OF_MARK: Final = "\x1f"

_LONGEST_LINE: Final = 256 << 10
"""Bytes of one log event, as CloudWatch has it; a longer line becomes several."""

_LAST_WORDS: Final = 5.0
"""Seconds that output may still come after the end."""

Sink = Callable[[str | None, str], None]
"""Takes a line of output, with the name of the stream that it is marked for (None: the base stream)."""


class Child(asyncio.SubprocessProtocol):
    """One child process and all that it starts."""

    transport: asyncio.SubprocessTransport

    def __init__(self, sink: Sink) -> None:
        self.ended = asyncio.Event()
        """Set when the process itself has ended, whatever became of what it started."""
        self._silent = asyncio.Event()
        self._sink = sink
        self._rest = b""

    @classmethod
    async def start(
        cls, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], sink: Sink
    ) -> Child:
        """Start it in ``folder``. Call this from the event loop's thread, with whose end it ends."""
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(sink),
            *command,
            cwd=folder,
            env={**environment, STARTED_BY: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return child

    @property
    def pid(self) -> int:
        """Its number, which is its group's too."""
        return self.transport.get_pid()

    async def wait(self) -> int:
        """Its exit status (negative: the signal that ended it), when it and its output have ended.

        What it started and left behind is killed.
        """
        await self.ended.wait()
        self.signal(signal.SIGKILL)
        with suppress(TimeoutError):
            # What left the group may hold the output open.
            async with asyncio.timeout(_LAST_WORDS):
                await self._silent.wait()
        self.transport.close()
        status = self.transport.get_returncode()
        assert status is not None
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self, grace: float) -> int:
        """End it: SIGTERM, and after ``grace`` seconds SIGKILL."""
        self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.ended.wait()
        self.signal(signal.SIGKILL)
        return await self.wait()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.SubprocessTransport, transport)  # uvloop's are no subclass

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            _hand(line, self._sink)
        if len(self._rest) > _LONGEST_LINE:
            _hand(self._rest, self._sink)
            self._rest = b""

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        if self._rest:
            _hand(self._rest, self._sink)
            self._rest = b""
        self._silent.set()

    def process_exited(self) -> None:
        self.ended.set()


def _hand(line: bytes, sink: Sink) -> None:
    text = line.decode(errors="replace").removesuffix("\r")
    if text.startswith(_MARK):
        name, mark, message = text[1:].partition(_END_OF_MARK)
        if mark:
            sink(name, message)
            return
    sink(None, text)


def began(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine's start; None where there is none of this pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Field 22; the name in field 2 may hold anything, up to the last parenthesis.
    return int(stat.rpartition(")")[2].split()[19])
