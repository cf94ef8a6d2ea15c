"""Jobs: each a process with a folder; what it writes there goes to the state, what it prints to its log."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from skewless.containers.process.registered import Registered
from skewless.control import running
from skewless.control.plane import Plane
from skewless.control.run import End, Run
from skewless.control.states import IllegalStep
from skewless.jobs.job import OUTCOME, PROGRESS, Asked, Outcome, why_not, write_asked
from skewless.services import Services
from skewless.supervisor.children import Child
from skewless.supervisor.processes import forget, register
from skewless.supervisor.writing import written

_PROGRAM: Final = (sys.executable, "-m", "skewless.jobs.run")
_GRACE: Final = {"training": 900.0}
_OTHERS_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL. A training job ends its program after 120 itself, and uploads what there is."""
_LOOK: Final = 0.2
"""Seconds between looks at what a job has written about its progress."""

log = logging.getLogger("skewless.supervisor")


class Jobs:
    """All jobs that run."""

    def __init__(self, plane: Plane, services: Services, folder: Path, at_once: int) -> None:
        self.plane = plane
        self.services = services
        self.folder = folder
        self.at_once = at_once
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._asked_to_stop: dict[tuple[str, str], asyncio.Event] = {}

    def recover(self) -> None:
        """At a gateway's start: end what ran when the one before was killed, and clear it away."""
        running.orphans(self.plane)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)  # one that is a disk of its own has stayed

    async def reconcile(self) -> None:
        """Start what waits, as far as there is room, and stop what shall stop."""
        for kind, name in await asyncio.to_thread(running.to_stop, self.plane):
            event = self._asked_to_stop.get((kind, name))
            if event is not None:
                event.set()
            else:
                with suppress(IllegalStep):  # it has just ended by itself
                    await asyncio.to_thread(running.ended, self.plane, kind, name, "Stopped")
        if len(self._tasks) >= self.at_once:
            return
        for run in await asyncio.to_thread(running.to_start, self.plane):
            key = (run.kind, run.name)
            if len(self._tasks) >= self.at_once:
                return
            if key not in self._tasks and await asyncio.to_thread(running.began, self.plane, *key):
                self._asked_to_stop[key] = asyncio.Event()
                self._tasks[key] = asyncio.create_task(self._run(run))

    async def stop(self) -> None:
        """End every job's process at once. The next start tells the state."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, run: Run) -> None:
        key = (run.kind, run.name)
        folder = self.folder / run.kind / run.name
        try:
            end, outcome = await self._process(run, folder)
            await written(partial(running.ended, self.plane, *key, end, outcome.reason, outcome.result))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("%s job %s", *key)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
            await written(partial(running.ended, self.plane, *key, "Failed", reason))
        finally:
            del self._tasks[key], self._asked_to_stop[key]
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            self.plane.wake()

    async def _process(self, run: Run, folder: Path) -> tuple[End, Outcome]:
        asked = Asked(
            run.kind, run.name, run.arn, run.request, self.services, run.containers, _images(self.plane, run)
        )
        try:
            shutil.rmtree(folder, ignore_errors=True)
            write_asked(folder, asked)
        except OSError as error:
            return "Failed", Outcome("Failed", why_not(error))
        child = await Child.start(
            (*_PROGRAM, str(folder)),
            folder=folder,
            environment={**os.environ, "PYTHONUNBUFFERED": "1"},
            sink=lambda mark, line: self.plane.logs.write(*run.log(mark), line),
        )
        over = asyncio.Event()
        watching = asyncio.create_task(self._watch(run, folder / PROGRESS, over))
        try:
            await written(partial(register, self.plane.store, child.pid))
            cut = await self._until_end(run, child)
            status = await child.wait()
            over.set()
            await watching
        except BaseException:
            watching.cancel()
            child.signal(signal.SIGKILL)
            await child.wait()
            raise
        finally:
            await asyncio.to_thread(forget, self.plane.store, child.pid)
        return _outcome(folder, status, cut)

    async def _until_end(self, run: Run, child: Child) -> End | None:
        """Wait for the process; gives what cut it short, if anything did."""
        ended = asyncio.create_task(child.wait())
        asked = asyncio.create_task(self._asked_to_stop[run.kind, run.name].wait())
        try:
            await asyncio.wait([ended, asked], timeout=run.limit, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return None
            cut: End = "Stopped" if asked.done() else "TimedOut"
            child.signal(signal.SIGTERM)
            await asyncio.wait([ended], timeout=_GRACE.get(run.kind, _OTHERS_GRACE))
            child.signal(signal.SIGKILL)
            await ended
            return cut
        finally:
            asked.cancel()

    async def _watch(self, run: Run, file: Path, over: asyncio.Event) -> None:
        """Hand on the lines of progress as they come, and those of the end before it is told."""
        told, last = 0, False
        while not last:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await over.wait()
            last = over.is_set()
            told = await self._tell(run, file, told)

    async def _tell(self, run: Run, file: Path, told: int) -> int:
        if not file.exists():
            return told
        with file.open("rb") as opened:
            opened.seek(told)
            for line in opened:
                if not line.endswith(b"\n"):
                    break
                told += len(line)
                with suppress(ValueError):  # a full disk cuts a line in two
                    said: dict[str, Any] = msgspec.json.decode(line)
                    await written(partial(running.progress, self.plane, run.kind, run.name, said))
        return told


def _images(plane: Plane, run: Run) -> dict[str, Registered]:
    """The programs that have a name among the images that a run trains with, or that its model has."""
    training = (run.request.get("AlgorithmSpecification") or {}).get("TrainingImage")
    named = {training, *(container["Image"] for container in run.containers)}
    return {name: image for name, image in plane.images().items() if name in named}


def _outcome(folder: Path, status: int | None, cut: End | None) -> tuple[End, Outcome]:
    """How it ended, by what it wrote itself; a process that is killed writes nothing."""
    try:
        told = msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Outcome)
    except (OSError, ValueError):
        told = None
    if told is not None:
        return (cut or cast(End, told.outcome)), told
    if cut is not None:
        return cut, Outcome("Stopped")
    name = signal.Signals(-status).name if status is not None and status < 0 else f"status {status}"
    return "Failed", Outcome(
        "Failed",
        f"InternalServerError: the job's process ended with {name} before it had told how it went"
        + (" (out of memory, or killed from outside)" if name == "SIGKILL" else ""),
    )
