"""One file of records through a pipeline, in bounded memory: cut into chunks, several computed at once, in order.

A record that is not blank gives one answer, but for rows that a stage drops (``handleInvalid="skip"``): the lines they
stand on are told. While chunks are computed, the next is read and the last is written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice, repeat
from typing import IO, Final

import msgspec

from skewless.codecs.arrowstream import ARROW, read_stream
from skewless.containers.base import Answer, BuiltIn, media_type
from skewless.containers.pipeline import Pipeline
from skewless.containers.sparkml import SparkMLContainer
from skewless.errors import AllSkipped, BodyError, ContainerRefused, RequestError, SkewlessError
from skewless.jobs.transforming.joining import Joining
from skewless.jobs.transforming.records import (
    CsvRecords,
    Lines,
    NumberLines,
    RecordIO,
    Records,
    answers_in,
    has_answers,
)
from skewless.jobs.transforming.tables import parts

JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
CSV: Final = "text/csv"

CHUNK: Final = 1 << 21
"""Bytes computed at once: so many that a chunk's fixed costs vanish, and no more; see decision 10 for the curve."""


class NoResponse(SkewlessError):
    """A call takes too long; it cannot be ended, and goes on in its thread."""


@dataclass(frozen=True, slots=True)
class Way:
    """How files are sent through a pipeline, and how answers are put together."""

    pipeline: Pipeline
    content_type: str
    accept: str | None = None
    records: Records | None = None
    """How files are split; None sends a file as a whole."""
    size: int = CHUNK
    """Bytes of one call, if no record is longer."""
    longest: int = 6 << 20
    """Most bytes of one record, or of a file that is sent as a whole."""
    single: bool = True
    """Whether every record is to be answered as if it were sent alone; otherwise a call's answer is taken as it is."""
    lines: bool = True
    """Whether every answer ends its line; otherwise answers follow each other as the last container wrote them."""
    one_response: bool = False
    """Whether a file's chunks are parts of one call: their answers are parted as its lines would be."""
    joining: Joining | None = None
    columns: str = ""
    """The type of files of columns, whose parts are sent as Arrow streams; else files hold text or records."""
    own_schemas: bool = False
    """Whether the schema in a JSON line is for that line; otherwise that of a file's first line is for all."""
    alone: bool = False
    """Whether every record is sent in a call of its own, whatever the answers would be otherwise."""
    timeout: float | None = None
    """Seconds that a call may take."""
    attempts: int = 1
    """How often a call is made that ends in a defect."""
    on_defect: Callable[[Exception], None] = lambda error: None
    """Hears of a defect after which the call is made again."""

    @property
    def kind(self) -> str:
        """The media type of the input."""
        return media_type(self.content_type)

    @property
    def has_lines(self) -> bool:
        """Whether a file's records are its lines, so that an error's row is on one."""
        return self.kind != JSON and not self.kind.endswith(("parquet", "recordio-protobuf", "arrow.stream"))

    @property
    def takes_one(self) -> bool:
        """Whether the first container reads only one record of a body."""
        first = self.pipeline.containers[0]
        if isinstance(first, SparkMLContainer) and first.settings.strict:
            return True  # it answers the first line only, or all in one list
        return self.kind == JSON

    @property
    def answers_as_one(self) -> bool:
        """Whether the answer to several records is one text that is not a line for each."""
        if self.kind == JSON_LINES and self.accept:
            return True  # answered by one list where a type is asked for
        if isinstance(self.records, RecordIO):
            return True  # nothing says what parts the answers
        last = self.pipeline.containers[-1]
        return media_type(self.accept or (last.default_accept if isinstance(last, BuiltIn) else None)) == JSON

    @property
    def by_record(self) -> bool:
        """Whether answers are one for each record."""
        return self.single or self.joining is not None


