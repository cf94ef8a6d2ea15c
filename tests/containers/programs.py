"""Programs of several kinds as containers, well-behaved and not; each answers on what it is told to."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skewless.containers.process.container import ProcessContainer, Runnable
from skewless.containers.process.hosting import Hosting
from skewless.containers.process.layout import Layout
from skewless.containers.process.life import Pace
from skewless.settings import Settings

QUICK: Final = Pace(ping_every=0.1, ping_timeout=2.0, first_pause=0.02, longest_pause=0.1, grace=1.0)

# What a request's body asks of it, by its first word.
ECHO: Final = """
import http.server, json, os, signal, socket, socketserver, subprocess, sys, threading, time

KEPT = []
QUIET = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", kind="text/plain", **more):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/ping":
            if QUIET:
                time.sleep(60)
            self.reply(200)
        elif self.path == "/execution-parameters" and "PARAMETERS" in os.environ:
            self.reply(200, os.fsencode(os.environ["PARAMETERS"]), "application/json")
        else:
            self.reply(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word, _, rest = body.decode("latin-1").partition(" ")
        getattr(self, "do_" + word, self.echo)(rest)

    def echo(self, rest):
        told = {
            "content_type": self.headers.get("Content-Type"),
            "accept": self.headers.get("Accept"),
            "pid": os.getpid(),
        }
        self.reply(200, json.dumps(told).encode(), "application/json; charset=utf-8")

    def do_env(self, rest):
        self.reply(200, json.dumps(dict(os.environ)).encode(), "application/json")

    def do_list(self, rest):
        found = [os.path.join(at, name) for at, _, names in os.walk(rest) for name in names]
        self.reply(200, "\\n".join(sorted(found)).encode())

    def do_status(self, rest):
        status, _, kind = rest.partition(" ")
        self.reply(int(status), b'{"error": "no \\xff"}', kind)

    def do_plain(self, rest):
        self.reply(200, rest.encode(), None)

    def do_sleep(self, rest):
        print("asleep", flush=True)
        time.sleep(float(rest))
        self.reply(200, b"slept")

    def do_die(self, rest):
        print("last words", file=sys.stderr, flush=True)
        os._exit(int(rest))

    def do_killed(self, rest):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_leak(self, rest):
        while True:
            KEPT.append(bytearray(os.urandom(1 << 20)))

    def do_fork(self, rest):
        while True:
            subprocess.Popen(["sleep", "1000"])

    def do_spin(self, rest):
        threading.Thread(target=self.spin, daemon=True).start()
        self.reply(200, b"spinning")

    def spin(self):
        while True:
            pass

    def do_quiet(self, rest):
        QUIET.append(True)
        self.reply(200, b"quiet")

    def do_orphan(self, rest):
        made = subprocess.Popen(["setsid", "sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"], stdout=subprocess.PIPE)
        self.reply(200, made.stdout.readline().strip())

    def do_huge(self, rest):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"100000\\r\\n" + bytes(1 << 20) + b"\\r\\n")
        except OSError:
            self.close_connection = True

    def do_raw(self, rest):
        # In one piece with the connection's end: an answer that promises more would have it used again before that.
        if self.connection.family == socket.AF_INET:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.wfile.write(rest.encode("latin-1"))
        self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True

    def do_close(self, rest):
        self.close_connection = True


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class OneAtATime(http.server.HTTPServer):
    pass


def main():
    how = os.environ.get("LISTEN", "port")
    if how == "socket":
        server = UnixServer(os.environ["SKEWLESS_BIND_TO_SOCKET"], Handler)
    else:
        kind = OneAtATime if how == "single" else http.server.ThreadingHTTPServer
        server = kind(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
    print("listening", flush=True)
    server.serve_forever()


time.sleep(float(os.environ.get("SLOW", "0")))
while "GATE" in os.environ and not os.path.exists(os.environ["GATE"]):
    time.sleep(0.01)
if "REFUSE" in os.environ:
    sys.exit("there is no model in " + os.environ["SM_MODEL_DIR"])
main()
"""


def executable(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o755)
    return file


def echo(folder: Path) -> Path:
    """The program above as a file that can be run."""
    return executable(folder / "echo.py", f"#!{sys.executable} -S\n{ECHO}")


@dataclass
class Ran:
    """A container, and what it wrote."""

    container: ProcessContainer
    lines: list[str] = field(default_factory=list)

    def ask(self, body: str, content_type: str | None = "text/csv", accept: str | None = None) -> Any:
        return self.container.invoke(body.encode("latin-1"), content_type, accept)


@contextmanager
def running(
    folder: Path,
    *command: str,
    environment: Mapping[str, str] | None = None,
    model: Mapping[str, bytes] | None = None,
    settings: Settings | None = None,
    pace: Pace = QUICK,
    memory_mb: int = 500,
    health_timeout: int = 30,
) -> Iterator[Ran]:
    """A container of this command; without one, of the program above."""
    lines: list[str] = []
    chosen = settings or Settings(invocation_timeout=20, container_tasks=200)
    layout = Layout(folder / "containers", model or {}, None)
    what = Runnable(
        command or (str(echo(folder)),), environment or {}, layout, health_timeout, memory_mb << 20
    )
    hosting = Hosting(lambda _, line: lines.append(line))
    container = ProcessContainer("container-2", "process", what, chosen, hosting, pace)
    try:
        yield Ran(container, lines)
    finally:
        container.close()
        assert not layout.root.exists()


PASS: Final = """
import http.server, os, sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        for header in ("X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Inference-Id"):
            if header in self.headers:
                self.send_header("X-Amzn-SageMaker-Custom-Attributes", self.headers[header] + "; passed")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print("passing on", len(body.splitlines()), "rows", flush=True)
        if b"vhigh" in body:
            return self.reply(418, b"too dear")
        if b"doomed" in body:
            os._exit(9)
        self.reply(200, body)


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def passing(folder: Path, name: str = "pass.py") -> Path:
    """A program that answers what it is given, refuses what is dear, and dies of what is doomed.

    Its custom attributes are the caller's, or the inference's id, with a word added.
    """
    return executable(folder / name, f"#!{sys.executable} -S\n{PASS}")
