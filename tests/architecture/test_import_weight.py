"""A light process stays light: what serving and a bare import load, seen in a process of their own."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from skewless.services import Services
from skewless.serving.asked import ASKED, Asked
from tests.gateways import Gateway, until
from tests.pipelines import CAR, CAR_LABEL, build

# xgboost is the Python package: serving calls the native library through ctypes.
HEAVY_FOR_SERVING = (
    "botocore",
    "pandas",
    "pyspark",
    "py4j",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "sqlglot",
    "xgboost",
)


def modules_of(statement: str) -> set[str]:
    """All of ``sys.modules`` after a statement in a fresh process."""
    program = f"{statement}\nimport sys\nprint()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def loaded_by(statement: str) -> set[str]:
    """Top-level names in ``sys.modules`` after a statement in a fresh process."""
    return {name.partition(".")[0] for name in modules_of(statement)}


@pytest.mark.parametrize("library", ["pandas", "pyspark", "scipy", "sklearn", "xgboost"])
def test_the_probe_sees_what_is_installed(library: str) -> None:
    """Else the next test would pass because nothing is there to be loaded."""
    assert library in loaded_by(f"import {library}")


def test_serving_loads_no_heavy_library() -> None:
    assert loaded_by("import skewless.serving.app").isdisjoint(HEAVY_FOR_SERVING)


def test_a_bare_import_loads_no_numpy() -> None:
    assert loaded_by("import skewless").isdisjoint({"numpy", "pyarrow", *HEAVY_FOR_SERVING})


def test_the_control_plane_loads_no_numbers_and_no_wire() -> None:
    """What may exist and how it may change is said with the standard library and the store."""
    statement = "import skewless.control.operations, skewless.control.running"
    other = {"botocore", "numpy", "pandas", "pyarrow", "pyspark", "starlette", "uvicorn", "xgboost"}
    assert loaded_by(statement).isdisjoint(other)


NOT_AT_FIRST = (
    *HEAVY_FOR_SERVING,
    "alembic",
    "click.testing",
    "multiprocessing.pool",
    "numpy.ma",
    "numpy.testing",
    "prometheus_client",
    "pyarrow.compute",
    "pyarrow.fs",
    "pyarrow.parquet",
    "rich",
    "skewless.containers.program",
    "skewless.ops.forests",
    "skewless.ops.sklearn.scale",
    "skewless.ops.sql.op",
    "skewless.programs.program",
    "urllib3",
    "yaml",
)
"""Modules that an instance may need some day, and not for its first answer."""
NOT_IN_A_GATEWAY = (
    "alembic",
    "mako",
    "numpy",
    "pyarrow",
    "pydantic",
    "rich",
    "skewless.ops",
    "sqlalchemy.dialects.postgresql",
    "typer",
)
"""Modules that a gateway whose tables are up to date does without for its first answer."""
MOST_IN_AN_INSTANCE = 660
MOST_IN_A_GATEWAY = 720
MOST_RESIDENT = 150
"""MiB of an idle instance; 40 % above what it is."""

TELL = """
import gc, json
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
resident = int(status["VmRSS"].split()[0]) // 1024
print(json.dumps({"modules": sorted(sys.modules), "settled": gc.get_freeze_count(), "resident": resident}))
"""
INSTANCE = f"""
import sys
from pathlib import Path
from skewless.serving.instance import main
main(*map(Path, sys.argv[1:]))
{TELL}"""
GATEWAY = f"""
import sys
from pathlib import Path
from skewless.app.gateway import Options, run
run(Options(Path(sys.argv[1]), port=0), lambda ready: None)
{TELL}"""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


@contextmanager
def started(program: str, *arguments: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a program of ours, which tells at its end what it has loaded."""
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told_by(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What it tells when it is asked to end."""
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def laid_out(folder: Path) -> None:
    """What the gateway writes for an instance, and the objects that it leads to."""
    pipeline = yaml.safe_load(build(folder / "s3" / "models").read_text())
    containers = [
        {
            "Image": one["image"],
            "ModelDataUrl": f"s3://models/{one['model_data']}",
            "Environment": one.get("environment", {}),
        }
        for one in pipeline["containers"]
    ]
    services = Services("http://127.0.0.1:1", "us-east-1", "key", "secret", s3_folder=str(folder / "s3"))
    (folder / ASKED).write_bytes(msgspec.json.encode(Asked(containers, services)))
    (folder / "failure").write_bytes(bytes(1 << 14))


def first_answer(process: subprocess.Popen[bytes], socket: Path) -> bytes:
    """Of an instance, as soon as it answers."""

    def answer() -> bytes | None:
        assert process.poll() is None
        with closing(UnixConnection(socket)) as connection, suppress(OSError):  # until it is up
            connection.request("POST", "/invocations", CAR, {"content-type": "text/csv"})
            return connection.getresponse().read()
        return None

    return until(answer)


def test_an_instance_loads_little_for_its_first_answer(tmp_path: Path) -> None:
    laid_out(tmp_path)
    with started(INSTANCE, tmp_path, tmp_path / "i.sock", tmp_path / "failure") as process:
        assert first_answer(process, tmp_path / "i.sock") == CAR_LABEL
        told = told_by(process)
    assert sorted(set(told["modules"]) & set(NOT_AT_FIRST)) == []
    assert len(told["modules"]) <= MOST_IN_AN_INSTANCE
    assert told["settled"] > 10_000
    assert told["resident"] <= MOST_RESIDENT


def test_a_gateway_loads_little_for_its_first_answer(tmp_path: Path) -> None:
    """At its second start: the first one made the tables."""
    for _ in range(2):
        with started(GATEWAY, tmp_path) as process:
            gateway = Gateway(tmp_path, process)
            until(gateway.folder.running)
            assert gateway.client("sagemaker").list_endpoints()["Endpoints"] == []
            told = told_by(process)
    assert sorted(set(told["modules"]) & set(NOT_IN_A_GATEWAY)) == []
    assert len(told["modules"]) <= MOST_IN_A_GATEWAY
    assert told["settled"] > 10_000


def test_a_command_loads_no_other() -> None:
    loaded = modules_of("from skewless.cli.main import app; app(['images', '--help'], standalone_mode=False)")
    assert "skewless.cli.images" in loaded
    assert loaded.isdisjoint(
        {"numpy", "pyarrow", "pydantic", "rich", "skewless.cli.pipelines", "sqlalchemy", "typer"}
    )
