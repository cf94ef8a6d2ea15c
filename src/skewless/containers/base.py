"""What a container is, whatever runs inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from skewless.codecs.csvtext import record
from skewless.errors import AcceptError, ContentTypeError, RequestError
from skewless.ops.compiling import Source, Symbol
from skewless.schema import Schema, Type
from skewless.table import Table

Cells: TypeAlias = Sequence[Any]
"""One row's values as Python objects, in the order of the columns."""


CUSTOM_ATTRIBUTES: Final = "x-amzn-sagemaker-custom-attributes"
"""The header by which callers and programs tell each other what they like."""


class Answer(NamedTuple):
    """What a container answers."""

    body: bytes
    content_type: str
    skipped: tuple[int, ...] = ()
    """The rows, from 1, that its stages dropped (``handleInvalid="skip"``): there is no answer to these."""


@dataclass(slots=True)
class Carried:
    """What goes along with a request and its answer, for programs."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """The caller's, with names in lower case."""
    attributes: str | None = None
    """The custom attributes of the answer: those of the last program that gave any."""


@dataclass(frozen=True, slots=True)
class ExecutionParameters:
    """What ``GET /execution-parameters`` answers: how a batch job should call this container."""

    max_concurrent_transforms: int
    batch_strategy: str
    max_payload_mb: int


class Container(ABC):
    """One step: a body in, a body out."""

    name: str
    """Its host name in the pipeline: ``container-1``, or the one the user gave."""
    runtime: str
    """What it runs on: ``sparkml``, ``xgboost`` …"""
    reads: Sequence[str] = ()
    """The content types that it reads, the usual one first; none where nobody here can know."""

    @abstractmethod
    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """Process a body. RequestError, with ``container`` set, where the caller's input cannot be processed.

        ContainerRefused where code of the user answers with an error, whatever its status.
        """

    def carry(self, body: bytes, content_type: str | None, accept: str | None, carried: Carried) -> Answer:
        """`invoke` with what goes along with the request; what is built in has no use for that."""
        return self.invoke(body, content_type, accept)

    @abstractmethod
    def execution_parameters(self) -> ExecutionParameters:
        """How batch jobs should call it."""

    @abstractmethod
    def verify(self) -> int:
        """Replay the artifact's parity rows; gives how many there were. ParityError names what differs."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds; a second call does nothing."""


class NeedsText(Exception):
    """Columns cannot be handed over as they are: the next container must read them from text."""


class BuiltIn(Container):
    """A container whose work is data, so that it can run in this process and hand over columns instead of text.

    ``invoke`` is always ``encode(run(decode(body)))``. The row methods do the same for a body of one CSV record and
    must give the same bytes.
    """

    inputs: Schema
    """The columns that `decode` makes and `run` takes."""
    outputs: Schema
    """The columns that `run` makes and `encode` takes."""

    default_accept: str
    """The content type of the answer where the caller asks for none."""

    hands_over: bool = True
    """Whether its CSV answers say what its columns hold and no more, so that a neighbour may take these instead."""

    def for_request(self, body: bytes, content_type: str | None) -> BuiltIn:
        """The container that should handle this body: itself, unless the body brings a schema of its own."""
        return self

    @abstractmethod
    def decode(self, body: bytes, content_type: str | None) -> Table:
        """The body as a table of ``inputs``."""

    @abstractmethod
    def run(self, table: Table) -> Table:
        """A table of ``inputs`` to a table of ``outputs``."""

    @abstractmethod
    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        """A table of ``outputs`` as a body; ``content_type`` is the request's."""

    @abstractmethod
    def adopts(self, upstream: Schema) -> bool:
        """Whether `adopt` gives, for these columns, exactly what decoding them from text would give."""

    @abstractmethod
    def adopt(self, upstream: Table) -> Table:
        """An upstream container's columns, by position, as a table of ``inputs``.

        NeedsText where the values themselves could come out otherwise through text.
        """

    def record(self, line: str) -> Sequence[str] | None:
        """The fields of one CSV line; None where only `decode` knows how to read it."""
        return record(line)

    @abstractmethod
    def decode_row(self, record: Sequence[str]) -> Cells:
        """The fields of one CSV record as the values of ``inputs``."""

    @abstractmethod
    def run_row(self, cells: Cells) -> Cells:
        """The row path of `run`."""

    @abstractmethod
    def adopt_row(self, cells: Cells) -> Cells:
        """The row path of `adopt`, which may raise NeedsText too."""

    @abstractmethod
    def encode_row(self, cells: Cells, accept: str | None) -> Answer:
        """The row path of `encode`, for a request of one CSV record."""

    def emit_decode(self, source: Source, line: str) -> Sequence[Symbol]:
        """`record` and `decode_row` in a compiled row path; ``line`` is the name of the text of one CSV line.

        What the row methods would refuse is given up, here and in the others.
        """
        fields = source.local(f"{source.constant(self.record)}({line})")
        source.give_up_if(f"not {fields}")
        return source.unpacked(f"{source.constant(self.decode_row)}({fields})", _types(self.inputs))

    def emit_run(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        """`run_row` of what `emit_decode` or `emit_adopt` made."""
        return source.unpacked(source.call(self.run_row, given), _types(self.outputs))

    def emit_adopt(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        """`adopt_row` of what another container's `emit_run` made, none of which is null or an empty vector."""
        return source.unpacked(source.call(self.adopt_row, given), _types(self.inputs))

    def emit_answer(self, source: Source, given: Sequence[Symbol], accept: str | None) -> str:
        """The expression of what `encode_row` gives for what `emit_run` made."""
        return source.call(lambda cells: self.encode_row(cells, accept), given)

    def trace(self, table: Table) -> Iterator[tuple[str, str, list[Any]]]:
        """What `run` makes of a table, step by step: stage, column, values. By default one step."""
        made = self.run(table)
        for name, column in made.columns.items():
            yield self.runtime, name, [column.cell(row) for row in range(len(made))]

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """Decode, run, encode."""
        try:
            chosen = self.for_request(body, content_type)
            given = chosen.decode(body, content_type)
            made = chosen.run(given)
            return chosen.encode(made, content_type, accept)._replace(skipped=skipped(len(given), made))
        except RequestError as error:
            error.container = error.container or self.name
            raise


def _types(schema: Schema) -> list[Type]:
    return [field.type for field in schema]


def skipped(given: int, made: Table) -> tuple[int, ...]:
    """Of so many rows the numbers, from 1, of those that are not in a table made of them."""
    if made.rows is None:
        return ()
    kept = set(made.rows.tolist())
    return tuple(row + 1 for row in range(given) if row not in kept)


def media_type(content_type: str | None) -> str:
    """A content type in lower case without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


def unreadable(content_type: str | None, readable: Sequence[str]) -> ContentTypeError:
    """The error for a content type that is not read here."""
    what = f"content type {content_type!r} is not read here" if content_type else "there is no content type"
    return ContentTypeError(what, value=content_type, hint=f"Send one of: {', '.join(readable)}.")


def unwritable(accept: str | None, writable: Sequence[str]) -> AcceptError:
    """The error for a wanted answer type that is not written here."""
    return AcceptError(
        f"answers of type {accept!r} are not written here",
        value=accept,
        hint=f"Accept one of: {', '.join(writable)}.",
    )
