"""The loop: whenever the state changed, and now and then anyway, make processes match it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from skewless.control.plane import Plane
from skewless.supervisor.endpoints import Endpoints
from skewless.supervisor.jobs import Jobs
from skewless.supervisor.processes import end_left_over

_TICK: Final = 2.0
"""Seconds after which it looks by itself, and metrics are written down."""

log = logging.getLogger("skewless.supervisor")


class Supervisor:
    """Endpoints and jobs, kept as the store wants them."""

    def __init__(self, plane: Plane, endpoints: Endpoints, jobs: Jobs, changed: asyncio.Event) -> None:
        self.plane = plane
        self.endpoints = endpoints
        self.jobs = jobs
        self._changed = changed
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Clear up after a gateway that was killed, start again what served, and begin to look."""
        await asyncio.to_thread(end_left_over, self.plane.store)
        await asyncio.to_thread(self.jobs.recover)
        await self.endpoints.recover()
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End all processes."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await asyncio.gather(self.endpoints.stop(), self.jobs.stop())
        await asyncio.to_thread(self.plane.metrics.flush)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            for reconcile in (self.endpoints.reconcile, self.jobs.reconcile):
                try:
                    await reconcile()
                except Exception:
                    log.exception("the supervisor could not do all; it tries again")
                    await asyncio.sleep(_TICK)
            try:
                await asyncio.wait_for(self._changed.wait(), _TICK)
            except TimeoutError:
                await self._write_metrics()

    async def _write_metrics(self) -> None:
        try:
            await asyncio.to_thread(self.plane.metrics.flush)
        except Exception:
            log.exception("metrics could not be written; they are kept and written later")
