"""`skewless up`: one process with the wire in front and the supervisor behind, over one data folder."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from skewless.app.connections import bounded, make_room
from skewless.app.data_dir import REGION, DataDir, Identity
from skewless.app.invocations import Invocations
from skewless.app.scrapes import Scrapes
from skewless.aws.front import App, Front
from skewless.aws.s3 import ForwardApp, S3App
from skewless.aws.shortcut import Shortcut
from skewless.aws.signature import Verifier
from skewless.blobs import Blobs, open_blobs
from skewless.containers.process.registered import read_images
from skewless.control.first_start import ensure_default_role
from skewless.control.plane import Plane
from skewless.errors import SettingError
from skewless.names import Names
from skewless.services import Services
from skewless.serving.listening import Server, bind
from skewless.settings import ENVIRONMENTS
from skewless.store import Store
from skewless.supervisor.endpoints import Endpoints
from skewless.supervisor.jobs import Jobs
from skewless.supervisor.supervisor import Supervisor
from skewless.telemetry.logs import LogStore
from skewless.telemetry.metrics import Metrics

_GRACE: Final = 5
"""Seconds that requests under way have when the gateway is asked to stop."""
_IDLE: Final = 75
"""Seconds that an unused connection is kept."""
_JOBS: Final = 4
"""Jobs that run at once; more wait."""


@dataclass(frozen=True, slots=True)
class OtherS3:
    """Where objects are kept in place of the data folder."""

    endpoint_url: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class Options:
    """What `skewless up` was asked for."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 4700
    database: str | None = None
    region: str | None = None
    s3: OtherS3 | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """What there is to tell once it answers."""

    url: str
    identity: Identity
    first: bool
    """Whether this was the first start in its data folder."""
    seconds: float


def run(options: Options, on_ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT or SIGTERM. SettingError where it cannot start."""
    began = time.perf_counter()
    folder = DataDir(options.data_dir.absolute())
    folder.make()
    with folder.locked(), folder.sockets() as sockets:
        identity, first = _identity(folder, options)
        _check_open(options.host, identity)
        with bind(options.host, options.port) as listener:
            url = _url(options.host, listener.getsockname()[1])

            def ready() -> None:
                folder.announce(url, time.time())
                on_ready(Ready(url, identity, first, time.perf_counter() - began))

            gateway = _Gateway(folder, identity, options, url, sockets)
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(gateway.serve(listener, ready))
            finally:
                gateway.close()


def _url(host: str, port: int) -> str:
    """Where clients on this machine find us: by number, since S3's clients put a bucket before a name."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


class _Gateway:
    """All parts, put together."""

    def __init__(
        self, folder: DataDir, identity: Identity, options: Options, url: str, sockets: Path
    ) -> None:
        services = Services(
            url,
            identity.region,
            identity.access_key,
            identity.secret_key,
            # Jobs and instances reach another S3 as any client does: through us.
            **({"s3_endpoint_url": url} if options.s3 else {"s3_folder": str(folder.s3)}),
        )
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.store = Store.open(options.database or folder.database)
        self.plane = Plane(
            self.store,
            Names(identity.region),
            logs=LogStore(folder.logs),
            metrics=Metrics(self.store),
            blobs=_blobs(folder, options.s3, identity.region),
            images=partial(read_images, folder.root),
            wake=self._wake,
            leave=lambda name: self.endpoints.leave(name),
        )
        ensure_default_role(self.plane)
        os.environ.setdefault(ENVIRONMENTS, str(folder.environments))  # what children of ours read too
        self.endpoints = Endpoints(self.plane, services, folder.endpoints, sockets)
        jobs = Jobs(self.plane, services, folder.jobs, _JOBS)
        self.supervisor = Supervisor(self.plane, self.endpoints, jobs, self._changed)
        verifier = Verifier({identity.access_key: identity.secret_key})
        self.s3 = _s3(folder, options.s3, identity.region)
        invocations = Invocations(self.plane, self.endpoints)
        self.front = Front(self.plane, verifier, s3=self.s3, invoke=invocations)
        self.app = Scrapes(self.front, invocations.meters.families)

    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until a signal asks to stop; children first, so that nobody is left behind."""
        self._loop = asyncio.get_running_loop()
        await self.supervisor.start()
        try:
            await Server(_config(self.app, self.front.shortcut), ready).serve(sockets=[listener])
        finally:
            await self.supervisor.stop()

    def close(self) -> None:
        """Close files and connections."""
        self.front.close()
        self.s3.close()
        self.plane.logs.close()
        self.store.close()

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)


def _config(app: App, shortcut: Shortcut) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        http=bounded(make_room(), shortcut),
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_IDLE,
    )


def _identity(folder: DataDir, options: Options) -> tuple[Identity, bool]:
    found = folder.identity()
    identity = found or folder.make_identity(options.region or REGION)
    if options.region and options.region != identity.region:
        raise SettingError(
            f"{folder.root} belongs to region {identity.region}, not {options.region}",
            hint="Leave --region out, or choose another --data-dir.",
        )
    return identity, found is None


def _check_open(host: str, identity: Identity) -> None:
    """Beyond this machine only keys that nobody can guess guard the door."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and not identity.strong:
        raise SettingError(
            f"host {host} is open to other machines, but the secret key in identity.json is not one that was made here",
            hint="Remove identity.json, so that new keys are made, or listen on 127.0.0.1.",
        )


def _s3(folder: DataDir, other: OtherS3 | None, region: str) -> S3App | ForwardApp:
    if other is None:
        return S3App(folder.s3, region)
    return ForwardApp(other.endpoint_url, region, other.access_key, other.secret_key)


def _blobs(folder: DataDir, other: OtherS3 | None, region: str) -> Blobs:
    if other is None:
        return open_blobs(s3_folder=folder.s3)
    return open_blobs(
        s3_endpoint_url=other.endpoint_url,
        region=region,
        access_key=other.access_key,
        secret_key=other.secret_key,
    )