def records_of(pipeline: Pipeline, content_type: str) -> Records:
    """How text of this type is parted into lines' records, as the first container will read them."""
    kind = media_type(content_type)
    if kind in (JSON, JSON_LINES):
        return Lines()
    return NumberLines() if pipeline.containers[0].runtime == "xgboost" else CsvRecords()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records of a file."""

    body: bytes
    first_line: int = 0
    """The number, from 0, of its first line in the file."""
    schema: bytes = b""
    """The schema of a JSON Lines file's first line, which counts for all its lines."""
    rows: int = 0
    """Of a part of a file of columns: how many it has. Its first line is the number of the first."""
    size: int = 0
    """Of such a part: the bytes of the file that it stands for."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a chunk of ``size`` bytes: its answers, their number, and the lines of skipped records."""

    answer: bytes = b""
    rows: int = 0
    skipped: Sequence[int] = ()
    size: int = 0


def answers(way: Way, pool: ThreadPoolExecutor, file: IO[bytes], at_once: int) -> Iterator[Done]:
    """What became of a file's chunks, in order; ``at_once`` may be computed at a time.

    RequestError names the line of a wrong record; NoResponse; errors of reading the file are its own.
    """
    parted = True
    for done in _in_order(way, pool, file, at_once):
        if not done.answer:
            yield done
            continue
        yield done if parted else replace(done, answer=b"\n" + done.answer)
        parted = not way.one_response or done.answer.endswith(b"\n")


def _in_order(way: Way, pool: ThreadPoolExecutor, file: IO[bytes], at_once: int) -> Iterator[Done]:
    pending: deque[Future[Done]] = deque()
    try:
        for chunk in _chunks(file, way):
            pending.append(pool.submit(_process, way, chunk))
            if len(pending) > at_once:
                yield _result(pending.popleft(), way.timeout)
        while pending:
            yield _result(pending.popleft(), way.timeout)
    finally:
        for future in pending:
            future.cancel()


def _result(future: Future[Done], timeout: float | None) -> Done:
    try:
        return future.result(timeout)
    except TimeoutError:
        if future.done():
            raise
        raise NoResponse(f"there was no answer within {timeout:g} seconds") from None


def _chunks(file: IO[bytes], way: Way) -> Iterable[Chunk]:
    if way.columns:
        return _of_columns(file, way)
    if way.records is None:
        return [Chunk(_all_of(file, way))]
    chunks = _whole_records(file, way, way.records)
    if way.alone or way.takes_one or (way.by_record and way.answers_as_one):
        chunks = _one_by_one(chunks, way.records)
    if way.kind != JSON_LINES:
        return chunks
    return _schemas_apart(chunks, way.records) if way.own_schemas else _with_schema(chunks, way.records)


def _of_columns(file: IO[bytes], way: Way) -> Iterator[Chunk]:
    first = way.pipeline.containers[0]
    # Others take columns by position.
    wanted = first.inputs.names if isinstance(first, SparkMLContainer) else None
    row = 0
    for part in parts(file, way.columns, wanted):
        yield Chunk(part.body, row, rows=part.rows, size=part.size)
        row += part.rows


def _all_of(file: IO[bytes], way: Way) -> bytes:
    body = file.read(way.longest + 1)
    if len(body) > way.longest:
        raise BodyError(
            f"the file is over {way.longest:,} bytes",
            hint="Split it by lines: application/jsonlines or text/csv, with SplitType Line in a transform job.",
        )
    return body


def _whole_records(file: IO[bytes], way: Way, records: Records) -> Iterator[Chunk]:
    """As many records a chunk as fit into ``way.size`` bytes, or one."""
    rest, line, size = b"", 0, way.size
    # One byte more than fits: the line end of a record that just does.
    while block := file.read(max(size + 1 - len(rest), 1)):
        rest += block
        if len(rest) <= size:
            continue
        end = records.whole(rest)
        if end:
            yield Chunk(rest[:end], line)
            line += records.lines(rest[:end])
            rest, size = rest[end:], way.size
        elif len(rest) > way.longest:
            raise BodyError(
                f"the record is longer than {way.longest:,} bytes",
                row=line + 1,
                hint="Allow more (MaxPayloadInMB, or SKEWLESS_MAX_PAYLOAD_MB), or look for a quote that is not closed.",
            )
        else:
            size = min(len(rest) + way.size, way.longest)
    if rest:
        yield Chunk(rest, line)


