"""A front whose ways for S3 and invocations tell what they were given."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from skewless.aws.front import KEY, Receive, Scope, Send, Verified
from skewless.aws.http import Answer
from skewless.aws.invoke import Invocation
from skewless.control.plane import Plane
from tests.fronts import Stand, front
from tests.planes import plane as make_plane
from tests.wire.captured import SMALL


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for S3's app: answers the verified body, once it has come to its end."""
    verified: Verified = scope[KEY]
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = json.dumps([verified.signed.claim.service, verified.trailers]).encode()
    headers = [(b"x-told", told), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def echo_invocation(asked: Invocation, body: bytes) -> Answer:
    """Stands for InvokeEndpoint."""
    return Answer(200, body, {"x-told": asked.head.path.decode()})


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with make_plane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="package")
def url(plane: Plane) -> Iterator[str]:
    with front(plane, s3=echo, invoke=Stand(echo_invocation), most_bytes=SMALL, patience=0.5) as url:
        yield url
