"""The server's side of its workers: they are started, asked, killed when they hang, and replaced when they end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from skewless.errors import SkewlessError
from skewless.lifetime import STARTED_BY
from skewless.priority import pass_on
from skewless.scripts.hosting.wire import SAID, Asked, Ready, Said, Told, frame, read_said

_UNLESS_SET: Final = {"OMP_NUM_THREADS": "1"}
"""Several processes share the CPUs, and one row is not worth a second thread."""
_AGAIN: Final = 10
"""Seconds until a worker that could not start is tried again, while others answer."""
_LEAVE: Final = 2
"""Seconds that a worker has to end by itself."""


class NotReady(SkewlessError):
    """A worker could not start; ``said`` tells whether it has printed why."""

    def __init__(self, message: str, *, said: bool) -> None:
        super().__init__(message)
        self.said = said


class Busy(SkewlessError):
    """All workers were busy until the time was over."""


class Hung(SkewlessError):
    """The script's function did not end in time, and its worker was killed."""


class Died(SkewlessError):
    """The worker ended while it had the request."""


class Worker:
    """One worker process and the connection to it."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> Worker:
        """A process that has begun to load."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "skewless.scripts.hosting.worker",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env={**_UNLESS_SET, **os.environ, STARTED_BY: str(os.getpid()), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # it is killed with what it has started
            )
        pass_on(process.pid)
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    async def ready(self) -> Ready:
        """Its first message. NotReady where it ends before."""
        try:
            said = await read_said(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            how = await self.leave()
            raise NotReady(
                f"the script's process ended by {how} while it loaded", said=self._process.returncode == SAID
            ) from None
        assert isinstance(said, Ready)
        return said

    async def ask(self, asked: Asked) -> Said:
        """Its answer. IncompleteReadError or ConnectionError where it ends before."""
        self._writer.write(frame(asked))
        await self._writer.drain()
        return await read_said(self._reader)

    async def ended(self) -> str:
        """How it ended, when it has."""
        return _how(await self._process.wait())

    def kill(self) -> None:
        """End it and what it has started, at once."""
        if self.runs:  # later its number may be another's
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def leave(self) -> str:
        """How it ended: by itself, as it does when nobody asks any more, or killed where it does not."""
        self._writer.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _LEAVE)
        self.kill()
        return await self.ended()


class Workers:
    """All workers. Requests wait for one that is free."""

    def __init__(self, count: int, timeout: float, on_failure: Callable[[], None]) -> None:
        self._count = count
        self._timeout = timeout
        self._on_failure = on_failure
        self._alive: set[Worker] = set()
        self._free: asyncio.Queue[Worker | None] = asyncio.Queue()
        self._minders: list[asyncio.Task[None]] = []
        self.has_parameters = False

    async def start(self) -> None:
        """Load in one worker, which shows whether the script can be; the others follow by themselves.

        NotReady where it cannot.
        """
        first = await Worker.start()
        try:
            self.has_parameters = (await first.ready()).parameters
        except BaseException:
            first.kill()
            raise
        self._take(first)
        self._minders = [
            asyncio.create_task(self._mind(None if place else first)) for place in range(self._count)
        ]

    async def ask(self, asked: Asked) -> Told:
        """The answer of a worker. Busy, Hung or Died where there is none."""
        end = asyncio.get_running_loop().time() + self._timeout
        worker = await self._first_free(end)
        answered = False
        try:
            async with asyncio.timeout_at(end):
                said = await worker.ask(asked)
            answered = True
        except TimeoutError:
            raise Hung(
                f"the script did not answer within {self._timeout:g} s, and its process was killed",
                hint="A larger SAGEMAKER_MODEL_SERVER_TIMEOUT gives it more time.",
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Died(
                f"the script's process ended by {await worker.leave()} while it had the request",
                hint="It is started again.",
            ) from None
        finally:
            # Whoever was interrupted has left a worker behind that still computes.
            if answered:
                self._free.put_nowait(worker)
            else:
                worker.kill()
        assert isinstance(said, Told)
        return said

    async def _first_free(self, end: float) -> Worker:
        try:
            async with asyncio.timeout_at(end):
                while (worker := await self._free.get()) and not worker.runs:
                    pass
        except TimeoutError:
            raise Busy(
                f"all {self._count} processes of the script were busy for {self._timeout:g} s",
                hint="SAGEMAKER_MODEL_SERVER_WORKERS says how many there are.",
            ) from None
        if worker is None:
            self._free.put_nowait(None)  # for the next who waits
            raise Died("no process of the script can be started any more", hint="The log says why.")
        return worker

    def _take(self, worker: Worker) -> None:
        self._alive.add(worker)
        self._free.put_nowait(worker)

    async def _mind(self, worker: Worker | None) -> None:
        """Keep one worker's place filled."""
        while True:
            if worker is not None:
                how = await worker.ended()
                self._alive.discard(worker)
                print(
                    f"a process of the script ended by {how}; another is started", file=sys.stderr, flush=True
                )
            worker = await Worker.start()
            try:
                await worker.ready()
            except NotReady as error:
                worker = None
                if not error.said:
                    print(f"error: {error}", file=sys.stderr, flush=True)
                if not self._alive:
                    self._free.put_nowait(None)
                    self._on_failure()
                    return
                await asyncio.sleep(_AGAIN)
            except BaseException:
                worker.kill()
                raise
            else:
                self._take(worker)

    async def stop(self) -> None:
        """End all workers."""
        for minder in self._minders:
            minder.cancel()
        await asyncio.gather(*self._minders, return_exceptions=True)
        await asyncio.gather(*(worker.leave() for worker in self._alive))


def _how(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
