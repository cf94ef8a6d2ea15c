"""The embedded S3 behind the real front, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skewless.aws.s3 import S3App
from tests.fronts import client, front
from tests.planes import plane


@dataclass(frozen=True)
class Server:
    """Where it is, and the folder of its buckets."""

    url: str
    folder: Path

    def client(self, **settings: Any) -> Any:
        """A boto3 client."""
        return client("s3", self.url, **settings)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; each has buckets of its own."""
    folder = tmp_path_factory.mktemp("s3server")
    app = S3App(folder / "s3", "us-east-1")
    with plane(folder) as ground, front(ground, s3=app) as url:
        yield Server(url, folder / "s3")
    app.close()


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    """A boto3 client; making one takes longer than most tests."""
    return server.client()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of this test's own."""
    name = "".join(sign if sign.isalnum() else "-" for sign in request.node.name.lower()).strip("-")
    name = f"{name[:40].strip('-')}-{abs(hash(request.node.nodeid)) % 10**8}"
    s3.create_bucket(Bucket=name)
    return name
