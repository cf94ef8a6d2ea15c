"""The chain: containers in order, each taking what the one before it gave.

Two ways to run it, with the same bytes. *Hop by hop* every container gets a body and gives a body. *Fused*, built-in
neighbours hand over columns, and a body of one CSV record takes the row path; where columns cannot stand for text
exactly, that one hop goes through text. Errors are the same too, with the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter_ns
from typing import Any, Final

from skewless.codecs.csvtext import single_line
from skewless.containers.base import (
    Answer,
    BuiltIn,
    Carried,
    Cells,
    Container,
    ExecutionParameters,
    NeedsText,
    media_type,
    skipped,
)
from skewless.containers.mismatch import explained
from skewless.containers.row_program import Program, program
from skewless.errors import AnswerTooLarge, EmptyBody, ParityError, RequestError, SettingError
from skewless.ops.compiling import source_of
from skewless.table import Table

MOST_CONTAINERS: Final = 15
MOST_BETWEEN: Final = 5 << 20
"""Bytes of a body between two containers, strictly."""
_MOST_PROGRAMS: Final = 16
"""Pairs of content type and accept for which rows are compiled; the headers are the callers' to choose."""
_CSV: Final = "text/csv"
_BYTES: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Recorded bodies for the whole pipeline: what comes in, and what must come out."""

    body: bytes
    content_type: str
    expected: bytes


@dataclass(slots=True)
class Course:
    """How one request went."""

    containers: tuple[str, ...] = ()
    """Those that the request is for, in order."""
    marks: list[int] = field(default_factory=list)
    """The times of its start and of each container's end, in nanoseconds of `time.perf_counter_ns`."""
    carried: Carried | None = None
    """None until somebody has something to be carried."""
    given: dict[str, int] = field(default_factory=dict)
    """The bytes that each container was given as text, by name; one that was handed columns is not there."""

    def along(self) -> Carried:
        """What is carried along."""
        if self.carried is None:
            self.carried = Carried()
        return self.carried

    @property
    def spent(self) -> list[tuple[str, int, int]]:
        """Of each container that ran its name, start and end."""
        return [(name, *times) for name, times in zip(self.containers, pairwise(self.marks), strict=False)]


