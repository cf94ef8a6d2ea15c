"""One instance of an endpoint: a process that is kept alive, and the requests that are on their way through it."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from skewless.jobs.job import why_not
from skewless.names import instance_id
from skewless.serving.asked import ASKED
from skewless.supervisor.children import Child, Sink
from skewless.supervisor.hop import Hop, HopError, Reply, Told

_PROGRAM: Final = (sys.executable, "-m", "skewless.serving.instance")
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 30.0
"""Seconds before a crashed instance is started again: doubled each time, up to the longest."""
_STEADY: Final = 60.0
"""Seconds after which a crash counts as the first."""
_GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL, as in SageMaker."""

_ROOM: Final = 16 << 10
"""Bytes for what an instance says of why it cannot start."""

log = logging.getLogger("skewless.supervisor")


class InstanceError(Exception):
    """An instance could not be started; the text says which container and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance of a variant runs: its deployment's folder, its environment and its log."""

    folder: Path
    """Holds ``instance.json`` and the fetched artifacts; all instances of the variant share it."""
    asked: bytes
    """What stands in ``instance.json``."""
    environment: Mapping[str, str]
    sockets: Path
    sink: Callable[[str], Sink]
    """The log of an instance, by its id."""
    register: Callable[[int], Awaitable[None]]
    """Notes a process that was started."""
    forget: Callable[[int], Awaitable[None]]
    """Notes that one has ended."""
    longest_start: float
    """Seconds that a new instance has until it answers a ping."""


class Instance:
    """A process that serves, started again when it ends by itself."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.id = instance_id()
        self.in_flight = 0
        self.ready = False
        self.changed = asyncio.Event()
        """Set when it becomes ready; whoever waits clears it."""
        self.hop = Hop(place.sockets / f"{self.id}.sock")
        self.restarts = 0
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._idle = asyncio.Event()

    async def start(self, on_change: Callable[[], None]) -> None:
        """Start it and wait until it answers; from then on it is kept alive. InstanceError where it never does."""
        await self._launch()
        on_change()
        self._keeper = asyncio.create_task(self._keep(on_change))

    def revive(self, on_change: Callable[[], None]) -> None:
        """Keep it alive from the start, however often that takes: what ran before the gateway's own start."""
        self._keeper = asyncio.create_task(self._keep(on_change))

    async def ask(self, headers: Iterable[tuple[str, str]], body: bytes, seconds: float) -> Reply:
        """One invocation. HopError where the process went away, TimeoutError where it takes longer than so."""
        self.in_flight += 1
        try:
            return await self.hop.ask("POST", "/invocations", seconds=seconds, headers=headers, body=body)
        finally:
            self.ended()

    def offer(self, headers: Iterable[tuple[str, str]], body: bytes, seconds: float, told: Told) -> bool:
        """One invocation that waits for nothing but its answer. False, and nothing is done, where it would have to.

        Whoever is told then calls `ended`.
        """
        offered = self.hop.offer("POST", "/invocations", told, seconds=seconds, headers=headers, body=body)
        self.in_flight += offered
        return offered

    def ended(self) -> None:
        """Have one invocation fewer under way."""
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def stop(self, drain: float) -> None:
        """End it for good, when its requests have been answered or ``drain`` seconds are over."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(drain):
                while self.in_flight:
                    self._idle.clear()
                    await self._idle.wait()
        self.ready = False
        self.hop.close()
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._child is not None:
            await self._end(self._child)
        self.hop.socket.unlink(missing_ok=True)

    async def _keep(self, on_change: Callable[[], None]) -> None:
        pause = _FIRST_PAUSE
        while True:
            since = time.monotonic()
            if self._child is not None:
                pid, status = self._child.pid, await self._child.wait()
                self._child, self.ready = None, False
                self.hop.close()
                on_change()
                await self.place.forget(pid)
                log.warning("instance %s ended with status %d", self.id, status)
            pause = _FIRST_PAUSE if time.monotonic() - since > _STEADY else min(2 * pause, _LONGEST_PAUSE)
            if self.restarts:
                await asyncio.sleep(pause)
            self.restarts += 1
            try:
                await self._launch()
                on_change()
            except InstanceError as error:
                log.warning("instance %s could not be started: %s", self.id, error)

    async def _launch(self) -> None:
        self.hop.socket.unlink(missing_ok=True)
        failure = self.place.folder / f"{self.id}.failure"
        try:
            self._lay_out(failure)
            self._child = child = await Child.start(
                (*_PROGRAM, str(self.place.folder), str(self.hop.socket), str(failure)),
                folder=self.place.folder,
                environment=self.place.environment,
                sink=self.place.sink(self.id),
            )
        except OSError as error:
            raise InstanceError(why_not(error)) from None
        try:
            await self.place.register(child.pid)
            await self._until_up(child, failure)
        except BaseException:
            self._child = None
            await self._end(child)
            raise
        failure.unlink(missing_ok=True)
        self.ready = True

    def _lay_out(self, failure: Path) -> None:
        self.place.folder.mkdir(parents=True, exist_ok=True)
        part = self.place.folder / f".{self.id}.part"
        part.write_bytes(self.place.asked)
        part.replace(self.place.folder / ASKED)  # another instance may be reading it
        # The room for its last words is taken now, so that it can say that the disk is full.
        failure.write_bytes(bytes(_ROOM))

    async def _end(self, child: Child) -> None:
        pid = child.pid
        await child.stop(_GRACE)
        await self.place.forget(pid)

    async def _until_up(self, child: Child, failure: Path) -> None:
        ended = asyncio.create_task(child.ended.wait())
        try:
            async with asyncio.timeout(self.place.longest_start):
                while not ended.done():
                    with suppress(HopError):
                        limit = self.place.longest_start
                        if (await self.hop.ask("GET", "/ping", seconds=limit)).status == 200:
                            return
                    await asyncio.wait([ended], timeout=0.02)
        except TimeoutError:
            raise InstanceError(
                f"it did not answer a ping within {self.place.longest_start:.0f} seconds"
            ) from None
        finally:
            ended.cancel()
        status = await child.wait()
        raise InstanceError(_told(failure) or f"its process ended with status {status}")


def _told(failure: Path) -> str | None:
    """Why an instance could not start, as it wrote down itself."""
    try:
        return msgspec.json.decode(failure.read_bytes(), type=str)
    except (OSError, ValueError):
        return None
    finally:
        failure.unlink(missing_ok=True)
