"""The targets: what each is measured by, and whether it is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from benchmarks.results import Results
from benchmarks.shown import count, micros, ratio, spread


class Verdict(NamedTuple):
    """What was measured, as text, and whether that meets the target."""

    measured: str
    met: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table. ``judge`` reads the parts it names, and raises KeyError where one lacks what it needs."""

    what: str
    target: str
    parts: tuple[str, ...]
    judge: Callable[[Results], Verdict]


Data = Mapping[str, Any]
_OURS: Final = "skewless"
_LARGEST: Final = "500x100"
_SERVER: Final = "Skewless"


def _data(results: Results, part: str) -> Data:
    found: Data = results[part]["data"]
    return found


def _row(results: Results) -> Verdict:
    ways = _data(results, "row")["ways"]
    ours, onnx = ways[_OURS], ways["ONNX Runtime, the call alone"]
    text = f"{spread(ours, micros)}; ONNX Runtime's call {spread(onnx, micros)}"
    return Verdict(text, ours["median"] <= 8000 and ours["median"] < onnx["median"])


def _trees(results: Results) -> Verdict:
    data = _data(results, "trees")
    ours, gtil, onnx = (
        data["ways"][f"{name} {_LARGEST}"] for name in (_OURS, "treelite GTIL", "ONNX Runtime")
    )
    equal = "bit-equal" if data["bit_equal"] else "NOT bit-equal"
    text = (
        f"{spread(ours, micros)}; treelite {spread(gtil, micros)}; ONNX Runtime {spread(onnx, micros)}; {equal} to "
        "`Booster.predict`"
    )
    quickest = min(gtil["median"], onnx["median"])
    return Verdict(text, ours["median"] <= quickest and data["bit_equal"])


def _mixed(results: Results) -> Verdict:
    ways = _data(results, "mixed")["ways"]
    linear, forest = (ways[f"{_OURS}, {model}"] for model in ("linear", "forest"))
    text = f"linear {spread(linear, micros)}; forest {spread(forest, micros)}"
    return Verdict(text, max(linear["median"], forest["median"]) <= 10_000)


def _alone(results: Results) -> Verdict:
    data = _data(results, "http")
    over = data["over_echo"]["p50"]
    ours, echo = (data["servers"][name]["1"]["p50"] for name in (_SERVER, "echo of the same server"))
    text = f"{spread(over, ratio)} (p50 {ours['median']:.0f} µs, echo {echo['median']:.0f} µs)"
    return Verdict(text, over["median"] <= 1.3)


def _many(results: Results) -> Verdict:
    data = _data(results, "http")
    echo, fastapi = data["over_echo"]["rate"], data["over_fastapi"]["rate"]
    rate = data["servers"][_SERVER]["32"]["rate"]
    text = f"{spread(rate, count)}/s: {spread(echo, ratio)} the echo, {spread(fastapi, ratio)} FastAPI + scikit-learn"
    return Verdict(text, echo["median"] >= 0.5 and fastapi["median"] >= 100)


def _gateway(results: Results) -> Verdict:
    data = _data(results, "gateway")
    latency = data["latency"]
    text = (
        f"{spread(data['per_core'], count)}/s per core ({count(data['rate']['median'])}/s; p50 "
        f"{latency['p50'] / 1e3:.1f} ms, p99 {latency['p99'] / 1e3:.1f} ms)"
    )
    return Verdict(text, data["per_core"]["median"] >= 5000)


def _containers(results: Results) -> Verdict:
    data = _data(results, "containers")
    added = data["added"]
    text = f"{100 * added['median']:.1f} % ({100 * added['low']:.1f} to {100 * added['high']:.1f})"
    first = data["ways"]["1"]
    return Verdict(f"{text} of {spread(first, micros)}", added["median"] <= 0.1)


