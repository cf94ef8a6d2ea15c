"""One gateway for the tests of this folder, and the car pipeline's artifacts in a bucket of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.cars import Cars
from tests.gateways import Gateway, gateway


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("up")) as found:
        yield found


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Cars.make(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture
def cars(up: Gateway, artifacts: Path) -> Iterator[Cars]:
    made = Cars(up, artifacts)
    yield made
    made.clean()