def _one_by_one(chunks: Iterable[Chunk], records: Records) -> Iterator[Chunk]:
    for chunk in chunks:
        line, before = chunk.first_line, 0
        for start, end in records.spans(chunk.body):
            line += records.lines(chunk.body[before:start])
            yield Chunk(chunk.body[start:end], line)
            before = start


def _schemas_apart(chunks: Iterable[Chunk], records: Records) -> Iterator[Chunk]:
    """Chunks in which a line may have a schema line by line, since it would count for those after it."""
    for chunk in chunks:
        # The name may be written with escapes.
        apart = b'"schema"' in chunk.body or b"\\u00" in chunk.body
        yield from _one_by_one([chunk], records) if apart else [chunk]


def _with_schema(chunks: Iterable[Chunk], records: Records) -> Iterator[Chunk]:
    """All chunks but the first with the schema of the file's first line."""
    schema = None
    for chunk in chunks:
        first = next(records.spans(chunk.body), None)
        if first is not None:
            if schema is not None:
                chunk = replace(chunk, schema=schema)
            else:
                schema = _schema_in(chunk.body[slice(*first)])
        yield chunk


def _schema_in(line: bytes) -> bytes:
    try:
        found = msgspec.json.decode(line)
        schema = found.get("schema") if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return b""  # its reader will say what is wrong
    return b"" if schema is None else msgspec.json.encode(schema)


def _process(way: Way, chunk: Chunk) -> Done:
    size = chunk.size or len(chunk.body)
    records = way.records or (records_of(way.pipeline, way.content_type) if way.has_lines else None)
    rows = chunk.rows or (records.count(chunk.body) if records else int(bool(chunk.body.strip())))
    if not rows:
        return Done(size=size)
    try:
        if chunk.rows:
            return _answered(way, chunk, None, rows)
        if way.records is None:
            return _as_a_whole(way, chunk, records, rows)
        if way.joining is not None:
            return _joined(way, chunk, way.records, way.joining)
        return _answered(way, chunk, way.records, rows)
    except AllSkipped:
        return Done(skipped=list(_row_lines(way, chunk, records)), size=size)
    except RequestError as error:
        if error.row is not None and (records is not None or chunk.rows):
            error.row = _line_of(way, chunk, records, error.row)
        raise


def _as_a_whole(way: Way, chunk: Chunk, records: Records | None, rows: int) -> Done:
    answer = _call(way, way.joining.given(chunk.body) if way.joining else chunk.body)
    made = way.joining.made(chunk.body, answer.body) if way.joining else answer.body
    made += b"\n" if way.lines and not made.endswith(b"\n") else b""
    return _done(way, chunk, records, answer, made, rows)


def _done(way: Way, chunk: Chunk, records: Records | None, answer: Answer, made: bytes, rows: int) -> Done:
    skipped = _lines_at(way, chunk, records, answer.skipped)
    return Done(made, rows - len(skipped), skipped, chunk.size or len(chunk.body))


def _answered(way: Way, chunk: Chunk, records: Records | None, rows: int) -> Done:
    answer = _call(way, _json_lines(records, chunk) if records and way.kind == JSON_LINES else chunk.body)
    left = rows - len(answer.skipped)
    if way.by_record or not way.answers_as_one:
        _check_number(chunk, answer, left)
    made = answer.body
    if media_type(answer.content_type) == ARROW:
        return _done(way, chunk, records, answer, made, rows)
    if way.lines:
        made += b"" if made.endswith(b"\n") else b"\n"
    elif way.single and not made.endswith(b"\n"):
        made = b"".join(_parts(answer, left))
    return _done(way, chunk, records, answer, made, rows)


def _joined(way: Way, chunk: Chunk, records: Records, joining: Joining) -> Done:
    """Every record filtered, sent, and joined with its own answer."""
    given = records.split(chunk.body)
    sent = _each(joining.given, range(len(given)), given)
    answer = _call(way, b"\n".join(sent))
    gone = {row - 1 for row in answer.skipped}
    kept = [row for row in range(len(given)) if row not in gone]
    _check_number(chunk, answer, len(kept))
    made = _each(joining.made, kept, [given[row] for row in kept], _parts(answer, len(kept)))
    text = b"".join([line + b"\n" for line in made])
    return _done(way, chunk, records, answer, text, len(given))


