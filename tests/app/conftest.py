"""The car pipeline's artifacts in a bucket of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.cars import Cars
from tests.gateways import Gateway


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Cars.make(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture
def cars(up: Gateway, artifacts: Path) -> Iterator[Cars]:
    made = Cars(up, artifacts)
    yield made
    made.clean()
