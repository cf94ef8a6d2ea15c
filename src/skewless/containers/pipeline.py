"""The chain: containers in order, each taking what the one before it gave.

Two ways to run it, with the same bytes. *Hop by hop* every container gets a body and gives a body. *Fused*, built-in
neighbours hand over columns, and a body of one CSV record takes the row path; where columns cannot stand for text
exactly, that one hop goes through text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from skewless.codecs.csvtext import single_line
from skewless.containers.base import (
    Answer,
    BuiltIn,
    Cells,
    Container,
    ExecutionParameters,
    NeedsText,
    media_type,
)
from skewless.errors import ParityError, RequestError, SettingError
from skewless.table import Table

MOST_CONTAINERS = 15


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Recorded bodies for the whole pipeline: what comes in, and what must come out."""

    body: bytes
    content_type: str
    expected: bytes


class Pipeline:
    """An inference pipeline of 1 to 15 containers."""

    def __init__(
        self, containers: Sequence[Container], *, fused: bool = True, recorded: EndToEnd | None = None
    ) -> None:
        """SettingError for no or too many containers, or two of one name."""
        names = [container.name for container in containers]
        if not 1 <= len(names) <= MOST_CONTAINERS:
            raise SettingError(f"a pipeline has 1 to {MOST_CONTAINERS} containers, not {len(names)}")
        if len(set(names)) != len(names):
            raise SettingError(f"two containers have one name: {', '.join(names)}")
        self.containers = tuple(containers)
        self.fused = fused
        self.recorded = recorded
        self.replayed: dict[str, int] = {}
        self._chain = _row_chain(self.containers) if fused else None

    def invoke(
        self, body: bytes, content_type: str | None = "text/csv", accept: str | None = None
    ) -> Answer:
        """Send a body through all containers.

        ``content_type`` is for the first container and ``accept`` for the last, as in SageMaker. RequestError names
        container, stage, column and row.
        """
        if not self.fused:
            return self._hop_by_hop(body, content_type, accept)
        if self._chain is not None and media_type(content_type) == "text/csv":
            line = single_line(body)
            if line is not None and line.strip():
                answer = self._one_row(self._chain, line, accept)
                if answer is not None:
                    return answer
        return self._columns(body, content_type, accept)

    def _hop_by_hop(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        kind = content_type
        for container in self.containers[:-1]:
            body, kind = container.invoke(body, kind, None)
        return self.containers[-1].invoke(body, kind, accept)

    def _one_row(self, chain: Sequence[BuiltIn], line: str, accept: str | None) -> Answer | None:
        """The row path; None where it does not apply to this line."""
        container = chain[0]
        try:
            fields = container.record(line)
            if not fields:
                return None
            cells: Cells = container.run_row(container.decode_row(fields))
            for container in chain[1:]:
                cells = container.run_row(container.adopt_row(cells))
            return container.encode_row(cells, accept)
        except NeedsText:
            return None
        except RequestError as error:
            error.container = error.container or container.name
            raise

    def _columns(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """The batch path: columns from container to container, text where it must be."""
        kind = content_type
        done: Table | None = None
        before: BuiltIn | None = None
        for container in self.containers:
            try:
                if not isinstance(container, BuiltIn):
                    if before is not None and done is not None:
                        body, kind = before.encode(done, kind, None)
                    wanted = accept if container is self.containers[-1] else None
                    body, kind = container.invoke(body, kind, wanted)
                    done = before = None
                    continue
                taken = None
                if before is not None and done is not None:
                    taken = _handed_over(before, done, container)
                    if taken is None:
                        body, kind = before.encode(done, kind, None)
                    else:
                        kind = before.default_accept
                if taken is None:
                    container = container.for_request(body, kind)
                    taken = container.decode(body, kind)
                done, before = container.run(taken), container
            except RequestError as error:
                error.container = error.container or container.name
                raise
        if before is None or done is None:
            return body, kind or "application/octet-stream"
        try:
            return before.encode(done, kind, accept)
        except RequestError as error:
            error.container = error.container or before.name
            raise

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
                made, _ = run(self.recorded.body, self.recorded.content_type, None)
                _compare(way, expected, made.decode().splitlines())
            rows["pipeline"] = len(expected)
        self.replayed = rows
        return rows

    def close(self) -> None:
        """Close every container."""
        for container in self.containers:
            container.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _row_chain(containers: Sequence[Container]) -> tuple[BuiltIn, ...] | None:
    """The containers, where one row can go all the way without text."""
    chain = tuple(container for container in containers if isinstance(container, BuiltIn))
    if len(chain) != len(containers) or not len(chain[0].inputs):
        return None
    fits = all(_hands_over(one) and other.adopts(one.outputs) for one, other in pairwise(chain))
    return chain if fits else None


def _hands_over(container: BuiltIn) -> bool:
    # A neighbour reads CSV; an answer in any other form is its business to read or refuse.
    return media_type(container.default_accept) == "text/csv"


def _handed_over(before: BuiltIn, done: Table, after: BuiltIn) -> Table | None:
    if not _hands_over(before) or not after.adopts(done.schema):
        return None
    try:
        return after.adopt(done)
    except NeedsText:
        return None


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
    for container in pipeline.containers:
        if isinstance(container, BuiltIn):
            chosen = container.for_request(body, kind)
            for stage, column, values in chosen.trace(chosen.decode(body, kind)):
                yield container.name, stage, column, values
        body, kind = container.invoke(body, kind, None)
        yield container.name, "answer", kind, body
