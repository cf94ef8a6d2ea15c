"""Load on a server: requests built beforehand, sent by the program in ``load.c`` from a core of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.environments import NotThere
from benchmarks.places import STATE, cores
from benchmarks.processes import on, stop

SOURCE: Final = Path(__file__).with_name("load.c")
_ANY: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and the body of the answer that must come; None where any will do."""

    sent: bytes
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. Latencies in nanoseconds, in the order of the answers."""

    seconds: float
    latencies: npt.NDArray[np.uint64]
    refused: int
    """Answers with another status than 200."""
    wrong: int
    """Answers with another body than the one that must come."""
    broken: int
    """Connections that ended."""
    late: int
    """Requests that were due, in an open loop, and could not be sent to the end."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency at this share (0 to 1) in microseconds."""
        return float(np.quantile(self.latencies, share)) / 1e3

    def check(self) -> Load:
        """Itself. NotThere where not all was as it must be."""
        if self.refused or self.wrong or self.broken or not len(self.latencies):
            raise NotThere(
                f"under load {self.refused} requests were refused, {self.wrong} answers were wrong, "
                f"{self.broken} connections broke, and {len(self.latencies)} requests were answered"
            )
        return self


def post(path: str, body: bytes, headers: Iterable[tuple[str, str]] = (), host: str = "localhost") -> bytes:
    """A request as it goes over the wire."""
    given = {"host": host, "content-length": str(len(body)), **dict(headers)}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def write(requests: Sequence[Request], path: Path) -> Path:
    """The file that the program reads."""
    parts = [struct.pack("<I", len(requests))]
    for one in requests:
        expected = _ANY if one.answer is None else len(one.answer)
        parts += [struct.pack("<II", len(one.sent), expected), one.sent, one.answer or b""]
    path.write_bytes(b"".join(parts))
    return path


def program() -> Path:
    """The program, compiled once for each state of its source. NotThere without any compiler."""
    STATE.mkdir(parents=True, exist_ok=True)
    place = STATE / f"load-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=STATE) as folder:
            made = Path(folder, "load")
            done = subprocess.run(
                [*_compiler(), "-O2", "-o", made, SOURCE], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise NotThere(f"the load generator does not compile: {done.stderr[-500:]}")
            made.replace(place)
    return place


def _compiler() -> list[str | Path]:
    """That of the development environment or of the peers' one (ziglang), else the machine's."""
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    peers = STATE / "peers" / "bin" / "python"
    if peers.exists():
        return [peers, "-m", "ziglang", "cc"]
    own = shutil.which("cc")
    if own is None:
        raise NotThere("there is no C compiler: neither the package ziglang nor cc")
    return [own]


def put(
    address: str,
    requests: Path,
    *,
    connections: int,
    seconds: float,
    warm: float = 0.0,
    rate: float = 0.0,
    core: int | None = None,
) -> Load:
    """Send load; see ``load.c``. ``core`` is one that the client shares; by default it has its own and never sleeps."""
    spin = core is None and cores()[0] != cores()[1]
    with tempfile.TemporaryDirectory() as folder, on(cores()[1] if core is None else core):
        latencies = Path(folder, "latencies")
        numbers = (connections, warm, seconds, rate, int(spin))
        done = subprocess.run(
            [program(), address, requests, latencies, *map(str, numbers)],
            capture_output=True,
            text=True,
            timeout=warm + seconds + 60,
            check=False,
        )
        if done.returncode:
            raise NotThere(done.stderr.strip() or f"the load generator ended with {done.returncode}")
        told = json.loads(done.stdout)
        found = np.fromfile(latencies, np.uint64)
    assert told.pop("answered") == len(found)
    return Load(seconds, found, **told)


@contextmanager
def bare_server(size: int) -> Iterator[str]:
    """The quickest server there can be, for the ceiling of the load generator: its address."""
    with on(cores()[0]):
        process = subprocess.Popen([program(), "serve", "0", str(size)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        stop(process)
