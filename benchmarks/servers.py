"""Servers of the car pipeline, ours and the peers': how each is started, asked, and what its answer says."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import NotThere, python_of
from benchmarks.load import Load, Request, post, put, write
from benchmarks.places import Budget, cores
from benchmarks.processes import ONE_THREAD, on, start, stop, until
from benchmarks.summary import summary
from benchmarks.ways import last_words

SHARES: Final = {"p50": 0.5, "p99": 0.99}
_START: Final = 90
Row = Sequence[str]
COLUMNS: Final = ("buying", "maint", "doors", "persons", "lug_boot", "safety")


def _csv(row: Row) -> bytes:
    return ",".join(row).encode()


def _object(row: Row) -> bytes:
    return json.dumps(dict(zip(COLUMNS, row, strict=True))).encode()


def _tensors(row: Row) -> bytes:
    inputs = [
        {"name": name, "shape": [1, 1], "datatype": "BYTES", "data": [value]}
        for name, value in zip(COLUMNS, row, strict=True)
    ]
    return json.dumps({"inputs": inputs}).encode()


def _frame(row: Row) -> bytes:
    return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": [list(row)]}}).encode()


def _label(body: bytes) -> str:
    return str(json.loads(body)["label"])


@dataclass(frozen=True, slots=True)
class Server:
    """One way to serve cars."""

    name: str
    command: Sequence[str]
    """After its Python; FOLDER and PORT stand for the work folder and the port."""
    environment: str | None = None
    """Of the peers' environments; None is our own."""
    package: str = ""
    """Whose version is told."""
    path: str = "/invocations"
    encode: Callable[[Row], bytes] = _object
    decode: Callable[[bytes], str] = _label
    content_type: str = "application/json"
    steady: bool = True
    """The same request gets the same bytes; else an id or a time stands in the answer."""
    more: Mapping[str, str] = field(default_factory=dict)

    def python(self) -> Path:
        """Its interpreter. NotThere where it could not be installed."""
        return Path(sys.executable) if self.environment is None else python_of(self.environment)


def _ours(name: str, *command: str, decode: Callable[[bytes], str] = bytes.decode) -> Server:
    return Server(name, command, encode=_csv, decode=decode, content_type="text/csv")


SKEWLESS: Final = _ours(
    "Skewless", *("-m", "skewless.cli.main", "serve", "FOLDER/cars/pipeline.yaml", "--port", "PORT")
)
ECHO: Final = _ours("echo of the same server", "-m", "benchmarks.echo", "FOLDER", "PORT", "own")
PLAIN: Final = _ours("echo of uvicorn (ASGI)", "-m", "benchmarks.echo", "FOLDER", "PORT", "plain")
ECHOES: Final = (ECHO, PLAIN)


def _fastapi(way: str, title: str) -> Server:
    command = ("-m", "benchmarks.peers.serve_fastapi", "FOLDER", "PORT", way)
    return Server(f"FastAPI + {title}", command, "peers", "fastapi")


