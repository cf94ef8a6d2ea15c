"""Child processes: started in a group of their own, their output read into log streams, ended as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_MARK: Final = "\x1e"
_END_OF_MARK: Final = "\x1f"

_LONGEST_LINE: Final = 256 << 10
"""Bytes of one log event, as CloudWatch has it; a longer line becomes several."""

_LAST_WORDS: Final = 5.0
"""Seconds that output may still come after the end."""

Sink = Callable[[str | None, str], None]
"""Takes a line of output, with the name of the stream that it is marked for (None: the base stream)."""


class Child:
    """One child process and all that it starts."""

    def __init__(self, process: asyncio.subprocess.Process, sink: Sink) -> None:
        self.process = process
        self.pid = process.pid
        self.ended = asyncio.Event()
        """Set when the process itself has ended, whatever became of what it started."""
        self._reading = asyncio.create_task(self._read(sink))
        self._watch()

    @classmethod
    async def start(
        cls, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], sink: Sink
    ) -> Child:
        """Start it in ``folder``. Call this from the event loop's thread, with whose end it ends."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(process, sink)

    async def wait(self) -> int:
        """Its exit status (negative: the signal that ended it), when it and its output have ended.

        What it started and left behind is killed.
        """
        await self.ended.wait()
        self.signal(signal.SIGKILL)
        with suppress(TimeoutError):
            # What left the group may hold the pipe open, and asyncio waits for the pipe.
            async with asyncio.timeout(_LAST_WORDS):
                await self._reading
        self.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        return await self.process.wait()

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

    def _watch(self) -> None:
        try:
            number = os.pidfd_open(self.pid)
        except ProcessLookupError:  # so short a life
            self.ended.set()
            return
        loop = asyncio.get_running_loop()

        def over() -> None:
            loop.remove_reader(number)
            os.close(number)
            self.ended.set()

        loop.add_reader(number, over)

    async def _read(self, sink: Sink) -> None:
        stream = self.process.stdout
        assert stream is not None
        rest = b""
        while block := await stream.read(1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                _hand(line, sink)
            if len(rest) > _LONGEST_LINE:
                _hand(rest, sink)
                rest = b""
        if rest:
            _hand(rest, sink)


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
