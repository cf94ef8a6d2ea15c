"""Keeps a container's program alive: started, pinged, ended when it no longer answers, and started again."""

from __future__ import annotations

import os
import select
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Final

from skewless.containers.process.channel import Channel, Unanswered
from skewless.containers.process.layout import Layout
from skewless.errors import SkewlessError
from skewless.programs.output import Tell
from skewless.programs.program import Ended, FoldersRefused, Limits, Program, Running

_KEPT: Final = 20
"""Last lines of output that are remembered."""
_SHOWN: Final = 5
_LONGEST: Final = 900
"""Characters of them in an error."""
_PING: Final = 1 << 20
"""Bytes of a ping's answer."""
_LOOK: Final = 0.05
"""Seconds between pings until the first is answered."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a program is looked after, in seconds; the defaults are SageMaker's where it has such."""

    ping_every: float = 5.0
    ping_timeout: float = 2.0
    pings: int = 3
    """After so many pings in a row without an answer it is started again."""
    first_pause: float = 0.2
    longest_pause: float = 30.0
    """Before it is started again: doubled each time, up to the longest."""
    steady: float = 60.0
    """After which an end counts as the first."""
    grace: float = 30.0
    """Between SIGTERM and SIGKILL."""


PROMPT: Final = Pace()


class Life:
    """The program from one start to its end."""

    def __init__(self, running: Running, channel: Channel) -> None:
        self.running = running
        self.channel = channel
        self.in_flight = 0
        self._lock = Lock()
        self._ended = Event()
        self._how = ""
        self.exit = os.pidfd_open(running.process.pid)
        """Readable when it has ended."""

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While it has a request."""
        with self._lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1

    def how(self, timeout: float) -> str | None:
        """How it ended; None where it has not within so many seconds."""
        return self._how if self._ended.wait(timeout) else None

    def over(self, how: str) -> None:
        """Note that it has ended, and how."""
        self._how = how
        self._ended.set()
        self.channel.close()
        os.close(self.exit)


class Lives:
    """A program's lives, one after the other, in the hands of one thread."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        layout: Layout,
        limits: Limits,
        tell: Tell,
        *,
        health_timeout: float,
        patience: float,
        pace: Pace,
    ) -> None:
        """Start it. ``patience``: so many seconds it may do without an answer while it has a request."""
        self.command = command
        self.environment = environment
        self.layout = layout
        self.limits = limits
        self.tell = tell
        self.health_timeout = health_timeout
        self.patience = patience
        self.pace = pace
        self.restarts = 0
        self.why = ""
        """Why it is being started again."""
        self._private = True
        self._last: deque[str] = deque(maxlen=_KEPT)
        self._life: Life | None = None
        self._first = Event()
        self._up = Event()
        self._failure: SkewlessError | None = None
        self._closed = Lock()
        self._wake, self._waker = os.pipe()
        self._stop = Event()
        # The program ends with the thread that starts it, so that one lives as long.
        self._thread = Thread(target=self._keep, name="container", daemon=True)
        self._thread.start()

    def until_up(self) -> None:
        """Wait until it answers for the first time. SkewlessError says why it does not."""
        self._first.wait()
        if self._failure is not None:
            raise self._failure

    def now(self, patience: float) -> Life | None:
        """The program as it answers now; None where it is being started again, and that takes longer."""
        self.until_up()
        self._up.wait(patience)
        return self._life

    def close(self) -> None:
        """End it for good; a second call does nothing."""
        with self._closed:
            if self._stop.is_set():
                return
            self._stop.set()
            os.write(self._waker, b"x")
            self._thread.join()
            for number in (self._wake, self._waker):
                os.close(number)
            self.layout.remove()

    def _keep(self) -> None:
        pause = self.pace.first_pause
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.why = self._live()
            except Exception as error:  # whoever waits for it must be told
                self.why = f"it could not be looked after: {type(error).__name__}: {error}"
            if not self._first.is_set():
                self._failure = SkewlessError(self.why, hint="Its log has all of its output.")
                self._first.set()
            if self._stop.is_set() or self._failure:
                return
            steady = time.monotonic() - began > self.pace.steady
            pause = self.pace.first_pause if steady else min(2 * pause, self.pace.longest_pause)
            self.restarts += 1
            self._say(f"{self.why}; it is started again in {pause:g} s")
            self._asleep([self._wake], pause)

    def _live(self) -> str:
        """One life from its start to its end; gives how it ended, or why it did not begin."""
        self._last.clear()
        try:
            running = self._start()
        except (SkewlessError, OSError) as error:
            return f"its program cannot be started: {error}"
        life = Life(running, Channel(self.layout.connect))
        how = self._until_up(life)
        if how is None:
            self._life = life
            self._first.set()
            self._up.set()
            how = self._watch(life)
            self.why = how or "its program has ended"
            self._up.clear()
            self._life = None
        # What no longer answers has no request that it could bring to an end.
        ended = running.end(self.pace.grace if self._stop.is_set() or not how else 0)
        how = how or _in_words(ended, self._last if not self._first.is_set() else ())
        # Before its last request is told of its end: the next may follow at once, and is told why.
        self.why = how
        life.over(how)
        return how

    def _start(self) -> Running:
        if self._private:
            try:
                return Running(self._program())
            except (FoldersRefused, FileNotFoundError) as error:
                self._private = False
                self._say(f"/opt/ml is not its own: {error}; SM_MODEL_DIR says where its model is")
        return Running(self._program())

    def _program(self) -> Program:
        return Program(
            self.command,
            self.layout.environment(self.environment, private=self._private),
            self.layout.root / "work",
            self.layout.covers() if self._private else (),
            self._hear,
            limits=self.limits,
        )

    def _until_up(self, life: Life) -> str | None:
        """Wait for the first ping; gives why there is none."""
        deadline = time.monotonic() + self.health_timeout
        said = "it listens neither on $SKEWLESS_BIND_TO_SOCKET nor on $SAGEMAKER_BIND_TO_PORT"
        while time.monotonic() < deadline:
            answered = self._ping(life)
            if answered is None:
                return None
            said = answered or said
            if self._asleep([life.exit, self._wake], _LOOK):
                return "it is being stopped" if self._stop.is_set() else ""
        last = _joined(self._last)
        return f"its program did not answer a ping within {self.health_timeout:g} seconds: {said}{last}"

    def _watch(self, life: Life) -> str:
        """Look after it until it ends, or has to; gives why it has to."""
        silent = 0
        while not self._asleep([life.exit, self._wake], self.pace.ping_every):
            # One that takes a request at a time has no ear for pings meanwhile.
            busy = life.in_flight and time.monotonic() - life.channel.answered < self.patience
            silent = silent + 1 if self._ping(life) is not None and not busy else 0
            if silent >= self.pace.pings:
                return f"its program did not answer {silent} pings in a row"
        return ""

    def _ping(self, life: Life) -> str | None:
        """None where it answers well; otherwise what it answers, or an empty text where it does not."""
        try:
            reply = life.channel.ask(b"GET", b"/ping", timeout=self.pace.ping_timeout, most=_PING)
        except Unanswered as error:
            return str(error)
        except OSError:
            return ""
        return None if reply.status == 200 else f"it answered with status {reply.status}"

    @staticmethod
    def _asleep(numbers: Sequence[int], seconds: float) -> bool:
        """Wait; gives whether one of the file descriptors became readable."""
        poll = select.poll()
        for number in numbers:
            poll.register(number, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _hear(self, line: str) -> None:
        self._last.append(line)
        self.tell(line)

    def _say(self, line: str) -> None:
        self.tell(f"skewless: {line}")


def _in_words(ended: Ended, last: Sequence[str]) -> str:
    if ended.over:
        return f"its program was ended: {ended.over}"
    if ended.status > 128:
        named = (
            signal.Signals(ended.status - 128).name if ended.status - 128 in _SIGNALS else str(ended.status)
        )
        return f"its program was ended by {named}{_joined(last)}"
    return f"its program ended with status {ended.status}{_joined(last)}"


_SIGNALS: Final = frozenset(int(one) for one in signal.Signals)


def _joined(last: Sequence[str]) -> str:
    lines = [line.strip() for line in last if line.strip()][-_SHOWN:]
    return f". It said: {' | '.join(lines)[-_LONGEST:]}" if lines else ""
