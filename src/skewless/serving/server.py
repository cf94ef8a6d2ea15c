"""Run the front: bind the port, load and verify the pipeline, serve, stop cleanly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.errors import SkewlessError
from skewless.serving.app import create_app
from skewless.serving.express import Express
from skewless.serving.lean import keep_small
from skewless.serving.listening import Server, bind, settle
from skewless.serving.meters import shared_counters
from skewless.settings import Settings
from skewless.telemetry.counters import Counters

_GRACE: Final = 25
"""Seconds that requests under way have when the server is asked to stop; SageMaker kills after 30."""
_IDLE: Final = 75
"""Seconds that an unused connection is kept: longer than proxies keep theirs, so that they are the ones to close it."""
_SILENCE: Final = 30
"""Seconds after which a worker that does not answer its parent is replaced; a small machine starts it slowly."""
_START: Final = 600
"""Seconds that worker processes have to load a model."""

Ready = Callable[[Pipeline, int], None]


def serve(
    path: Path, *, host: str, port: int, workers: int, on_ready: Ready, settings: Settings | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. SettingError where the port cannot be had; ParityError and so on from loading.

    ``on_ready`` is told the verified pipeline and the port (which differs from ``port`` when that is 0) as soon as
    requests are answered.
    """
    keep_small()
    listener = bind(host, port)
    try:
        chosen = settings or Settings.read()
        pipeline = load_pipeline(path, settings=chosen)

        def started() -> None:
            on_ready(pipeline, listener.getsockname()[1])

        if workers == 1:
            with pipeline:
                Server(uvicorn_config(create_app(pipeline, chosen)), started).run(sockets=[listener])
        else:
            pipeline.close()
            app = partial(_worker_app, path.resolve(), chosen, shared_counters(workers))
            _Workers(uvicorn_config(app, workers=workers), listener, started).run()
    finally:
        listener.close()


def serve_on_socket(app: Starlette, path: Path) -> None:
    """Serve on a Unix socket until SIGTERM, which lets requests under way end."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(2048)
        Server(uvicorn_config(app), lambda: None).run(sockets=[listener])


class _Workers(Multiprocess):
    """Worker processes on one port: a dead one is replaced; none outlives this process."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets=[listener])
        self._on_started = on_started

    def init_processes(self) -> None:
        super().init_processes()
        if all(process.wait_until_ready(_START) for process in self.processes):
            self._on_started()

    def keep_subprocess_alive(self) -> None:
        # This process's copies of the workers' ends; without them, the end of a worker is seen at once.
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()

    def run(self) -> None:
        """SkewlessError where a worker could not start; it has said why."""
        try:
            super().run()
        except BaseException:
            self.terminate_all()
            raise
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            raise SkewlessError("a worker process could not start", hint="What it said stands above.")


def _worker_app(path: Path, settings: Settings, counters: Counters) -> Starlette:
    """The application of one worker process, which these are sent to.

    It verifies too: the files may be others than those that the first process saw, when a dead worker is replaced.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_small()
    try:
        pipeline = load_pipeline(path, settings=settings)
        Finalize(
            None, pipeline.close, exitpriority=0
        )  # multiprocessing's processes run nothing else at their end
        settle()
        return create_app(pipeline, settings, counters=counters)
    except SkewlessError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # ends however the parent does, by SIGKILL too
        os.kill(os.getpid(), signal.SIGTERM)


def uvicorn_config(app: Starlette | Callable[[], Starlette], workers: int = 1) -> uvicorn.Config:
    """How every server of a pipeline runs; where ``app`` makes the application, each worker calls it."""
    return uvicorn.Config(
        app,
        factory=not isinstance(app, Starlette),
        workers=workers,
        loop="uvloop",
        http=Express,
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_IDLE,
        timeout_worker_healthcheck=_SILENCE,
    )
