"""Workers that take turns: real processes, and what is told where they cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.environments import NotThere, python_of
from benchmarks.places import QUICK
from benchmarks.ways import Wanted, rivals

PYTHON = Path(sys.executable)
WORKER = "tests.benchmarks.worker"


def test_cases_of_several_workers_take_turns(tmp_path: Path) -> None:
    wanted = {"one": (WORKER, PYTHON, ["double"]), "two": (WORKER, PYTHON, ["triple"])}
    with rivals(tmp_path, wanted) as ran:
        assert ran.cases == ["double", "triple"]
        assert ran.about == {"double": "1", "triple": "1"}
        assert ran.answers("triple", 4) == [0, 3, 6, 9]
        times = ran.measure(QUICK)
        assert {case: len(found) for case, found in times.items()} == {"double": 3, "triple": 3}
        assert all(spent > 0 for found in times.values() for spent in found)
        assert len(ran.ask("double", each=7)) == 7
        ran.leave_out("double", "it is odd")
        assert list(ran.measure(QUICK)) == ["triple"]
        processes = [one.process for one in ran.workers.values()]
    assert [process.poll() is None for process in processes] == [False, False]


def test_a_worker_that_fails_is_absent_with_its_reason(tmp_path: Path) -> None:
    wanted: Wanted = {
        "bad": (WORKER, PYTHON, ["fail"]),
        "missing": (WORKER, NotThere("it cannot be installed"), []),
        "good": (WORKER, PYTHON, ["double"]),
    }
    with rivals(tmp_path, wanted) as ran:
        assert ran.absent == {"bad": "ValueError: no such way: fail", "missing": "it cannot be installed"}
        assert ran.cases == ["double"]


def test_what_a_worker_prints_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    with rivals(tmp_path, {"loud": (WORKER, PYTHON, ["loud"])}) as ran:
        assert ran.answers("loud", 2) == ["0", "1"]


def test_a_worker_that_dies_under_way_is_told(tmp_path: Path) -> None:
    with (
        rivals(tmp_path, {"mortal": (WORKER, PYTHON, ["mortal"])}) as ran,
        pytest.raises(NotThere, match="last words"),
    ):
        ran.ask("mortal", calls=5)


def test_an_environment_that_is_not_installed_is_told() -> None:
    with pytest.raises(NotThere, match="not installed"):
        python_of("of-nobody")
