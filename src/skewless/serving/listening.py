"""A port, and uvicorn's server on it: what every server of ours shares."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from skewless.errors import SettingError


class Server(uvicorn.Server):
    """Tells when it answers; being asked to stop is no failure of it."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle()
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            # Uvicorn would raise them again, and the process would end by the signal in place of status 0.
            self._captured_signals.clear()


def settle() -> None:
    """What was loaded stays: the collector need not walk it again and again, 30 ms each time amid requests."""
    gc.freeze()


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. SettingError where the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise SettingError(
            f"cannot listen on host {host!r}: {error.strerror}", hint="Choose another with --host."
        ) from None
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
        raise SettingError(
            f"cannot listen on host {host!r}, port {port}: {error.strerror}",
            hint="Choose others with --host and --port.",
        ) from None
    except OverflowError:
        listener.close()
        raise SettingError(f"{port} is no port", hint="Ports are 0 to 65535.") from None
    listener.set_inheritable(True)
    return listener
