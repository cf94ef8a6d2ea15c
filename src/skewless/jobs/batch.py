"""Batch transform: files of records through a pipeline, any number of rows in bounded memory.

Every input line that is not blank gives one output line, in order, but for rows that a stage drops
(``handleInvalid="skip"``): their line numbers are written beside the answers, and counted. A file is read in chunks of
whole lines; several chunks are computed at once while the next is read and the last is written.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from skewless.codecs.jsontext import read_json_lines, rows_of
from skewless.containers.base import BuiltIn, media_type
from skewless.containers.pipeline import Pipeline
from skewless.containers.sparkml import SparkMLContainer
from skewless.errors import AllSkipped, BodyError, RequestError, SettingError

CHUNK: Final = 1 << 20
"""Bytes read at once: large enough that a chunk's fixed costs vanish, small enough that several fit in a cache."""

_JSON: Final = "application/json"
_JSON_LINES: Final = "application/jsonlines"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to process, and where its answers go relative to the output folder."""

    path: Path
    target: Path

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size


@dataclass(slots=True)
class Report:
    """What a batch did: rows answered and skipped, and the files that failed with the reason."""

    rows: int = 0
    skipped: int = 0
    """Rows that a stage dropped; the lines they stood on are in ``.skipped`` files beside the answers."""
    written: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, Exception]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chunk:
    body: bytes
    first_line: int
    """The number, from 0, of its first line in the file."""
    schema: bytes = b""
    """The schema of a JSON Lines file's first line, which counts for all its lines."""

    @property
    def last_line(self) -> int:
        """The number, from 1, of its last line in the file."""
        return self.first_line + self.body.count(b"\n") + (not self.body.endswith(b"\n"))


@dataclass(frozen=True, slots=True)
class _Way:
    """How a file's chunks are sent."""

    pipeline: Pipeline
    content_type: str
    accept: str | None
    longest: int
    """Most bytes of one line."""

    @property
    def kind(self) -> str:
        """The media type of the input."""
        return media_type(self.content_type)

    @property
    def line_by_line(self) -> bool:
        """Whether a body of several lines would not be answered by as many lines."""
        first, last = self.pipeline.containers[0], self.pipeline.containers[-1]
        if isinstance(first, SparkMLContainer) and first.settings.strict:
            return True  # it answers the first line only, or all in one list
        if self.kind == _JSON_LINES and self.accept:
            return True  # answered by one list where a type is asked for
        wanted = self.accept or (last.default_accept if isinstance(last, BuiltIn) else None)
        return media_type(wanted) == _JSON


def sources(inputs: Sequence[Path]) -> list[Source]:
    """The files among ``inputs`` (folders are searched; names beginning with . or _ are left out), in order, each once.

    SettingError for an input that is not there, or two that would write one file.
    """
    found: list[Source] = []
    for given in inputs:
        if given.is_dir():
            for path in sorted(given.rglob("*")):
                below = path.relative_to(given)
                if path.is_file() and not any(part.startswith((".", "_")) for part in below.parts):
                    found.append(Source(path, below.with_name(f"{below.name}.out")))
        elif given.is_file():
            found.append(Source(given, Path(f"{given.name}.out")))
        else:
            raise SettingError(f"there is no file or folder {given}", hint="Check the path.")
    if not found:
        raise SettingError(f"there is no file to process in {', '.join(map(str, inputs)) or 'nothing'}")
    by_target: dict[Path, Source] = {}
    for source in found:
        other = by_target.setdefault(source.target, source)
        if other.path != source.path:
            raise SettingError(
                f"{other.path} and {source.path} would both be written to {source.target}",
                hint="Transform them into different folders.",
            )
    return list(by_target.values())


def transform(
    pipeline: Pipeline,
    inputs: Sequence[Source],
    output: Path,
    *,
    content_type: str = "text/csv",
    accept: str | None = None,
    longest: int = 6 << 20,
    on_bytes: Callable[[int, int], None] = lambda size, rows: None,
) -> Report:
    """Process files into ``output``; a file that fails leaves no answer and does not stop the others.

    ``longest`` bounds one line in bytes; ``on_bytes`` hears of every chunk done: its size and rows.
    """
    way = _Way(pipeline, content_type, accept, longest)
    report = Report()
    _prepare(inputs, output)
    with ThreadPoolExecutor(_threads(), thread_name_prefix="batch") as pool:
        for source in inputs:
            target = output / source.target
            try:
                rows, skipped = _write(target, _answers(way, pool, source), on_bytes)
                report.rows += rows
                report.skipped += len(skipped)
                report.written.append(target)
            except (RequestError, OSError, EOFError, zlib.error) as error:
                report.failed.append((source.path, error))
    return report


def _threads() -> int:
    return os.cpu_count() or 1


