"""One row in a process: the car pipeline, the mixed one, forests, and chains of containers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.environments import NotThere, python_of
from benchmarks.forests import LARGEST, names
from benchmarks.places import Budget
from benchmarks.summary import curve, ratios, summary
from benchmarks.ways import Rivals, Wanted, rivals

OURS: Final = "skewless"
HOPS: Final = "skewless, hop by hop"
ONNX: Final = "ONNX Runtime, the call alone"
_EACH: Final = 20_000
"""Single calls for the distribution; in a quick run a tenth."""
TOLERANCE: Final = 1e-4
"""Of numbers that peers answer, relative: they add in other orders, some in 32 bits."""
APART: Final = 0.005
"""The share of rows of a peer's forest that may differ more: it compares 32-bit numbers where Spark compares 64."""


def _peer(environment: str) -> Path | NotThere:
    try:
        return python_of(environment)
    except NotThere as reason:
        return reason


def _own(part: str) -> tuple[str, Path | NotThere, Sequence[str]]:
    return "benchmarks.own", Path(sys.executable), [part]


def _told(ran: Rivals, times: Mapping[str, Sequence[float]], base: str) -> dict[str, Any]:
    """Medians of nanoseconds, and the ratio to one of the ways, round by round."""
    return {
        "ways": {way: summary(found) for way, found in times.items()},
        "ratios": {way: ratios(found, times[base]) for way, found in times.items() if base in times},
        "absent": ran.absent,
        "versions": ran.about,
    }


def row(work: Path, budget: Budget) -> dict[str, Any]:
    """A line of CSV to a label, bytes to bytes, and what peers need for the same."""
    peers = "benchmarks.peers.one_row"
    wanted: Wanted = {
        OURS: _own("row"),
        "onnx": (peers, _peer("peers"), ["onnx"]),
        "scikit": (peers, _peer("peers"), ["scikit"]),
        "treelite": (peers, _peer("peers"), ["treelite"]),
        "jpmml": ("benchmarks.peers.pmml", _peer("jpmml"), []),
        "spark": ("benchmarks.peers.spark_rows", Path(sys.executable), ["one"]),
    }
    answers = json.loads((work / "cars" / "answers.json").read_text())
    with rivals(work, wanted) as ran:
        for case in ran.cases:
            few = 3 if "Spark" in case else budget.requests
            _refuse_others(ran, case, few, answers[:few].__eq__)
        times = ran.measure(budget)
        told = _told(ran, times, ONNX)
        several = _EACH if budget.rounds > 5 else _EACH // 10
        told["curves"] = {case: curve(ran.ask(case, each=several)) for case in (OURS, ONNX) if case in times}
    return told


def _refuse_others(ran: Rivals, case: str, rows: int, is_right: Callable[[list[Any]], bool]) -> None:
    """A way whose answers are others, or that fails, is not measured; ours must not be such a way."""
    try:
        reason = None if is_right(ran.answers(case, rows)) else "it answers otherwise"
    except NotThere as error:
        reason = str(error)
    if reason and case.startswith(OURS):
        raise SystemExit(f"bench: {case}: {reason}")
    if reason:
        ran.leave_out(case, reason)


def mixed(work: Path, budget: Budget) -> dict[str, Any]:
    """13 fields as Python objects to a number."""
    wanted: Wanted = {
        OURS: _own("mixed"),
        "ONNX Runtime": ("benchmarks.peers.mixed_row", _peer("peers"), ["onnx"]),
        "scikit-learn": ("benchmarks.peers.mixed_row", _peer("peers"), ["scikit"]),
    }
    with rivals(work, wanted) as ran:
        rows = budget.requests
        for model in ("linear", "forest"):
            truth = ran.answers(f"{OURS}, {model}", rows)
            for case in [case for case in ran.cases if case.endswith(model) and not case.startswith(OURS)]:
                _refuse_others(ran, case, rows, partial(near, truth=truth))
        return _told(ran, ran.measure(budget), f"{OURS}, linear")


def near(found: Sequence[float], truth: Sequence[float]) -> bool:
    """Whether numbers are equal within the tolerance, but for the share that may be apart."""
    apart = sum(
        not abs(one - other) <= TOLERANCE * max(1.0, abs(other))  # NaN is near to nothing
        for one, other in zip(found, truth, strict=True)
    )
    return apart <= max(1.0, APART * len(truth))


def trees(work: Path, budget: Budget) -> dict[str, Any]:
    """A row of numbers through forests; the largest is the target's."""
    every = list(names())
    ways = {
        "predict": "Booster.predict",
        "inplace": "inplace_predict",
        "treelite": "",
        "onnx": "",
        "numba": "",
    }
    wanted: dict[str, tuple[str, Path | NotThere, Sequence[str]]] = {OURS: _own("trees")}
    for way in ways:
        few = [LARGEST] if way in ("predict", "inplace") else every
        wanted[way] = ("benchmarks.peers.forest_row", _peer("peers"), [way, *few])
    with rivals(work, wanted) as ran:
        ours = f"{OURS} {LARGEST}"
        truth = ran.answers(ours, budget.requests)
        exact = f"XGBoost, Booster.predict {LARGEST}"
        told: dict[str, Any] = {"bit_equal": False}
        if exact in ran.cases:
            told["bit_equal"] = ran.answers(exact, budget.requests) == truth
            _refuse_others(ran, ours, budget.requests, ran.answers(exact, budget.requests).__eq__)
        for case in [case for case in ran.cases if case.endswith(f" {LARGEST}") and case != ours]:
            _refuse_others(ran, case, budget.requests, partial(near, truth=truth))
        return told | _told(ran, ran.measure(budget), ours)


def containers(work: Path, budget: Budget) -> dict[str, Any]:
    """Chains of 1 to 15 containers of data only, a line of CSV through all of them."""
    with rivals(work, {OURS: _own("containers")}) as ran:
        times = ran.measure(budget)
    sizes = [int(size) for size in times]
    added = []
    for turn in range(budget.rounds):
        spent = [times[str(size)][turn] for size in sizes]
        added.append(slope(sizes, spent) / spent[0])
    return {"ways": {size: summary(found) for size, found in times.items()}, "added": summary(added)}


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Of the straight line nearest to the points."""
    middle, mean = sum(places) / len(places), sum(values) / len(values)
    across = sum((place - middle) * (value - mean) for place, value in zip(places, values, strict=True))
    return across / sum((place - middle) ** 2 for place in places)
