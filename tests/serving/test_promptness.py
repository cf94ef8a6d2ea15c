"""Who may hold the event loop: learned from how long requests took."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from skewless.containers.base import Answer
from skewless.containers.pipeline import Course, Pipeline
from skewless.serving.promptness import Promptness
from skewless.settings import Settings
from tests.builders import graph, sparkml
from tests.serving.running import PATIENCE
from tests.serving.served import served

MS = 1_000_000


def proven(size: int = 100) -> Promptness:
    made = Promptness()
    for _ in range(8):
        made.took(size, MS // 10)
    return made


def test_a_pipeline_starts_in_threads_and_comes_to_the_loop_when_it_was_quick() -> None:
    made = Promptness()
    assert made.size == 0
    for _ in range(7):
        made.took(100, MS // 10)
    assert made.size == 0
    made.took(50, MS // 10)
    assert made.size == 200


def test_slow_ones_do_not_come_and_single_ones_do_not_matter() -> None:
    made = Promptness()
    for number in range(300):
        made.took(100, 20 * MS if number % 2 else MS // 10)
    assert made.size == 0
    for number in range(100):
        made.took(100, 20 * MS if number % 10 == 0 else MS // 10)
    assert made.size == 200


def test_large_bodies_stay_in_threads() -> None:
    made = proven(10_000)
    assert made.size == 16 << 10
    made = proven(20_000)
    assert made.size == 0


def test_a_pipeline_that_becomes_slow_leaves_the_loop() -> None:
    made = proven()
    made.took(30, 100 * MS)
    assert made.size == 15
    made = proven()
    for _ in range(13):  # each is a little over its share
        assert made.size == 200
        made.took(100, 3 * MS)
    assert made.size == 50


def test_a_machine_that_is_busy_now_and_then_changes_nothing() -> None:
    made = proven()
    for number in range(10_000):
        made.took(100, 20 * MS if number % 100 == 0 else MS // 10)
    assert made.size == 200


class Blocking(Pipeline):
    """Holds every request until it is let go."""

    def __init__(self) -> None:
        super().__init__([sparkml(graph(), None)])
        self.reached, self.go = threading.Event(), threading.Event()

    def invoke(
        self,
        body: bytes,
        content_type: str | None = "text/csv",
        accept: str | None = None,
        course: Course | None = None,
    ) -> Answer:
        self.reached.set()
        assert self.go.wait(PATIENCE)
        return Answer(body, "text/csv")


def test_a_slow_pipeline_does_not_keep_others_from_being_answered() -> None:
    pipeline = Blocking()
    with served(pipeline, Settings()) as ask, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, b"slow")
        try:
            assert pipeline.reached.wait(PATIENCE)
            assert ask(None, method="GET", path="/ping").status == 200
            assert not answer.done()
        finally:
            pipeline.go.set()
        assert answer.result().body == b"slow"