class Pipeline:
    """An inference pipeline of 1 to 15 containers."""

    def __init__(
        self,
        containers: Sequence[Container],
        *,
        fused: bool = True,
        recorded: EndToEnd | None = None,
        strict: bool = False,
        direct: bool = False,
    ) -> None:
        """SettingError for no or too many containers, or two of one name.

        ``strict``: hop by hop, and no body between two containers is over SageMaker's limit. ``direct``: a request is
        for one of the containers, which `aimed_at` gives.
        """
        names = [container.name for container in containers]
        if not 1 <= len(names) <= MOST_CONTAINERS:
            raise SettingError(f"a pipeline has 1 to {MOST_CONTAINERS} containers, not {len(names)}")
        if len(set(names)) != len(names):
            raise SettingError(f"two containers have one name: {', '.join(names)}")
        if direct and recorded is not None:
            raise SettingError(
                "parity rows for the whole pipeline need its containers in series",
                hint="Leave out `parity`, or Mode Direct.",
            )
        self.containers = tuple(containers)
        self.names = tuple(names)
        self.fused = fused and not strict
        self.strict = strict
        self.recorded = recorded
        self.direct = {one.name: Pipeline([one], fused=fused, strict=strict) for one in containers if direct}
        self.replayed: dict[str, int] = {}
        self._chain = _row_chain(self.containers) if self.fused and not direct else None
        self._programs: dict[tuple[str | None, str | None], Program | None] = {}
        self.gave_up = 0
        """How many requests of one row the compiled way left to the others."""
        self._program(_CSV, None)

    def aimed_at(self, target: str | None) -> Pipeline:
        """The pipeline that answers a request with this target container: itself, where it is in series.

        RequestError where a target is missing, unknown or not to be given.
        """
        if not self.direct:
            if target is None:
                return self
            raise RequestError(
                f"the target container {target!r} cannot be picked: the containers run in series",
                hint="Leave it out, or make a model with InferenceExecutionConfig Mode Direct.",
            )
        found = self.direct.get(target or "")
        if found is None:
            raise RequestError(
                f"there is no container {target!r}" if target else "no target container is named",
                hint=f"Name one in TargetContainerHostname: {', '.join(self.direct)}.",
            )
        return found

    def invoke(
        self,
        body: bytes,
        content_type: str | None = "text/csv",
        accept: str | None = None,
        course: Course | None = None,
    ) -> Answer:
        """Send a body through all containers.

        ``content_type`` is for the first container and ``accept`` for the last, as in SageMaker. RequestError names
        container, stage, column and row. ``course``, a new one, is told how it went.
        """
        program = self._programs.get((content_type, accept)) or self._program(content_type, accept)
        if program is None:
            return self._by_steps(body, content_type, accept, course or Course())
        if course is None:
            answer = program(body, None)
        else:
            course.containers = self.names
            course.given[self.names[0]] = len(body)
            course.marks.append(perf_counter_ns())
            answer = program(body, course.marks)
        if answer is None:
            self.gave_up += 1
            course = course or Course()
            course.marks.clear()
            return self._by_steps(body, content_type, accept, course)
        return answer

    def row_source(self, accept: str | None = None) -> str | None:
        """The compiled way of one row of CSV, as Python; None where the containers have none."""
        program = self._program(_CSV, accept)
        return None if program is None else source_of(program)

    def _program(self, content_type: str | None, accept: str | None) -> Program | None:
        """The compiled way of one row for requests of this kind; None where there is none."""
        if self._chain is None or media_type(content_type) != _CSV:
            return None
        key = content_type, accept
        if key not in self._programs and len(self._programs) < _MOST_PROGRAMS:
            self._programs[key] = program(self._chain, accept)
        return self._programs.get(key)

    def _by_steps(self, body: bytes, content_type: str | None, accept: str | None, course: Course) -> Answer:
        """Every container after the other; by rows where there is one, by columns or hop by hop."""
        if self.direct:
            self.aimed_at(None)  # refuses, and says which there are
        course.containers = self.names
        marks = course.marks
        marks.append(perf_counter_ns())
        course.given[self.containers[0].name] = len(body)
        if not self.fused:
            return self._hop_by_hop(body, content_type, accept, course)
        if self._chain is not None and media_type(content_type) == _CSV:
            line = single_line(body)
            if line is not None and line.strip():
                answer = self._one_row(self._chain, line, accept, marks)
                if answer is not None:
                    return answer
                del marks[1:]
        return self._columns(body, content_type, accept, course)

    def _hop_by_hop(
        self, body: bytes, content_type: str | None, accept: str | None, course: Course
    ) -> Answer:
        kind = content_type
        gone: tuple[int, ...] = ()
        before: Container | None = None
        for container in self.containers:
            self._check_size(before, container, body)
            course.given[container.name] = len(body)
            with self._placed_in(container, gone, before, kind):
                wanted = self._accept_for(container, accept)
                body, kind, skipped = container.carry(body, kind, wanted, course.along())
            gone = _and_then(gone, skipped)
            before = container
            course.marks.append(perf_counter_ns())
        return Answer(body, kind or _BYTES, gone)

    def _check_size(self, before: Container | None, after: Container, body: bytes) -> None:
        if self.strict and before is not None and len(body) > MOST_BETWEEN:
            raise AnswerTooLarge(
                f"Received response from {before.name} with status code 200. However, the request payload from "
                f"{before.name} to {after.name} is {len(body)} bytes, which has exceeded the maximum limit of "
                f"{MOST_BETWEEN >> 20} MB.",
                container=before.name,
                hint="Send fewer records at once, or leave SKEWLESS_STRICT out, without which there is no such limit.",
            )

    def _accept_for(self, container: Container, accept: str | None) -> str | None:
        """Only the last container hears what the caller accepts."""
        return accept if container is self.containers[-1] else None

    def _one_row(
        self, chain: Sequence[BuiltIn], line: str, accept: str | None, marks: list[int]
    ) -> Answer | None:
        """The row path; None where it does not apply to this line."""
        container = chain[0]
        try:
            fields = container.record(line)
            if not fields:
                return None
            cells: Cells = container.run_row(container.decode_row(fields))
            for after in chain[1:]:
                if None in cells or [] in cells:
                    return None  # as in `_Made.handed_to`
                marks.append(perf_counter_ns())
                container = after
                cells = container.run_row(container.adopt_row(cells))
            answer = container.encode_row(cells, accept)
            marks.append(perf_counter_ns())
            return answer
        except NeedsText:
            return None
        except RequestError as error:
            error.container = error.container or container.name
            raise

    def _columns(self, body: bytes, content_type: str | None, accept: str | None, course: Course) -> Answer:
        """The batch path: columns from container to container, text where it must be."""
        kind = content_type
        made: _Made | None = None
        gone: tuple[int, ...] = ()
        before: Container | None = None
        for container in self.containers:
            this = container
            taken = None if made is None else made.handed_to(container)
            if made is not None and taken is not None:
                body, kind = b"", _CSV
            elif made is not None:
                body, kind, gone = made.answer(None)
            if taken is None:
                course.given[container.name] = len(body)
            with self._placed_in(this, gone, before, kind):
                if isinstance(container, BuiltIn):
                    if taken is None:
                        container = container.for_request(body, kind)
                        taken = container.decode(body, kind)
                        given = len(taken)
                    made = _Made(container, container.run(taken), kind, given, gone)
                else:
                    made = None
                    wanted = self._accept_for(container, accept)
                    body, kind, skipped = container.carry(body, kind, wanted, course.along())
                    gone = _and_then(gone, skipped)
            before = this
            course.marks.append(perf_counter_ns())
        answer = Answer(body, kind or _BYTES, gone) if made is None else made.answer(accept)
        course.marks[-1] = perf_counter_ns()
        return answer

    @contextmanager
    def _placed_in(
        self, container: Container, gone: Sequence[int], before: Container | None, kind: str | None
    ) -> Iterator[None]:
        """As the function; an error of what the container ``before`` answered says what mends it."""
        try:
            with _placed_in(container, gone):
                yield
        except RequestError as error:
            if before is None or (self.strict and isinstance(error, EmptyBody)):
                raise
            told = explained(error, before, kind, container)
            told.container = container.name
            raise told from None

    def execution_parameters(self) -> ExecutionParameters:
        """The first container's."""
        return self.containers[0].execution_parameters()

    def verify(self) -> dict[str, int]:
        """Replay every container's parity rows, and the pipeline's own both fused and hop by hop.

        Gives the number of rows replayed, by container (``pipeline`` for the whole). ParityError names what differs.
        """
        rows = {container.name: container.verify() for container in self.containers}
        if self.recorded is not None:
            expected = self.recorded.expected.decode().splitlines()
            for way, run in (("fused", self._columns), ("hop by hop", self._hop_by_hop)):
                made = run(self.recorded.body, self.recorded.content_type, None, Course()).body
                _compare(way, expected, made.decode().splitlines())
            _compare("row by row", expected, self._row_by_row(self.recorded, expected))
            rows["pipeline"] = len(expected)
        self.replayed = rows
        return rows

    def _row_by_row(self, recorded: EndToEnd, expected: Sequence[str]) -> Sequence[str]:
        """What the compiled way answers for recorded lines; as expected where it leaves them to the other ways."""
        program, lines = self._program(recorded.content_type, None), recorded.body.splitlines()
        if program is None or len(lines) != len(expected):
            return expected
        made = [program(line, None) for line in lines]
        return [
            want if answer is None else answer.body.decode().removesuffix("\n")
            for want, answer in zip(expected, made, strict=True)
        ]

    def close(self) -> None:
        """Close every container, all at once: each may take its time to end."""
        with ThreadPoolExecutor(len(self.containers)) as pool:
            list(pool.map(lambda container: container.close(), self.containers))

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Made:
    """What a container made of a request, not yet written: its table, and the request's content type."""

    container: BuiltIn
    table: Table
    kind: str | None
    given: int
    """How many rows there were when they were last read from text."""
    gone: tuple[int, ...]
    """The rows of the request that were skipped before that."""

    def answer(self, accept: str | None) -> Answer:
        """The table as a body."""
        with _placed_in(self.container, self.gone):
            answer = self.container.encode(self.table, self.kind, accept)
        return answer._replace(skipped=_and_then(self.gone, skipped(self.given, self.table)))

    def handed_to(self, after: Container) -> Table | None:
        """The table as the next container's input; None where that must read the text."""
        if not isinstance(after, BuiltIn) or not _answers_csv(self.container):
            return None
        # The original wraps its answers to JSON Lines; whether this one does is for `encode` to say.
        if media_type(self.kind) == "application/jsonlines" or not after.adopts(self.table.schema):
            return None
        # A null has no text, and a vector without slots has one that is no record.
        if any(
            column.null_mask is not None or column.type.size == 0 for column in self.table.columns.values()
        ):
            return None
        try:
            with _placed_in(after, self.gone):
                return after.adopt(self.table)
        except NeedsText:
            return None


