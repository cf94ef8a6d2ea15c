"""What a busy job leaves to others: real processes, and what the kernel says of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from skewless.priority import NICE, of_session, told

LOWERS = "from skewless.priority import lower_own, pass_on; lower_own(); "
TELLS = "import os; from skewless.priority import of_session; print(os.nice(0), of_session(os.getpid()), flush=True)"
STARTS = (
    "import subprocess, sys; child = subprocess.Popen("
    f"[sys.executable, '-c', 'input(); ' + {TELLS!r}], stdin=subprocess.PIPE, start_new_session=True, text=True); "
    "pass_on(child.pid); child.communicate('go\\n')"
)


def said(code: str, *, leads: bool) -> list[int]:
    """What a new process tells of its priority, and of its session's."""
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=leads, capture_output=True, text=True, check=True
    )
    return [int(number) for number in done.stdout.split()]


def grouped() -> bool:
    """Whether the kernel groups processes by session, and tells of it."""
    told = subprocess.run(
        ["cat", "/proc/self/autogroup"], start_new_session=True, capture_output=True, check=False
    )
    return bool(told.stdout.strip())


def test_a_process_and_its_session_yield() -> None:
    assert said(LOWERS + TELLS, leads=True) == [os.nice(0) + NICE, NICE if grouped() else 0]


def test_what_it_starts_in_a_session_of_its_own_yields_too() -> None:
    assert said(LOWERS + STARTS, leads=True) == [os.nice(0) + NICE, NICE if grouped() else 0]


def test_the_session_of_somebody_else_is_left_alone() -> None:
    assert said(LOWERS + TELLS, leads=False) == [os.nice(0) + NICE, of_session(os.getpid())]


def test_with_the_usual_priority_there_is_nothing_to_pass_on() -> None:
    usual = "from skewless.priority import pass_on; "
    assert said(usual + STARTS, leads=True) == [os.nice(0), 0]


@pytest.mark.parametrize(("text", "nice"), [("", 0), ("\n", 0), ("/autogroup-17 nice 5\n", 5)])
def test_what_the_kernel_may_tell(text: str, nice: int) -> None:
    """It tells nothing of the sessions of containers whose first process began none: the machine decides which."""
    assert told(text) == nice


def test_the_machines_first_process_is_no_error() -> None:
    assert of_session(1) in range(-20, 20)


def test_a_process_that_has_ended_is_no_error() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.send_signal(signal.SIGKILL)
    ended.wait()
    assert of_session(ended.pid) == 0