def _each(work: Callable[..., bytes], rows: Sequence[int], *given: Sequence[bytes]) -> list[bytes]:
    """What becomes of each of the records, whose numbers in the chunk, from 0, are for errors."""
    made: list[bytes] = []
    try:
        for one in zip(*given, strict=True):
            made.append(work(*one))
    except RequestError as error:
        error.row = rows[len(made)] + 1
        raise
    return made


def _call(way: Way, body: bytes) -> Answer:
    """Send a body; a call that ends in a defect is made again, as one that was answered with a 5xx status."""
    for _ in range(way.attempts - 1):
        try:
            return way.pipeline.invoke(body, way.content_type, way.accept)
        except SkewlessError as error:
            if not failed(error):
                raise
            way.on_defect(error)
        except Exception as error:
            way.on_defect(error)
    return way.pipeline.invoke(body, way.content_type, way.accept)


def failed(error: SkewlessError) -> bool:
    """Whether it was the container's program that failed, and not what it was given that was wrong."""
    return isinstance(error, ContainerRefused) and not 400 <= error.status < 500


def _json_lines(records: Records, chunk: Chunk) -> bytes:
    """The chunk's lines without blank ones, which the container would refuse, and with the schema that counts."""
    lines = records.split(chunk.body)
    if chunk.schema:
        # Of two properties of one name the last counts.
        lines[0] = lines[0].rstrip().removesuffix(b"}") + b',"schema":' + chunk.schema + b"}"
    return b"\n".join(lines)


def _check_number(chunk: Chunk, answer: Answer, rows: int) -> None:
    """BodyError where the answer does not have a line for each record."""
    kind = media_type(answer.content_type)
    if kind == ARROW:
        found, what = len(read_stream(answer.body)) if rows else 0, "rows"
        if found == rows:
            return
    else:
        if has_answers(answer.body, rows, is_csv=kind == CSV):
            return
        found, what = answer.body.count(b"\n"), "line ends"
    last = chunk.first_line + (chunk.rows or chunk.body.count(b"\n") + (not chunk.body.endswith(b"\n")))
    raise BodyError(
        f"lines {chunk.first_line + 1} to {last} hold {rows} records, but the answer has {found} {what}",
        hint="A batch has one answer a record: put one record on each line, and let no answer hold a line end.",
    )


def _parts(answer: Answer, rows: int) -> list[bytes]:
    """The answers, whose number was checked."""
    return answers_in(answer.body, rows, is_csv=media_type(answer.content_type) == CSV) or []


def _line_of(way: Way, chunk: Chunk, records: Records | None, row: int) -> int:
    """The line in the file of a row in its chunk; both from 1."""
    if chunk.rows:
        return chunk.first_line + row
    last = chunk.first_line + chunk.body.count(b"\n") + (not chunk.body.endswith(b"\n"))
    return next(islice(_row_lines(way, chunk, records), row - 1, None), last)


def _lines_at(way: Way, chunk: Chunk, records: Records | None, rows: Sequence[int]) -> Sequence[int]:
    """The lines in the file of rows in their chunk; all from 1."""
    if not rows:
        return ()
    lines = list(_row_lines(way, chunk, records))
    return [lines[row - 1] for row in rows]


def _row_lines(way: Way, chunk: Chunk, records: Records | None) -> Iterator[int]:
    """The line in the file, from 1, on which every row in a chunk begins; in a file of columns, the row's number."""
    if chunk.rows:
        yield from range(chunk.first_line + 1, chunk.first_line + chunk.rows + 1)
        return
    if records is None:
        yield 1
        return
    line, before = chunk.first_line + 1, 0
    for start, end in records.spans(chunk.body):
        line += records.lines(chunk.body[before:start])
        before = start
        rows = (
            _rows_in(way.pipeline, chunk.body[start:end])
            if way.kind == JSON_LINES and way.joining is None
            else 1
        )
        yield from repeat(line, rows)


def _rows_in(pipeline: Pipeline, line: bytes) -> int:
    first = pipeline.containers[0]
    try:
        return len(first.rows_in(line)) if isinstance(first, SparkMLContainer) else 1
    except RequestError:
        return 1
