"""The server: ``python -m skewless.scripts.hosting``."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final

import uvicorn
import uvloop

from skewless.errors import SkewlessError
from skewless.scripts.hosting.front import create_front
from skewless.scripts.hosting.script import code_folder
from skewless.scripts.hosting.settings import CODE, Hosting
from skewless.scripts.hosting.workers import NotReady, Workers
from skewless.serving.listening import Server, bind
from skewless.serving.protocol import Protocol

_GRACE: Final = 25
"""Seconds that requests under way have when the server is asked to stop; it is killed after 30."""
_IDLE: Final = 75
"""Seconds that an unused connection is kept."""
_HOST: Final = "127.0.0.1"
"""Whoever starts a container is on the same machine; others shall not reach it."""


async def serve(hosting: Hosting) -> int:
    """Serve until SIGTERM; gives the exit status. NotReady where the script cannot be loaded."""
    failures: list[None] = []

    def failed() -> None:
        failures.append(None)
        server.should_exit = True

    workers = Workers(hosting.workers, hosting.timeout, failed)
    await workers.start()
    try:
        with _listener(hosting) as listener:
            server = Server(_config(hosting, workers), lambda: _greet(hosting, listener))
            await server.serve(sockets=[listener])
    finally:
        await workers.stop()
    return 1 if failures else 0


def _listener(hosting: Hosting) -> socket.socket:
    if hosting.socket is None:
        return bind(_HOST, hosting.port)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hosting.socket.unlink(missing_ok=True)
    listener.bind(str(hosting.socket))
    listener.listen(2048)
    return listener


def _greet(hosting: Hosting, listener: socket.socket) -> None:
    where = hosting.socket or f"port {listener.getsockname()[1]}"
    print(f"{hosting.name} answers on {where}, in up to {hosting.workers} processes", flush=True)


def _config(hosting: Hosting, workers: Workers) -> uvicorn.Config:
    return uvicorn.Config(
        create_front(hosting, workers),
        http=Protocol,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_IDLE,
    )


def main() -> int:
    """Exit status 1 where it cannot start, with the reason in the last line."""
    try:
        hosting = Hosting.read()
        with code_folder(hosting.code) as code:
            os.environ[CODE] = str(code)
            return uvloop.run(serve(hosting))
    except NotReady as error:
        if not error.said:
            print(f"error: {error}", file=sys.stderr, flush=True)
    except (SkewlessError, OSError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
