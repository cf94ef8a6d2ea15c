"""Limits that take their time: a Glue job's Timeout in minutes, connections that say nothing to a real gateway."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from skewless.app.connections import Bounds
from tests.app.cars import Cars
from tests.app.works import DEAF, LASTING, Works
from tests.gateways import gateway


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    artifacts = Cars.make(tmp_path_factory.mktemp("artifacts"))
    with gateway(tmp_path_factory.mktemp("limits")) as up:
        yield Works(up, artifacts)


@pytest.mark.parametrize("script", [LASTING, DEAF], ids=["listens", "does not listen"])
def test_a_run_past_its_timeout(works: Works, script: str) -> None:
    run = works.run(script, Timeout=1)
    shown = works.run_ended(run, 240)
    assert shown["JobRunState"] == "TIMEOUT"
    assert "longer than its Timeout of 1 minutes" in shown["ErrorMessage"]
    works.nothing_left()


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n", b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"]
)
def test_who_says_nothing_is_let_go(works: Works, said: bytes) -> None:
    place = urlsplit(works.up.running.url)
    longest = 4 * max(Bounds().head_seconds, 60)
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=longest) as client:
        client.sendall(said)
        with suppress(ConnectionResetError):
            while client.recv(1 << 16):
                pass
