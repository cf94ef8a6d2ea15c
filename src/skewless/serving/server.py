"""Run the front: bind the port, load and verify the pipeline, serve, stop cleanly."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.errors import SettingError
from skewless.serving.app import create_app
from skewless.settings import Settings

PIPELINE: Final = "SKEWLESS_PIPELINE"
"""How worker processes learn which pipeline they serve."""

_GRACE: Final = 25
"""Seconds that requests under way have when the server is asked to stop; SageMaker kills after 30."""


def serve(
    path: Path, *, host: str, port: int, workers: int, on_ready: Callable[[Pipeline, int], None]
) -> None:
    """Serve until SIGINT or SIGTERM. SettingError where the port cannot be had; ParityError and so on from loading.

    ``on_ready`` is told the verified pipeline and the port (which differs from ``port`` when that is 0).
    """
    listener = _bind(host, port)
    try:
        settings = Settings.read()
        pipeline = load_pipeline(path, settings=settings)
        on_ready(pipeline, listener.getsockname()[1])
        if workers == 1:
            uvicorn.Server(_config(create_app(pipeline, settings))).run(sockets=[listener])
        else:
            pipeline.close()
            os.environ[PIPELINE] = str(path.resolve())
            config = _config(f"{__name__}:worker_app", workers=workers)
            Multiprocess(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    finally:
        listener.close()


def worker_app() -> Starlette:
    """The application of one worker process; the parent has verified the pipeline already."""
    settings = Settings.read()
    return create_app(load_pipeline(os.environ[PIPELINE], verify=False, settings=settings), settings)


def _config(app: Starlette | str, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # A bound port answers nobody until someone listens, but two servers may bind it: listen now, so that
        # the second one is told.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingError(
                f"port {port} on {host} is in use by another program", hint="Choose another with --port."
            ) from None
        raise SettingError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    except OverflowError:
        listener.close()
        raise SettingError(f"{port} is no port", hint="Ports are 0 to 65535.") from None
    listener.set_inheritable(True)
    return listener