def _batch(results: Results) -> Verdict:
    data = _data(results, "batch")
    ours = data["ways"]["skewless, CSV"]["command"]
    spark = data["ways"]["Spark local[2]"]["command"]["median"]
    memory = data["memory_mb"]
    short, long = (memory[str(data["rows"][name])] for name in ("short", "long"))
    text = (
        f"{spread(ours, count)} rows/s, {ratio(ours['median'] / spark)} of Spark; memory {short:.0f} MB for "
        f"{count(data['rows']['short'])} rows, {long:.0f} MB for {count(data['rows']['long'])}"
    )
    flat = long <= 1.1 * short
    return Verdict(text, ours["median"] >= 1.5e6 and ours["median"] >= 5 * spark and flat)


def _columns(results: Results) -> Verdict:
    ways = _data(results, "batch")["ways"]
    csv = ways["skewless, CSV"]["command"]["median"]
    others = {name: ways[f"skewless, {name}"]["command"] for name in ("Parquet", "Arrow")}
    text = "; ".join(f"{name} {spread(found, count)} rows/s" for name, found in others.items())
    return Verdict(text, min(found["median"] for found in others.values()) >= csv)


def _start(results: Results) -> Verdict:
    data = _data(results, "start")
    seconds = {
        name: f"{found['median']:.2f} s ({found['low']:.2f} to {found['high']:.2f})"
        for name, found in data.items()
    }
    text = "; ".join(f"{name} {told}" for name, told in seconds.items())
    up = max(data["up, new folder"]["median"], data["up, its folder there"]["median"])
    return Verdict(text, data["instance"]["median"] <= 0.7 and up <= 2)


def _memory(results: Results) -> Verdict:
    data = _data(results, "memory")
    text = f"{data['instance_mb']['median']:.0f} MB; an idle gateway {data['gateway_mb']:.0f} MB"
    return Verdict(text, data["instance_mb"]["median"] <= 120)


def _busy(results: Results) -> Verdict:
    data = _data(results, "busy")
    idle, busy = data["idle"], data["busy"]
    text = (
        f"{spread(data['p99'], ratio)} (p99 idle {idle['p99']:.0f} µs, busy {busy['p99']:.0f} µs; p50 "
        f"{idle['p50']:.0f} and {busy['p50']:.0f} µs)"
    )
    return Verdict(text, data["p99"]["median"] <= 3)


TARGETS: Final = (
    Target(
        "three-container car pipeline, one CSV row → label, in process, bytes to bytes",
        "≤ 8 µs median, and below ONNX Runtime's call of the whole graph",
        ("row",),
        _row,
    ),
    Target(
        "forest of 500 trees of depth 8 on 100 features, one row",
        "≤ treelite GTIL and ≤ ONNX Runtime; bit-equal to `Booster.predict`",
        ("trees",),
        _trees,
    ),
    Target(
        "13-field mixed pipeline, one row of Python objects, linear model and 20-tree forest",
        "≤ 10 µs",
        ("mixed",),
        _mixed,
    ),
    Target("HTTP, 1 connection, p50", "≤ 1.3 × the echo of the same server", ("http",), _alone),
    Target(
        "HTTP, 32 connections, one worker",
        "≥ 0.5 × that echo, and ≥ 100 × FastAPI + scikit-learn",
        ("http",),
        _many,
    ),
    Target(
        "through the gateway (InvokeEndpoint), 32 connections", "≥ 5,000/s per core", ("gateway",), _gateway
    ),
    Target(
        "adding a data-only container to a pipeline",
        "≤ 10 % of the time of one container",
        ("containers",),
        _containers,
    ),
    Target(
        "batch, file to file, CSV in and label out, two cores",
        "≥ 1.5 M rows/s, ≥ 5 × Spark local[2], memory flat",
        ("batch",),
        _batch,
    ),
    Target("batch through Parquet or Arrow", "≥ CSV", ("batch",), _columns),
    Target(
        "cold start of an instance to the first right answer; of `skewless up` to the first call",
        "≤ 0.7 s; ≤ 2 s",
        ("start",),
        _start,
    ),
    Target("memory of an idle instance", "≤ 120 MB resident", ("memory",), _memory),
    Target("one core busy with batch", "real-time p99 ≤ 3 × idle", ("busy",), _busy),
)
