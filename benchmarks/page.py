"""The page `docs/benchmarks.md`, from what was measured and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.machine import QUIET
from benchmarks.places import PLOTS
from benchmarks.results import Results
from benchmarks.shown import count, micros, ratio, spread
from benchmarks.targets import TARGETS, Target

FIRST: Final = (
    "<!-- generated from benchmarks/results.json: `make bench`, or `make bench ONLY=page`, writes it anew -->"
)
_INTRODUCTION: Final = """\
# Benchmarks

`make bench` measures all of this side by side on one machine: ways take turns, so that what disturbs the machine
disturbs all of them, and figures are medians over the rounds with their quartiles in brackets. Rows are never one row
repeated: the 1,728 cars there are in an order of no meaning, generated rows elsewhere. Before anything is timed,
answers are compared: labels must be equal, a peer's numbers within 0.01 % (of its forests, for all but
0.5 % of the rows, since 32-bit numbers fall on the other side of a threshold there), and ours bit for bit among
themselves and with `xgboost.Booster.predict`; under load, every answer's bytes are compared again. A way that answers
otherwise is not timed.

The server has one core, who asks has the other, with every request built beforehand. Closed loops send the next request
when the answer has come; open loops send when it is due, and count from then, so that a server which stalls pays for
all that waited.
"""
_PLOTS: Final = (
    ("latency.svg", "Latency over HTTP, one connection, by percentile"),
    ("connections.svg", "Throughput against connections"),
    ("rows.svg", "Rows a second of a batch against rows, its start included"),
    ("containers.svg", "Time of a row against containers"),
    ("trees.svg", "Time of a row against trees, 100 features"),
    ("features.svg", "Time of a row against features, 100 trees"),
)


def page(results: Results) -> str:
    """The whole page."""
    parts = [FIRST, _INTRODUCTION, *_targets(results), *_one_row(results), *_http(results)]
    parts += [*_peers(results), *_gateway(results), *_batch(results), *_plots(), *_conditions(results)]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _data(results: Results, part: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = results.get(part, {}).get("data", {})
    return found


def judged(target: Target, results: Results) -> tuple[str, str]:
    """What was measured of a target, and the verdict on it."""
    try:
        measured, met = target.judge(results)
    except KeyError as missing:
        taken = all(part in results for part in target.parts)
        return "—", f"not measured: there is no {missing}" if taken else "not measured"
    return measured, "met" if met else "not met"


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets\n"
    rows = [(target.what, target.target, *judged(target, results)) for target in TARGETS]
    yield _table(("what", "target", "measured", "verdict"), rows)
    disturbed = sorted(part for part, taken in results.items() if taken["load"] > QUIET)
    quick = sorted(part for part, taken in results.items() if taken["quick"])
    if disturbed:
        yield (
            f"**The machine was not quiet** (others used more than {QUIET} processors at the start) for: "
            f"{', '.join(disturbed)}. Ratios stand, times do not."
        )
    if quick:
        yield f"Taken with `QUICK=1`, in small rounds: {', '.join(quick)}."


def _one_row(results: Results) -> Iterator[str]:
    titles = {
        "row": "One row of the car pipeline in a process",
        "mixed": "One row of the pipeline of 13 fields in a process",
        "trees": "One row through forests in a process (trees x features)",
    }
    for part, title in titles.items():
        data = _data(results, part)
        if not data:
            continue
        yield f"## {title}\n"
        rows = [
            (way, spread(found, micros), spread(data["ratios"][way], ratio) if way in data["ratios"] else "")
            for way, found in data["ways"].items()
        ]
        base = next((way for way, found in data["ratios"].items() if found["low"] == found["high"] == 1), "")
        yield _table(("way", "a row", f"over {base}" if base else ""), rows)
        yield from _absent(data)


def _absent(data: Mapping[str, Any]) -> Iterator[str]:
    if data["absent"]:
        yield "Not measured:\n"
        yield "\n".join(f"- {name}: {_cell(reason)}" for name, reason in sorted(data["absent"].items()))


def _http(results: Results) -> Iterator[str]:
    data = _data(results, "http")
    if not data:
        return
    yield "## One row over HTTP, one worker on one core\n"
    yield _servers(data["servers"])
    most = data["ceiling"]["32"]["rate"]
    yield (
        f"The load generator itself reaches {spread(most, count)}/s with 32 connections against a server in C that "
        f"answers at once, p50 {data['ceiling']['1']['p50']['median']:.0f} µs with one."
    )
    yield "Open loop on Skewless, 32 connections, latency from when each request was due:\n"
    rows = [
        (
            f"{count(one['asked'])}/s",
            *(f"{one[name]:,.0f} µs" for name in ("p50", "p90", "p99", "p999")),
            str(one["late"]),
        )
        for one in data["open"]
    ]
    yield _table(("rate", "p50", "p90", "p99", "p99.9", "never sent"), rows)
    yield from _absent(data)


def _servers(servers: Mapping[str, Any]) -> str:
    rows = []
    for name, by in servers.items():
        alone, many = by["1"], by["32"]
        rows.append(
            (
                name,
                *(f"{alone[share]['median']:,.0f} µs" for share in ("p50", "p99")),
                f"{spread(many['rate'], count)}/s",
                f"{many['p99']['median'] / 1e3:,.1f} ms",
            )
        )
    return _table(("server", "1 connection, p50", "p99", "32 connections", "p99"), rows)


def _peers(results: Results) -> Iterator[str]:
    data = _data(results, "peers")
    if not data:
        return
    yield "## Peers over HTTP\n"
    yield _servers(data["servers"])
    yield "Turn by turn beside each of them, Skewless answers so many times its requests, in so much of its time:\n"
    rows = [
        (name, spread(over["rate"], ratio), spread(over["p50"], ratio))
        for name, over in data["over_peer"].items()
    ]
    yield _table(("peer", "32 connections, rate", "1 connection, p50"), rows)
    yield from _absent(data)


def _gateway(results: Results) -> Iterator[str]:
    data = _data(results, "gateway")
    if not data:
        return
    yield "## Through the gateway\n"
    latency = data["latency"]
    tails = ", ".join(f"{name} {latency[name] / 1e3:.1f} ms" for name in ("p50", "p90", "p99"))
    yield (
        f"InvokeEndpoint with signed requests, 32 connections, the gateway on one core, the instance and the client on "
        f"the other: {spread(data['rate'], count)}/s, which is {spread(data['per_core'], count)}/s per core that the "
        f"gateway used; {tails}."
    )


def _batch(results: Results) -> Iterator[str]:
    data = _data(results, "batch")
    if not data:
        return
    yield "## Batch, file to file\n"
    yield (
        f"{count(data['rows']['long'])} cars. *Steady* leaves out the start, as the difference to a file of "
        f"{count(data['rows']['short'])}. Spark's session runs and is warm before it is timed; scikit-learn and ONNX "
        "Runtime are a script with pandas on one core, its imports not counted."
    )
    rows = [
        (way, f"{spread(found['command'], count)}/s", f"{spread(found['steady'], count)}/s")
        for way, found in data["ways"].items()
    ]
    yield _table(("way", "rows, the whole command", "steady"), rows)
    yield from _absent(data)


def _plots() -> Iterator[str]:
    there = [(file, title) for file, title in _PLOTS if (PLOTS / file).exists()]
    if there:
        yield "## Plots\n"
        yield "\n\n".join(f"![{title}](benchmarks/{file})" for file, title in there)


def _conditions(results: Results) -> Iterator[str]:
    yield "## Conditions\n"
    rows = [
        (
            part,
            taken["taken"],
            f"{taken['seconds']:.0f} s",
            f"{taken['load']:.2f}{'' if taken['load'] <= QUIET else ', not quiet'}",
            "quick" if taken["quick"] else "full",
        )
        for part, taken in sorted(results.items())
    ]
    yield _table(("part", "taken", "took", "processors others used at its start", "rounds"), rows)
    machines = {_machine(taken["machine"]) for taken in results.values()}
    yield "\n".join(f"- {text}" for text in sorted(machines))
    versions: dict[str, str] = {}
    for taken in results.values():
        versions |= taken["versions"]
    yield ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _machine(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gb']} GB, {facts['system']}, "
        f"Python {facts['python']}"
    )
