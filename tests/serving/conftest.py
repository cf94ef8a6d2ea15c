"""One pipeline and one server that most tests here share; each leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines import build
from tests.serving.running import Server, serving


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline.yaml; nobody writes into its folder."""
    return build(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="session")
def server(pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a small limit for bodies."""
    folder = tmp_path_factory.mktemp("server")
    with serving(pipeline, folder, environment={"SKEWLESS_MAX_PAYLOAD_MB": "1"}) as running:
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log
