"""The page is what the results say, and says where they say nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.machine import load, machine, versions
from benchmarks.page import FIRST, judged, page
from benchmarks.places import PAGE, RESULTS, ROOT
from benchmarks.results import merge, read
from benchmarks.shown import count, micros, ratio, spread
from benchmarks.summary import summary
from benchmarks.targets import TARGETS

TARGET = {target.parts[0]: target for target in TARGETS if target.parts[0] in ("row", "memory", "containers")}


def taken(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"cores": 2, "memory_gb": 24, "processor": "P", "python": "3.11", "system": "S"}
    return {
        "taken": "2026-01-01",
        "quick": False,
        "seconds": 3.0,
        "load": 0.1,
        "machine": about,
        "versions": {"numpy": "2"},
        "data": data,
    } | more


def row(ours: float, onnx: float) -> dict[str, Any]:
    ways = {"skewless": summary([ours]), "ONNX Runtime, the call alone": summary([onnx])}
    return taken({"ways": ways, "ratios": {}, "absent": {"a peer": "it | fails"}})


def test_the_page_is_what_its_results_render_to() -> None:
    """`make bench ONLY=page` writes it anew."""
    assert PAGE.read_text() == page(read(RESULTS))
    assert PAGE.read_text().startswith(FIRST)


@pytest.mark.parametrize(
    ("ours", "onnx", "verdict"), [(7000, 9000, "met"), (7000, 6000, "not met"), (8100, 9000, "not met")]
)
def test_a_target_is_judged_by_what_was_measured(ours: float, onnx: float, verdict: str) -> None:
    measured, told = judged(TARGET["row"], {"row": row(ours, onnx)})
    assert told == verdict
    assert f"{ours / 1000:.2f} µs" in measured


def test_every_target_stands_on_the_page_even_when_nothing_was_measured() -> None:
    text = page({})
    for target in TARGETS:
        assert f"| {target.what} | {target.target} | — | not measured |" in text


def test_what_a_part_lacks_is_told() -> None:
    assert judged(TARGET["memory"], {"memory": taken({})})[1] == "not measured: there is no 'instance_mb'"


def test_a_machine_that_was_not_quiet_and_quick_rounds_are_told() -> None:
    quiet = {"row": row(7000, 9000)}
    assert "not quiet" not in page(quiet)
    assert "QUICK=1" not in page(quiet)
    disturbed = copy.deepcopy(quiet)
    disturbed["row"] |= {"load": 3.2, "quick": True}
    assert (
        "**The machine was not quiet** (others used more than 0.2 processors at the start) for: row."
        in page(disturbed)
    )
    assert "Taken with `QUICK=1`, in small rounds: row." in page(disturbed)


def test_absent_peers_are_named_with_the_reason() -> None:
    assert "- a peer: it \\| fails" in page({"row": row(7000, 9000)})


def test_a_part_taken_anew_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    merge(file, "row", row(7000, 9000))
    merge(file, "memory", taken({"instance_mb": summary([100.0]), "gateway_mb": 77.123456}))
    every = merge(file, "row", row(5000, 9000))
    assert every["row"]["data"]["ways"]["skewless"]["median"] == 5000
    assert every["memory"]["data"]["gateway_mb"] == 77.123
    assert json.loads(file.read_text()) == every == read(file)
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_no_folder_of_this_machine_is_kept(tmp_path: Path) -> None:
    every = merge(
        tmp_path / "results.json", "row", taken({"absent": {"one": f"no {ROOT}/x in {Path.home()}/y"}})
    )
    assert every["row"]["data"]["absent"] == {"one": "no x in ~/y"}


def test_numbers_as_text() -> None:
    assert [micros(value) for value in (1234.5, 12345, 123456, 440e6)] == [
        "1.23 µs",
        "12.3 µs",
        "123 µs",
        "440 ms",
    ]
    assert [count(value) for value in (250, 37123, 1.52e6)] == ["250", "37,100", "1.52 M"]
    assert [ratio(value) for value in (0.5, 12.34, 250.4)] == ["0.50 ×", "12.3 ×", "250 ×"]
    assert spread(summary([1000.0, 2000.0, 3000.0]), micros) == "2.00 µs (1.50 µs to 2.50 µs)"
    assert spread(summary([2.0]), ratio) == "2.00 ×"


def test_what_is_known_of_the_machine() -> None:
    facts = machine()
    assert facts["cores"] >= 1
    assert facts["memory_gb"] >= 1
    assert load() >= 0
    assert list(versions("numpy", "of-nobody")) == ["numpy"]
