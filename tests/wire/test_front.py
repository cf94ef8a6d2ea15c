"""Real clients through the whole front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from skewless.control.plane import Plane
from tests.fronts import client, front
from tests.planes import plane as make_plane


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with make_plane(tmp_path) as plane:
        yield plane


@pytest.fixture
def url(plane: Plane) -> Iterator[str]:
    with front(plane) as url:
        yield url


def test_who_am_i(url: str) -> None:
    answer = client("sts", url).get_caller_identity()
    assert answer["Account"] == "000000000000"
    assert (
        answer["ResponseMetadata"]["RequestId"]
        == answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    )
