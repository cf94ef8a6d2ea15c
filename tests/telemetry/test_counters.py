"""Numbers in memory that processes share, with real processes."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from skewless.errors import SkewlessError
from skewless.telemetry.counters import Counters

COUNT = """
import pickle, sys
counters = pickle.loads(bytes.fromhex(sys.argv[1]))
try:
    own = counters.own(int(sys.argv[2]))
except Exception as error:
    print(type(error).__name__, error, flush=True)
else:
    own[0] += 1
    own[2] += 1 << 40
    print("counted", flush=True)
sys.stdin.read()
"""


class Process:
    """Counts, and lives on until it is left."""

    def __init__(self, counters: Counters, layout: int = 7) -> None:
        command = [sys.executable, "-c", COUNT, pickle.dumps(counters).hex(), str(layout)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_all_count_and_nothing_is_lost_with_a_process() -> None:
    counters = Counters(3, 3)
    own = counters.own(7)
    own[0] += 5
    own[1] -= 1
    with Process(counters), Process(counters):
        assert counters.sums(7) == [7, -1, 2 << 40]
    assert counters.sums(7) == [7, -1, 2 << 40]
    for number in range(3):
        with Process(counters) as one:  # it goes on where another was killed
            assert one.said == "counted"
        assert counters.sums(7) == [8 + number, -1, (3 + number) << 40]


def test_every_writer_needs_a_region() -> None:
    counters = Counters(3, 2)
    with Process(counters), Process(counters), Process(counters) as third:
        assert third.said == ("SkewlessError more than 2 processes count together. Start fewer workers.")
        with pytest.raises(SkewlessError, match="more than 2 processes"):
            counters.own(7)


def test_numbers_that_mean_something_else_are_not_mixed() -> None:
    """The files of a pipeline may have changed when a worker is replaced."""
    counters = Counters(3, 4)
    with Process(counters, 7), Process(counters, 8):
        pass
    with Process(counters, 8) as again:
        assert again.said == "counted"
        assert counters.sums(7) == [1, 0, 1 << 40]
        assert counters.sums(8) == [2, 0, 2 << 40]
        assert counters.sums(9) == []