def _row_chain(containers: Sequence[Container]) -> tuple[BuiltIn, ...] | None:
    """The containers, where one row can go all the way without text."""
    chain = tuple(container for container in containers if isinstance(container, BuiltIn))
    if len(chain) != len(containers) or not len(chain[0].inputs):
        return None
    fits = all(_answers_csv(one) and other.adopts(one.outputs) for one, other in pairwise(chain))
    return chain if fits else None


def _answers_csv(container: BuiltIn) -> bool:
    # A neighbour reads CSV; an answer in any other form, or a wrong setting, is for `encode` and its reader to judge.
    return container.hands_over and container.default_accept == _CSV


@contextmanager
def _placed_in(container: Container, gone: Sequence[int] = ()) -> Iterator[None]:
    """Errors raised within name the container, and their row counts from the request's first."""
    try:
        yield
    except RequestError as error:
        error.container = error.container or container.name
        if error.row is not None:
            error.row = _in_request(error.row, gone)
        raise


def _in_request(row: int, gone: Sequence[int]) -> int:
    """The number that a row had before the rows ``gone``, in order, were taken out; all count from 1."""
    for number in gone:
        row += number <= row
    return row


def _and_then(gone: tuple[int, ...], skipped: Sequence[int]) -> tuple[int, ...]:
    """The request's rows that are gone after more were skipped of those that were left."""
    return tuple(sorted((*gone, *(_in_request(row, gone) for row in skipped)))) if skipped else gone


def _compare(way: str, expected: Sequence[str], made: Sequence[str]) -> None:
    if len(expected) != len(made):
        raise ParityError(f"run {way}, the pipeline gives {len(made)} answers for {len(expected)} rows")
    for row, (want, got) in enumerate(zip(expected, made, strict=True)):
        if want != got:
            raise ParityError(
                f"run {way}, the pipeline gives {got!r} where {want!r} was recorded",
                row=row + 1,
                expected=want,
                actual=got,
                hint="Train and export again, so that all containers belong together.",
            )


def explain(pipeline: Pipeline, body: bytes, content_type: str) -> Iterator[tuple[str, str, str, Any]]:
    """What every container and stage made of the rows: container, stage, column, and the column's values."""
    kind: str | None = content_type
    for container in pipeline.aimed_at(None).containers:
        with _placed_in(container):
            if isinstance(container, BuiltIn):
                chosen = container.for_request(body, kind)
                for stage, column, values in chosen.trace(chosen.decode(body, kind)):
                    yield container.name, stage, column, values
            body, kind, _ = container.invoke(body, kind, None)
            yield container.name, "answer", kind, body
