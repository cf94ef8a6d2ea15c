"""Pipelines behind real HTTP in this process: the server of `skewless serve`, on a thread and a port of its own."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from skewless.containers.base import Container
from skewless.containers.pipeline import Pipeline
from skewless.serving.app import create_app
from skewless.serving.listening import Server, bind
from skewless.serving.server import uvicorn_config
from skewless.settings import Settings
from tests.serving.running import PATIENCE, Answer

Ask = Callable[..., Answer]
"""``ask(body, content type, accept, method=…, path=…, **more headers)``."""


@contextmanager
def served(
    containers: Sequence[Container] | Pipeline,
    settings: Settings,
    log: Callable[[str | None, str], None] | None = None,
) -> Iterator[Ask]:
    """Serve containers as one pipeline; gives what asks it."""
    pipeline = (
        containers if isinstance(containers, Pipeline) else Pipeline(containers, strict=settings.strict)
    )
    listener, started = bind("127.0.0.1", 0), threading.Event()
    server = Server(uvicorn_config(create_app(pipeline, settings, log)), started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert started.wait(PATIENCE)
        yield _asking(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        pipeline.close()
        assert not thread.is_alive()


def _asking(port: int) -> Ask:
    def ask(
        body: bytes | None,
        kind: str | None = "text/csv",
        accept: str | None = None,
        *,
        method: str = "POST",
        path: str = "/invocations",
        **more: str,
    ) -> Answer:
        headers = {
            "content-type": kind,
            "accept": accept,
            **{k.replace("_", "-"): v for k, v in more.items()},
        }
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            given = {name: value for name, value in headers.items() if value is not None}
            connection.request(method, path, body, given)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    return ask
