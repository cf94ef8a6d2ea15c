"""The car pipeline as a service of BentoML, which its command loads from here."""

from __future__ import annotations

import os

import bentoml

from benchmarks.peers.cars import Cars


@bentoml.service(workers=1, http={"host": "127.0.0.1"}, logging={"access": {"enabled": False}})
class CarService:
    """One car a request."""

    def __init__(self) -> None:
        self.cars = Cars(os.environ["BENCH_WORK"])

    @bentoml.api(route="/invocations")
    async def classify(
        self, buying: str, maint: str, doors: str, persons: str, lug_boot: str, safety: str
    ) -> dict[str, str]:
        """The label."""
        return {"label": self.cars.label([buying, maint, doors, persons, lug_boot, safety])}
