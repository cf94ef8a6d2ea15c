"""One row over HTTP: our server, echoes and peers, each on one core and asked from the other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import NotThere
from benchmarks.load import Load, Request, bare_server, post, put, write
from benchmarks.places import Budget
from benchmarks.servers import (
    ECHO,
    FASTAPI,
    FASTAPI_ONNX,
    PEERS,
    PLAIN,
    SKEWLESS,
    Running,
    Server,
    measured,
    running,
)
from benchmarks.summary import curve, ratios, tail

ALONE: Final = "1"
MANY: Final = "32"
SWEEP: Final = (1, 2, 4, 8, 16, 32, 64, 128)
OPEN: Final = (0.25, 0.5, 0.8)
"""Shares of the most that was answered in a closed loop."""

Turns = dict[str, dict[str, list[Load]]]


def _alternate(there: dict[str, Running], budget: Budget, turns: int) -> Turns:
    found: Turns = {name: {ALONE: [], MANY: []} for name in there}
    for _ in range(turns):
        for connections in (ALONE, MANY):
            for name, server in there.items():
                found[name][connections].append(server.put(budget, int(connections)))
    return found


def http(work: Path, budget: Budget) -> dict[str, Any]:
    """Ours beside the echoes and FastAPI: closed loops with 1 and 32 connections, then more of ours by itself."""
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        there: dict[str, Running] = {}
        for server in (SKEWLESS, ECHO, PLAIN, FASTAPI, FASTAPI_ONNX):
            try:
                there[server.name] = stack.enter_context(running(server, work, budget))
            except NotThere as reason:
                _must_be_there(server, reason)
                absent[server.name] = str(reason)
        found = _alternate(there, budget, budget.turns)
        ours = found[SKEWLESS.name]
        told: dict[str, Any] = {
            "servers": {name: measured(turns) for name, turns in found.items()},
            "over_echo": _over(found, ECHO.name),
            "absent": absent,
            "curves": {
                name: curve([float(one) for load in found[name][ALONE] for one in load.latencies])
                for name in there
            },
        }
        if FASTAPI.name in found:
            told["over_fastapi"] = _over(found, FASTAPI.name)
        told["sweep"] = {
            name: [[many, there[name].put(budget, many).rate] for many in SWEEP]
            for name in (SKEWLESS.name, ECHO.name)
        }
        most = max(load.rate for load in ours[MANY])
        told["open"] = [_open_loop(there[SKEWLESS.name], budget, share * most) for share in OPEN]
    told["ceiling"] = ceiling(work, budget)
    return told


def _must_be_there(server: Server, reason: NotThere) -> None:
    """What is measured against must not fall out unseen."""
    if server in (SKEWLESS, ECHO):
        raise SystemExit(f"bench: {server.name}: {reason}")


def _over(found: Turns, base: str) -> dict[str, Any]:
    """Turn by turn, ours over another server: the median latency of one connection, and the rate of many."""

    def values(name: str, connections: str) -> tuple[list[float], list[float]]:
        loads = found[name][connections]
        return [load.percentile(0.5) for load in loads], [load.rate for load in loads]

    alone, many = (
        [values(name, connections)[kind] for name in (SKEWLESS.name, base)]
        for kind, connections in ((0, ALONE), (1, MANY))
    )
    return {"p50": ratios(*alone), "rate": ratios(*many)}


def _open_loop(server: Running, budget: Budget, rate: float) -> dict[str, Any]:
    """Requests that are due at a steady rate, whatever the server does."""
    load = server.put(budget, int(MANY), rate=rate)
    return {"asked": rate, "late": load.late, **tail([float(one) / 1e3 for one in load.latencies])}


def ceiling(work: Path, budget: Budget) -> dict[str, Any]:
    """What the load generator reaches at most, against the quickest server there can be."""
    file = write(
        [Request(post("/invocations", b"low,low,2,2,small,low"), b" " * 5)], work / "ceiling.requests"
    )
    with bare_server(5) as address:
        loads = {
            connections: [
                put(
                    address, file, connections=int(connections), seconds=budget.load, warm=budget.warm
                ).check()
                for _ in range(budget.turns)
            ]
            for connections in (ALONE, MANY)
        }
    return measured(loads)


def peers(work: Path, budget: Budget) -> dict[str, Any]:
    """Each peer in turn beside ours, so that both see the same machine."""
    told: dict[str, Any] = {"servers": {}, "over_peer": {}, "absent": {}}
    with running(SKEWLESS, work, budget) as ours:
        for peer in (FASTAPI, FASTAPI_ONNX, *PEERS):
            print(f"bench: peers: {peer.name}", flush=True)
            try:
                with running(peer, work, budget) as other:
                    turns = max(2, budget.turns // 2)
                    found = _alternate({SKEWLESS.name: ours, peer.name: other}, budget, turns)
            except NotThere as reason:
                told["absent"][peer.name] = str(reason)
                continue
            told["servers"][peer.name] = measured(found[peer.name])
            told["over_peer"][peer.name] = _over(found, peer.name)
            told["servers"][SKEWLESS.name] = measured(found[SKEWLESS.name])
    return told
