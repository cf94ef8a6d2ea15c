"""A gateway's invocations in this process, on two ports: one takes the short way where it may, the other never does."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import uvicorn
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from skewless.app.connections import Bounds, bounded
from skewless.app.invocations import Invocations
from skewless.aws.front import Front
from skewless.aws.http import Head
from skewless.aws.shortcut import Again, Shortcut, Told
from skewless.aws.signature import Verifier
from skewless.control.plane import Plane
from skewless.services import Services
from skewless.serving.forms import Form
from skewless.supervisor.endpoints import Endpoints
from skewless.supervisor.fleet import Fleet, Variant
from skewless.supervisor.instances import Instance, Place
from tests.fronts import ACCESS_KEY, REGION, SECRET, nothing_here
from tests.gateways import until

ENDPOINT = "cars"
VARIANTS = {"one": 1.0, "idle": 0.0}
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CONTAINERS = ("first", "second")


def signed(
    body: bytes,
    headers: dict[str, str] | None = None,
    path: str = f"/endpoints/{ENDPOINT}/invocations",
    service: str = "sagemaker",
) -> dict[str, str]:
    """The headers of an invocation, as botocore signs it."""
    request = AWSRequest("POST", f"http://gateway{path}", headers or {}, body)
    request.headers["Host"] = "gateway"
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), service, REGION).add_auth(request)
    return {**dict(request.headers.items()), "Content-Length": str(len(body))}


def text(
    headers: dict[str, str],
    body: bytes,
    path: str = f"/endpoints/{ENDPOINT}/invocations",
    version: str = "1.1",
) -> bytes:
    """A request on the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/{version}\r\n{lines}\r\n".encode("latin-1") + body


def invocation(body: bytes, **headers: str) -> bytes:
    """A usual one."""
    return text(signed(body, {"Content-Type": "text/csv", **headers}), body)


async def instance(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Stands for an instance, and does what the first word of a body says; any status is answered with the rest."""
    with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:-2])
            body = await reader.readexactly(int(lines["content-length"]))
            word, _, rest = body.partition(b" ")
            if word == b"leaves":
                break
            if word == b"stutters":
                writer.write(b"no HTTP at all\r\n\r\n")
                break
            if word == b"controls":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: a\x01b\r\ncontent-length: 0\r\n\r\n")
                continue
            writer.write(_reply(int(word) if word.isdigit() else 200, lines, rest))
    writer.close()


def _reply(status: int, asked: dict[str, str], body: bytes) -> bytes:
    told = {
        "content-type": asked.get("accept", "text/csv"),
        "server-timing": "first;dur=0.250, second;dur=1.500",
        "content-length": str(len(body)),
    }
    attributes = "x-amzn-sagemaker-custom-attributes"
    if attributes in asked:
        told[attributes] = asked[attributes]
    if status >= 400:
        told["x-skewless-container"] = "second"
    if status == 207:
        told |= {"x-skewless-skipped": "2", "x-skewless-skipped-rows": "1-2"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode("latin-1") + body


class Counted(Shortcut):
    """Counts what is taken, and how much of it by its head's form."""

    taken = 0
    again_taken = 0

    def take(self, head: Head, body: bytes, told: Told) -> bool:
        taken = super().take(head, body, told)
        self.taken += taken
        return taken

    def again(self, form: Form, head: Head) -> Again | None:
        again = super().again(form, head)

        def take(found: re.Match[bytes], body: bytes, told: Told) -> bool:
            assert again is not None
            taken = again(found, body, told)
            self.taken += taken
            self.again_taken += taken
            return taken

        return None if again is None else take


class Ways:
    """The two ports, and how often the short way was taken."""

    def __init__(self, plane: Plane, folder: Path) -> None:
        self.plane = plane
        self.endpoints = Endpoints(plane, Services("http://gateway", REGION, "", ""), folder, folder)
        self.invocations = Invocations(plane, self.endpoints)
        self.keys = {ACCESS_KEY: SECRET}
        self.ahead = 0.0
        """Seconds by which the gateway's clock is."""
        verifier = Verifier(self.keys, lambda: time.time() + self.ahead)
        self.front = Front(plane, verifier, s3=nothing_here, invoke=self.invocations, most_bytes=1 << 20)
        self.fleet = Fleet([_variant(name, weight, folder) for name, weight in VARIANTS.items()])
        self.shortcut = Counted(verifier, self.invocations)
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        protocols = (bounded(Bounds(), self.shortcut), bounded(Bounds()))
        self.servers = [uvicorn.Server(self.config(protocol)) for protocol in protocols]
        self.loop = uvloop.new_event_loop()

    def config(self, protocol: type[asyncio.Protocol]) -> uvicorn.Config:
        return uvicorn.Config(
            self.front,
            http=protocol,
            log_config=None,
            lifespan="off",
            ws="none",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )

    def run(self) -> None:
        """Serve until the servers are asked to end."""

        async def both() -> None:
            await asyncio.gather(
                *(
                    server.serve([listener])
                    for server, listener in zip(self.servers, self.listeners, strict=True)
                )
            )
            for variant in self.fleet.variants.values():
                variant.instances[0].hop.close()
            await asyncio.sleep(0.05)  # for the connections to end

        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(both())

    def here(self, do: Callable[[], object]) -> None:
        """Do something in the gateway's thread, and wait until it is done."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(do)
        self.loop.call_soon_threadsafe(done.set)
        assert done.wait(30)

    def connect(self, way: int) -> socket.socket:
        made = socket.create_connection(self.listeners[way].getsockname(), timeout=30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def said(self, way: int, *parts: bytes) -> bytes:
        """The answer to a request, and what comes behind it where the connection then ends."""
        with self.connect(way) as client:
            for part in parts:
                with suppress(ConnectionError):
                    client.sendall(part)
            return answer(client)


def answer(client: socket.socket) -> bytes:
    """The next answer."""
    told = b""
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 16):
            told += part
            head, end, body = told.removeprefix(_GO_ON).partition(b"\r\n\r\n")
            if not end or b"\r\nconnection: close" in head:
                continue
            if len(body) >= int(head.split(b"content-length: ")[1].split(b"\r\n")[0]):
                break
    return told


def _variant(name: str, weight: float, folder: Path) -> Variant:
    async def nothing(_: int) -> None:
        raise AssertionError("no process is started here")

    def made() -> Instance:
        return Instance(Place(folder, b"", {}, folder, lambda _: lambda *_: None, nothing, nothing, 1.0))

    one = made()
    one.ready = True
    return Variant(name, {"InstanceCount": 1}, made, weight, CONTAINERS, [one])


@contextmanager
def ways(plane: Plane, folder: Path) -> Iterator[Ways]:
    """Both ways to one endpoint, whose instances live in a thread of their own."""
    made = Ways(plane, folder)
    sockets = [variant.instances[0].hop.socket for variant in made.fleet.variants.values()]
    made.endpoints._fleets[ENDPOINT] = made.fleet
    over = threading.Event()

    async def serve_instances() -> None:
        servers = [await asyncio.start_unix_server(instance, path) for path in sockets]
        while not over.is_set():
            await asyncio.sleep(0.02)
        for server in servers:
            server.close()
            await server.wait_closed()

    threads = [threading.Thread(target=partial(asyncio.run, serve_instances()), daemon=True)]
    threads.append(threading.Thread(target=made.run, daemon=True))
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(server.started for server in made.servers) and all(map(Path.exists, sockets)))
        yield made
    finally:
        for server in made.servers:
            server.should_exit = True
        threads[1].join(30)
        over.set()
        threads[0].join(30)
        made.front.close()
        for listener in made.listeners:
            listener.close()
