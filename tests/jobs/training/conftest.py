"""Channels that several tests train on."""

from __future__ import annotations

import pytest

from tests.jobs.training.channels import Channels, make_channels


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Channels:
    """Labels 0, 1 and 2."""
    return make_channels(
        tmp_path_factory.mktemp("three"), lambda x: (x[:, 0] + x[:, 1] * x[:, 2] > 0) + (x[:, 3] > 0.5) * 1.0
    )


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Channels:
    """Labels 0 and 1."""
    return make_channels(tmp_path_factory.mktemp("two"), lambda x: x[:, 0] + x[:, 1] * x[:, 2] > 0)
