"""Servers that give back what they get: ``python -m benchmarks.echo FOLDER PORT own|plain``.

``own`` is the server of an instance with a pipeline that does nothing: what is left is HTTP. ``plain`` is the least
that an ASGI application can do on uvicorn.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import uvicorn

from skewless.containers.base import Answer
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Course, Pipeline
from skewless.serving.app import create_app
from skewless.serving.listening import Server, bind
from skewless.serving.server import uvicorn_config
from skewless.settings import Settings


class Echo(Pipeline):
    """It has containers, as any pipeline, and asks none of them."""

    def invoke(
        self,
        body: bytes,
        content_type: str | None = "text/csv",
        accept: str | None = None,
        course: Course | None = None,
    ) -> Answer:
        """What came; the server is told times, as by any pipeline."""
        if course is not None:
            course.containers = self.names
            course.given[self.names[0]] = len(body)
            course.marks.extend([perf_counter_ns()] * (len(self.names) + 1))
        return Answer(body, "text/csv")


async def plain(_: Any, receive: Any, send: Any) -> None:
    """The ASGI application."""
    message = await receive()
    headers = [
        (b"content-type", b"text/csv"),
        (b"content-length", str(len(message["body"])).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": message["body"]})


def main() -> None:
    """Serve."""
    folder, port, kind = sys.argv[1:]
    if kind == "plain":
        uvicorn.run(
            plain,
            port=int(port),
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            log_level="warning",
        )
        return
    pipeline = Echo(load_pipeline(Path(folder) / "cars" / "pipeline.yaml").containers)
    listener = bind("127.0.0.1", int(port))
    Server(uvicorn_config(create_app(pipeline, Settings())), lambda: None).run(sockets=[listener])


if __name__ == "__main__":
    main()
