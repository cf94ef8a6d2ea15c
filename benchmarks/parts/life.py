"""What an instance costs besides answering: its start, its memory, and its calm beside a batch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from benchmarks.parts.batch import write_cars
from benchmarks.places import Budget, cores
from benchmarks.processes import on, resident_mb, start, stop, until
from benchmarks.servers import SKEWLESS, Running, running
from benchmarks.summary import ratios, summary, tail
from tests.gateways import Gateway, gateway

RATE: Final = 1000.0
"""Requests a second beside the batch: as many as leave the core mostly idle."""
_TURNS: Final = 4


def start_up(work: Path, budget: Budget) -> dict[str, Any]:
    """Seconds from the command to the first right answer."""
    instance, fresh, again = list[float](), list[float](), list[float]()
    for _ in range(budget.starts):
        instance.append(_first_answer(work))
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for found in (fresh, again):
                begin = time.perf_counter()
                with gateway(Path(folder)) as up:
                    _first_call(up)
                    found.append(time.perf_counter() - begin)
    return {
        "instance": summary(instance),
        "up, new folder": summary(fresh),
        "up, its folder there": summary(again),
    }


def _first_call(up: Gateway) -> None:
    up.client("sagemaker").list_models()


def _first_answer(work: Path) -> float:
    row = json.loads((work / "cars" / "recipe.json").read_text())["rows"][0]
    label = json.loads((work / "cars" / "answers.json").read_text())[0]
    begin = time.perf_counter()
    command = ("-m", "skewless.cli.main", "serve", work / "cars" / "pipeline.yaml", "--port", "0")
    process = start([sys.executable, *command], log=work / "start.log", stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = process.stdout.readline().decode()
        connection = HTTPConnection("127.0.0.1", int(told.partition("127.0.0.1:")[2].partition("/")[0]))
        connection.request("POST", "/invocations", ",".join(row), {"content-type": "text/csv"})
        answer = connection.getresponse().read().decode()
        seconds = time.perf_counter() - begin
        connection.close()
    finally:
        stop(process)
    if answer != label:
        raise SystemExit(f"bench: the first answer was {answer!r}, not {label!r}")
    return seconds


def memory(work: Path, budget: Budget) -> dict[str, Any]:
    """MiB of an instance that has answered and waits, and of a gateway."""
    found = []
    for _ in range(min(3, budget.starts)):
        with running(SKEWLESS, work, budget) as server:
            found.append(resident_mb(server.pid))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, gateway(Path(folder)) as up:
        _first_call(up)
        idle = resident_mb(up.process.pid)
    return {"instance_mb": summary(found), "gateway_mb": idle}


def busy(work: Path, budget: Budget) -> dict[str, Any]:
    """A steady rate of single rows on one core, while a batch keeps the other busy, and without it, in turns."""
    server_core, batch_core = cores()
    idle, beside = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work)))
        write_cars(work, folder / "rows.csv", budget.rows * 4)
        server = stack.enter_context(running(SKEWLESS, work, budget))
        for _ in range(_TURNS):
            idle.append(_steady(server, budget, server_core))
            process = _endless_batch(work, folder, batch_core)
            try:
                until(lambda: any((folder / "out").glob(".*.part")), 60, "the batch did not begin")
                beside.append(_steady(server, budget, server_core))
                if process.poll() is not None:
                    raise SystemExit("bench: the batch ended before the load did")
            finally:
                stop(process)
    return {
        "rate": RATE,
        "idle": tail([one for turn in idle for one in turn]),
        "busy": tail([one for turn in beside for one in turn]),
        "p99": ratios([_p99(turn) for turn in beside], [_p99(turn) for turn in idle]),
    }


def _steady(server: Running, budget: Budget, core: int) -> list[float]:
    load = server.put(budget, 8, rate=RATE, seconds=budget.busy / _TURNS, core=core)
    return [float(one) / 1e3 for one in load.latencies]


def _p99(latencies: list[float]) -> float:
    return tail(latencies)["p99"]


def _endless_batch(work: Path, folder: Path, core: int) -> subprocess.Popen[bytes]:
    """The command over the same file under many names; it is stopped when the load is over."""
    source = folder / "in"
    source.mkdir(exist_ok=True)
    for turn in range(200):
        link = source / f"{turn}.csv"
        if not link.exists():
            link.symlink_to(folder / "rows.csv")
    command = ("-m", "skewless.cli.main", "transform", work / "cars" / "pipeline.yaml", source)
    with on(core):
        return start([sys.executable, *command, "--output", folder / "out"], log=folder / "batch.log")