FASTAPI: Final = _fastapi("scikit", "scikit-learn + XGBoost")
FASTAPI_ONNX: Final = _fastapi("onnx", "ONNX Runtime")
PEERS: Final = (
    Server(
        "MLServer",
        ("-m", "benchmarks.peers.serve_mlserver", "FOLDER", "PORT"),
        "mlserver",
        "mlserver",
        path="/v2/models/cars/infer",
        encode=_tensors,
        decode=lambda body: str(json.loads(body)["outputs"][0]["data"][0]),
        steady=False,
    ),
    Server(
        "BentoML",
        ("-m", "bentoml", "serve", "benchmarks.peers.bento_service:CarService", "--port", "PORT"),
        "bentoml",
        "bentoml",
        more={"BENTOML_DO_NOT_TRACK": "True"},
    ),
    Server("Ray Serve", ("-m", "benchmarks.peers.serve_ray", "FOLDER", "PORT"), "ray", "ray"),
    Server("LitServe", ("-m", "benchmarks.peers.serve_litserve", "FOLDER", "PORT"), "litserve", "litserve"),
    Server(
        "MLflow",
        ("-m", "benchmarks.peers.serve_mlflow", "FOLDER", "PORT"),
        "mlflow",
        "mlflow",
        encode=_frame,
        decode=lambda body: str(json.loads(body)["predictions"][0]),
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers as it must."""

    server: Server
    pid: int
    address: str
    requests: Path

    def put(self, budget: Budget, connections: int, **options: Any) -> Load:
        """Load on it. NotThere where an answer was not as it must be."""
        given = {"seconds": budget.load, "warm": budget.warm, **options}
        return put(self.address, self.requests, connections=connections, **given).check()


@contextmanager
def running(server: Server, work: Path, budget: Budget) -> Iterator[Running]:
    """Start a server on its core, and check its answer to every request that it will get.

    NotThere where it cannot be had, does not start, or answers otherwise than all others.
    """
    python, port = server.python(), _free_port()
    log = work / f"{server.name}.log".replace("/", "-")
    texts = {"FOLDER": str(work), "PORT": str(port)}
    command = [python]
    for part in server.command:
        for name, text in texts.items():
            part = part.replace(name, text)
        command.append(Path(part) if "/" in part else part)  # type: ignore[arg-type]
    with on(cores()[0]):
        process = start(command, log=log, more={**ONE_THREAD, "BENCH_WORK": str(work), **server.more})
    try:
        rows, labels = _expected(work, budget)
        until(lambda: _answers(server, port, rows[0], process, log), _START, f"{server.name} did not answer")
        bodies = _checked(server, port, rows, labels)
        sent = [_request(server, row) for row in rows]
        answers = bodies if server.steady else [None] * len(bodies)
        file = log.with_suffix(".requests")
        write([Request(one, answer) for one, answer in zip(sent, answers, strict=True)], file)
        yield Running(server, process.pid, f"127.0.0.1:{port}", file)
    except TimeoutError as error:
        raise NotThere(f"{error}; it said: {last_words(log)}") from None
    finally:
        stop(process)


def _request(server: Server, row: Row) -> bytes:
    return post(server.path, server.encode(row), [("content-type", server.content_type)])


def _expected(work: Path, budget: Budget) -> tuple[list[Row], list[str]]:
    rows = json.loads((work / "cars" / "recipe.json").read_text())["rows"]
    labels = json.loads((work / "cars" / "answers.json").read_text())
    return rows[: budget.requests], labels[: budget.requests]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _ask(connection: HTTPConnection, server: Server, row: Row) -> tuple[int, bytes]:
    connection.request(
        "POST", server.path, server.encode(row), {"content-type": server.content_type, "host": "localhost"}
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


def _answers(server: Server, port: int, row: Row, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether it does already."""
    if process.poll() is not None:
        raise NotThere(f"it ended: {last_words(log)}")
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        return _ask(connection, server, row)[0] == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _checked(server: Server, port: int, rows: Sequence[Row], labels: Sequence[str]) -> list[bytes]:
    """The bodies of its answers, each of which says the right label."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    bodies = []
    for row, label in zip(rows, labels, strict=True):
        status, body = _ask(connection, server, row)
        wanted = ",".join(row) if server in ECHOES else label
        if status != 200 or server.decode(body) != wanted:
            raise NotThere(f"it answers {status} {body[:100]!r} where {wanted!r} is right")
        bodies.append(body)
    connection.close()
    return bodies


def measured(turns: Mapping[str, Sequence[Load]]) -> dict[str, Any]:
    """What is kept of turns of load, by number of connections: medians over the turns, latencies in microseconds."""
    found = {}
    for connections, loads in turns.items():
        found[connections] = {
            "rate": summary([load.rate for load in loads]),
            **{name: summary([load.percentile(share) for load in loads]) for name, share in SHARES.items()},
        }
    return found
