"""A container that is a program: a body in by HTTP, a body out, verbatim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import msgspec

from skewless.containers.base import CUSTOM_ATTRIBUTES, Answer, Carried, Container, ExecutionParameters
from skewless.containers.process.channel import Broken, Channel, Late, Reply, Unanswered
from skewless.containers.process.hosting import Hosting
from skewless.containers.process.layout import Layout
from skewless.containers.process.life import PROMPT, Life, Lives, Pace
from skewless.errors import ContainerRefused, SkewlessError
from skewless.programs.program import Limits
from skewless.settings import Settings

_BYTES: Final = "application/octet-stream"
"""What is known of a program before it gets a request."""
_SHOWN: Final = 300
"""Characters of a refusal's body that our log repeats."""
_LAST_WORDS: Final = 2.0
"""Seconds within which the end of a program that broke off is known."""
_LAST_AT_MOST: Final = 10.0
"""Seconds more, on a busy machine, for one that does not answer a ping either."""
_PARAMETERS: Final = 64 << 10
"""Bytes of the answer about execution parameters."""


@dataclass(frozen=True, slots=True)
class Runnable:
    """What a container runs, and what is given to it."""

    command: Sequence[str]
    environment: Mapping[str, str]
    layout: Layout
    health_timeout: int
    """Seconds until its first ping must be answered."""
    memory: int
    """Bytes that it may use."""


class ProcessContainer(Container):
    """A program as a child process, kept alive."""

    def __init__(
        self,
        name: str,
        runtime: str,
        what: Runnable,
        settings: Settings,
        hosting: Hosting,
        pace: Pace = PROMPT,
    ) -> None:
        """Start the program; `verify` waits until it answers a ping."""
        self.name = name
        self.runtime = runtime
        self.settings = settings
        self.patience = hosting.patience
        self.notes: list[str] = []
        limits = Limits(what.memory, settings.container_tasks)
        self._lives = Lives(
            what.command,
            what.environment,
            what.layout,
            limits,
            lambda line: hosting.say(name, line),
            health_timeout=what.health_timeout,
            patience=settings.invocation_timeout,
            pace=pace,
        )
        self._parameters: ExecutionParameters | None = None

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """Hand the body to the program. ContainerRefused where it answers with an error, or not at all."""
        return self.carry(body, content_type, accept, Carried())

    def carry(self, body: bytes, content_type: str | None, accept: str | None, carried: Carried) -> Answer:
        """`invoke` with headers beside these two."""
        life = self._now()
        if life is None:
            why = f"it is being started again: {self._lives.why}"
            self._refuse(503, f"The program of {self.name} cannot answer: {why}.")
        headers = [(name.encode(), value) for name, value in carried.headers.items()]
        headers += [(b"content-type", content_type)] if content_type else []
        headers += [(b"accept", accept)] if accept else []
        with life.asked():
            try:
                reply = life.channel.ask(
                    b"POST",
                    b"/invocations",
                    [(name, value.encode("latin-1", "replace")) for name, value in headers],
                    body,
                    timeout=self.settings.invocation_timeout,
                    most=self.settings.max_answer_mb << 20,
                )
            except Late:
                self._late()
            except (Unanswered, OSError) as error:
                self._unanswered(error, _end(life) if isinstance(error, Broken | OSError) else life.how(0))
        told = reply.headers.get(CUSTOM_ATTRIBUTES.encode())
        if told is not None:
            carried.attributes = told.decode("latin-1")
        return self._answer(reply)

    def _answer(self, reply: Reply) -> Answer:
        kind = reply.headers.get(b"content-type", _BYTES.encode()).decode("latin-1")
        if 200 <= reply.status < 300:
            return Answer(reply.body, kind)
        said = reply.body[:_SHOWN].decode(errors="replace").strip()
        raise ContainerRefused(
            f"its program answered with status {reply.status}" + (f": {said}" if said else ""),
            status=reply.status,
            body=reply.body,
            content_type=kind,
            container=self.name,
        )

    def _late(self) -> NoReturn:
        self._refuse(
            0,
            f"Your invocation timed out while waiting for a response from container {self.name}. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        )

    def _unanswered(self, error: Exception, how: str | None) -> NoReturn:
        if how is not None:
            self._refuse(500, f"The program of {self.name} ended while it had the request: {how}.")
        said = str(error) if isinstance(error, Unanswered) else f"nobody listens ({error})"
        self._refuse(500, f"The program of {self.name} gave no answer: {said}.")

    def _refuse(self, status: int, text: str) -> NoReturn:
        raise ContainerRefused(
            text,
            status=status,
            body=text.encode(),
            content_type="text/plain; charset=utf-8",
            container=self.name,
        )

    def execution_parameters(self) -> ExecutionParameters:
        """The program's own, where it tells them; SageMaker's defaults otherwise."""
        if self._parameters is None:
            self._parameters = _parameters(self._told(), self.settings)
        return self._parameters

    def _told(self) -> bytes:
        life = self._now()
        if life is None:
            return b""
        with life.asked():
            try:
                reply = life.channel.ask(
                    b"GET",
                    b"/execution-parameters",
                    timeout=self.settings.invocation_timeout,
                    most=_PARAMETERS,
                )
            except (Unanswered, OSError):
                return b""
        return reply.body if reply.status == 200 else b""

    def verify(self) -> int:
        """Wait until it answers a ping. SkewlessError says why it does not, with the last lines of its output."""
        self._now()
        return 0

    def _now(self) -> Life | None:
        try:
            return self._lives.now(self.patience)
        except SkewlessError as error:
            raise SkewlessError(f"{self.name}: {error.message}", hint=error.hint) from None

    def close(self) -> None:
        """End the program (SIGTERM, and 30 seconds later SIGKILL), and remove its folder."""
        self._lives.close()

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self._lives.restarts

    @property
    def channel(self) -> Channel | None:
        """The way to the program, while it answers."""
        life = self._now()
        return life.channel if life else None


def _end(life: Life) -> str | None:
    """How a program ended that broke off; None where it goes on."""
    how = life.how(_LAST_WORDS)
    if how is not None:
        return how
    try:
        life.channel.ask(b"GET", b"/ping", timeout=_LAST_WORDS, most=_PARAMETERS)
    except (Unanswered, OSError):
        return life.how(_LAST_AT_MOST)
    return None


def _parameters(told: bytes, settings: Settings) -> ExecutionParameters:
    """What a program told, as far as it can be understood."""
    try:
        said: Any = msgspec.json.decode(told) if told else {}
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    at_once, strategy, payload = (
        said.get(name) for name in ("MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB")
    )
    return ExecutionParameters(
        at_once if isinstance(at_once, int) and at_once > 0 else 1,
        strategy if strategy in ("MULTI_RECORD", "SINGLE_RECORD") else "MULTI_RECORD",
        payload if isinstance(payload, int) and payload >= 0 else settings.max_payload_mb,
    )