def _prepare(inputs: Sequence[Source], output: Path) -> None:
    """Make the output folder. SettingError where that cannot be, or where an answer would replace an input."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"the folder {output} cannot be made: {error.strerror}", hint="Choose another with --output."
        ) from None
    read = {source.path.resolve() for source in inputs}
    for source in inputs:
        if (output / source.target).resolve() in read:
            raise SettingError(
                f"the answers to {source.path} would replace the input {output / source.target}",
                hint="Write them to another folder.",
            )


def _write(
    target: Path, answers: Iterable[tuple[_Done, int]], on_bytes: Callable[[int, int], None]
) -> tuple[int, list[int]]:
    """Write a file's answers, under its name only when all are there.

    Gives the number of rows, and the lines of those that were skipped, which stand in a file beside it.
    """
    total, skipped = 0, list[int]()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as file:
        try:
            for done, size in answers:
                file.write(done.answer)
                total += done.rows
                skipped += done.skipped
                on_bytes(size, done.rows)
            beside = target.with_name(f"{target.name}.skipped")
            if skipped:
                beside.write_text("".join(f"{line}\n" for line in skipped))
            else:
                beside.unlink(missing_ok=True)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return total, skipped


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a chunk: text that ends in a line end, its number of rows, and the lines of skipped ones."""

    answer: bytes = b""
    rows: int = 0
    skipped: Sequence[int] = ()


def _answers(way: _Way, pool: ThreadPoolExecutor, source: Source) -> Iterator[tuple[_Done, int]]:
    """Answers in order, each with the bytes that it took."""
    pending: deque[tuple[_Chunk, Future[_Done]]] = deque()
    try:
        with _opened(source.path) as file:
            for chunk in _chunks(file, way):
                pending.append((chunk, pool.submit(_process, way, chunk)))
                if len(pending) > _threads():
                    done, future = pending.popleft()
                    yield future.result(), len(done.body)
        while pending:
            done, future = pending.popleft()
            yield future.result(), len(done.body)
    finally:
        for _, future in pending:
            future.cancel()


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _chunks(file: IO[bytes], way: _Way) -> Iterator[_Chunk]:
    if way.kind == _JSON:
        body = file.read(way.longest + 1)
        if len(body) > way.longest:
            raise BodyError(
                f"the file is over {way.longest:,} bytes", hint="Send application/jsonlines instead."
            )
        return iter([_Chunk(body, 0)])
    chunks = _whole_lines(file, way.longest)
    if way.line_by_line:
        chunks = _lines_of(chunks, way)
    return _with_schema(chunks, way) if way.kind == _JSON_LINES else chunks


def _whole_lines(file: IO[bytes], longest: int) -> Iterator[_Chunk]:
    rest, line = b"", 0
    while block := file.read(CHUNK):
        end = block.rfind(b"\n") + 1
        if not end:
            rest += block
            if len(rest) > longest:
                raise BodyError(
                    f"the line is longer than {longest:,} bytes", row=line + 1, hint="A record is one line."
                )
            continue
        yield _Chunk(rest + block[:end], line)
        line += block.count(b"\n")
        rest = block[end:]
    if rest:
        yield _Chunk(rest, line)


def _lines_of(chunks: Iterable[_Chunk], way: _Way) -> Iterator[_Chunk]:
    for chunk in chunks:
        lines = chunk.body.split(b"\n")
        for number in dict.fromkeys(_record_lines(chunk.body, way)):
            yield _Chunk(lines[number], chunk.first_line + number)


def _with_schema(chunks: Iterable[_Chunk], way: _Way) -> Iterator[_Chunk]:
    """All chunks but the first with the schema of the file's first line."""
    schema = None
    for chunk in chunks:
        first = next(_record_lines(chunk.body, way), None)
        if first is not None:
            if schema is not None:
                chunk = _Chunk(chunk.body, chunk.first_line, schema)
            else:
                schema = _schema_in(chunk.body.split(b"\n", first + 1)[first])
        yield chunk


def _schema_in(line: bytes) -> bytes:
    try:
        found = msgspec.json.decode(line)
        schema = found.get("schema") if isinstance(found, dict) else None
    except (msgspec.DecodeError, RecursionError):
        return b""  # its reader will say what is wrong
    return b"" if schema is None else msgspec.json.encode(schema)


def _process(way: _Way, chunk: _Chunk) -> _Done:
    body, rows = chunk.body, 1 if way.kind == _JSON else _records(chunk.body, way)
    if not rows or not body.strip(b"\r\n"):
        return _Done()
    if way.kind == _JSON_LINES:
        body = _json_lines(way, chunk)
    try:
        answer = way.pipeline.invoke(body, way.content_type, way.accept)
    except AllSkipped:
        _check_quotes(way, chunk, None)
        return _Done(skipped=list(_row_lines(way, chunk)))
    except RequestError as error:
        _check_quotes(way, chunk, error.row)
        if error.row is not None and way.kind != _JSON:
            error.row = _line_of(way, chunk, error.row)
        raise
    rows -= len(answer.skipped)
    return _Done(_whole_answer(way, chunk, answer.body, rows), rows, _lines_at(way, chunk, answer.skipped))


