"""The wire front on a real socket, for tests that ask with real clients."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import uvicorn
from botocore.config import Config

from skewless.aws.front import App, Front, Receive, Scope, Send
from skewless.aws.http import Answer
from skewless.aws.invoke import Invocation, Invoke, Tell
from skewless.aws.signature import Verifier
from skewless.control.plane import Plane

ACCESS_KEY = "AKIASKEWLESSTESTS000"
SECRET = "a-secret/of+the=tests"
REGION = "us-east-1"


async def nothing_here(_: Scope, __: Receive, send: Send) -> None:
    """Stands where a test has no app: 404."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Stand:
    """Stands for InvokeEndpoint: answers by a function. 404 without one."""

    def __init__(self, answer: Callable[[Invocation, bytes], Answer] = lambda *_: Answer(404, b"")) -> None:
        self._answer = answer

    async def __call__(self, asked: Invocation, body: bytes) -> Answer:
        return self._answer(asked, body)

    def begin(self, asked: Invocation, body: bytes, tell: Tell) -> None:
        tell(self._answer(asked, body))


@contextmanager
def serve(app: App) -> Iterator[str]:
    """The app on a free port of the loopback; yields the URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@contextmanager
def front(
    plane: Plane, *, s3: App = nothing_here, invoke: Invoke | None = None, **options: Any
) -> Iterator[str]:
    """The front over a plane; yields the URL that clients take as their endpoint."""
    app = Front(plane, Verifier({ACCESS_KEY: SECRET}), s3=s3, invoke=invoke or Stand(), **options)
    try:
        with serve(app) as url:
            yield url
    finally:
        app.close()


@cache
def _session() -> Any:
    """Kept, for it keeps the services' models."""
    return boto3.session.Session(ACCESS_KEY, SECRET, region_name=REGION)


def client(service: str, url: str, **settings: Any) -> Any:
    """A real client of the service, which does not try again."""
    config = Config(retries={"total_max_attempts": 1}, **settings)
    return _session().client(service, endpoint_url=url, config=config)


def environment(url: str) -> Mapping[str, str]:
    """What AWS programs find their service by."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
