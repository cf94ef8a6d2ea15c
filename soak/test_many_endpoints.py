"""Two hundred endpoints, each a process of its own, in waves: made, listed, invoked, deleted, and nothing left."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.app.cars import Cars
from tests.gateways import gateway, until

ENDPOINTS: Final = 200
WAVE: Final = 40
"""At once: an instance takes some 120 MiB."""


def test_two_hundred_endpoints(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    artifacts = Cars.make(tmp_path / "artifacts")
    with gateway(tmp_path / "up") as up:
        cars = Cars(up, artifacts)
        config = cars.config("small")
        for first in range(0, ENDPOINTS, WAVE):
            wave = [f"wave-{number:03}" for number in range(first, first + WAVE)]
            for name in wave:
                cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
            cars.endpoints = wave
            # All of them start at once, on however few cores.
            until(lambda: not cars.sagemaker.list_endpoints(StatusEquals="Creating")["Endpoints"], 600)
            pages = cars.sagemaker.get_paginator("list_endpoints").paginate(
                StatusEquals="InService",
                SortBy="Name",
                SortOrder="Ascending",
                PaginationConfig={"PageSize": 15},
            )
            assert [one["EndpointName"] for page in pages for one in page["Endpoints"]] == wave
            assert {cars.invoke(name) for name in wave} == {b"vgood"}
            assert len(up.children()) == WAVE
            cars.clean()
        assert cars.sagemaker.list_endpoints()["Endpoints"] == []
        until(lambda: up.children() == [])
        assert list(up.folder.endpoints.iterdir()) == []
        assert list((up.folder.run / "sockets").iterdir()) == []