def _json_lines(way: _Way, chunk: _Chunk) -> bytes:
    """The chunk's lines without blank ones, which the container would refuse, and with the schema that counts."""
    lines = chunk.body.split(b"\n")
    lines = [lines[number] for number in _record_lines(chunk.body, way)]
    if chunk.schema:
        # Of two properties of one name the last counts.
        lines[0] = lines[0].rstrip().removesuffix(b"}") + b',"schema":' + chunk.schema + b"}"
    return b"\n".join(lines)


def _whole_answer(way: _Way, chunk: _Chunk, answer: bytes, rows: int) -> bytes:
    """The answer with its last line end. BodyError where it does not have a line for each record."""
    _check_quotes(way, chunk, None)  # a line end quoted in the answer too would make the numbers agree
    ends = answer.count(b"\n")
    # Some containers end the last line, some only part the lines.
    if ends == rows - 1:
        return answer + b"\n"
    if ends == rows and answer.endswith(b"\n"):
        return answer
    raise BodyError(
        f"lines {chunk.first_line + 1} to {chunk.last_line} hold {rows} records, but the answer has {ends} line ends",
        hint="A batch has one answer a line: put one record on each, and let no answer hold a line end.",
    )


def _records(body: bytes, way: _Way) -> int:
    """How many lines hold a record."""
    odd = (b"\n\n", b"\n\r", b" \n", b" \r")
    if body.count(b"\r") != body.count(b"\r\n") or any(mark in body for mark in odd):
        return sum(1 for _ in _record_lines(body, way))
    if body.startswith((b"\n", b"\r")) or body.endswith(b" "):
        return sum(1 for _ in _record_lines(body, way))
    return body.count(b"\n") + (not body.endswith(b"\n"))


def _record_lines(body: bytes, way: _Way) -> Iterator[int]:
    """The lines that hold a record, by number from 0; a line of several, parted by CR alone, several times."""
    # To XGBoost and to JSON a line of blanks is blank; to the SparkML container it is a record of one field.
    blank = b"\r" if way.kind == "text/csv" and way.pipeline.containers[0].runtime == "sparkml" else b"\r "
    for number, line in enumerate(body.split(b"\n")):
        line = line.removesuffix(b"\r")
        if b"\r" not in line or way.kind == _JSON_LINES:
            parts = int(bool(line.strip(blank)))
        elif b'"' in line:
            parts = sum(map(bool, _csv_records(line)))
        else:
            parts = sum(bool(part.strip(blank)) for part in line.split(b"\r"))
        yield from [number] * parts


def _csv_records(body: bytes) -> Any:
    return csv.reader(io.StringIO(body.decode(errors="replace"), newline=""))


def _line_of(way: _Way, chunk: _Chunk, row: int) -> int:
    """The line in the file of a row in its chunk; both from 1."""
    return next(islice(_row_lines(way, chunk), row - 1, None), chunk.last_line)


def _lines_at(way: _Way, chunk: _Chunk, rows: Sequence[int]) -> Sequence[int]:
    """The lines in the file of rows in their chunk; all from 1."""
    if not rows:
        return ()
    lines = list(_row_lines(way, chunk))
    return [lines[row - 1] for row in rows]


def _row_lines(way: _Way, chunk: _Chunk) -> Iterator[int]:
    """The line in the file, from 1, of every row in a chunk."""
    if way.kind == _JSON:
        yield 1
        return
    lines = chunk.body.split(b"\n")
    for number in _record_lines(chunk.body, way):
        rows = _rows_in(lines[number]) if way.kind == _JSON_LINES else 1
        yield from repeat(chunk.first_line + number + 1, rows)


def _rows_in(line: bytes) -> int:
    try:
        return len(rows_of(read_json_lines(line)))
    except RequestError:
        return 1


def _check_quotes(way: _Way, chunk: _Chunk, row: int | None) -> None:
    """BodyError where a record up to this row, from 1, runs over several lines: then rows and lines differ."""
    if way.kind in (_JSON, _JSON_LINES) or b'"' not in chunk.body:
        return
    # A record that goes on in the next line leaves an odd number of quotes in its first.
    if not any(line.count(b'"') & 1 for line in chunk.body.split(b"\n")):
        return
    reader = _csv_records(chunk.body)
    before = seen = 0
    for record in reader:
        seen += bool(record)
        if row is not None and seen > row:
            return
        if reader.line_num > before + 1:
            first, last = chunk.first_line + before + 1, chunk.first_line + reader.line_num
            raise BodyError(
                f"a quoted field runs over the line end: lines {first} to {last} are one record",
                row=first,
                hint="A batch has one record a line: take the line ends out of the fields, or close the quote.",
            ) from None
        before = reader.line_num
