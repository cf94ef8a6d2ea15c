"""Batch transform: files of records through a pipeline, any number of rows in bounded memory.

Every input line gives one output line, in order. A file is read in chunks of whole lines; several chunks are computed
at once while the next is read and the last is written.
"""

from __future__ import annotations

import gzip
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from skewless.containers.base import media_type
from skewless.containers.pipeline import Pipeline
from skewless.errors import BodyError, RequestError, SettingError

CHUNK: Final = 1 << 20
"""Bytes read at once: large enough that a chunk's fixed costs vanish, small enough that several fit in a cache."""


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
    """What a batch did: rows answered, and the files that failed with the reason."""

    rows: int = 0
    written: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, Exception]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chunk:
    body: bytes
    first_line: int
    """The number, from 0, of its first line in the file."""


def sources(inputs: Sequence[Path]) -> list[Source]:
    """The files among ``inputs`` (folders are searched; names beginning with . or _ are left out), in order.

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
            raise SettingError(f"there is no file or folder {given}")
    if not found:
        raise SettingError(f"there is no file to process in {', '.join(map(str, inputs)) or 'nothing'}")
    by_target: dict[Path, Path] = {}
    for source in found:
        other = by_target.setdefault(source.target, source.path)
        if other != source.path:
            raise SettingError(
                f"{other} and {source.path} would both be written to {source.target}",
                hint="Transform them into different folders.",
            )
    return found


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
    report = Report()
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="batch") as pool:
        for source in inputs:
            target = output / source.target
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            before = report.rows
            try:
                with part.open("wb") as file:
                    for answer, rows, size in _answers(pipeline, pool, source, content_type, accept, longest):
                        file.write(answer)
                        report.rows += rows
                        on_bytes(size, rows)
                part.replace(target)
                report.written.append(target)
            except (RequestError, OSError, EOFError) as error:
                report.failed.append((source.path, error))
                report.rows = before
            finally:
                part.unlink(missing_ok=True)
    return report


def _answers(
    pipeline: Pipeline,
    pool: ThreadPoolExecutor,
    source: Source,
    content_type: str,
    accept: str | None,
    longest: int,
) -> Iterator[tuple[bytes, int, int]]:
    """Answers in order: text that ends in a line end, its number of rows, and the bytes that it took."""
    pending: deque[tuple[_Chunk, Future[tuple[bytes, int]]]] = deque()
    opened: Callable[..., IO[bytes]] = gzip.open if source.path.suffix == ".gz" else open  # type: ignore[assignment]
    try:
        with opened(source.path, "rb") as file:
            for chunk in _chunks(file, content_type, accept, longest):
                pending.append((chunk, pool.submit(_process, pipeline, chunk, content_type, accept)))
                if len(pending) > (os.cpu_count() or 1):
                    done, future = pending.popleft()
                    yield (*future.result(), len(done.body))
        while pending:
            done, future = pending.popleft()
            yield (*future.result(), len(done.body))
    finally:
        for _, future in pending:
            future.cancel()


def _chunks(file: IO[bytes], content_type: str, accept: str | None, longest: int) -> Iterator[_Chunk]:
    kind = media_type(content_type)
    if kind == "application/json":
        body = file.read(longest + 1)
        if len(body) > longest:
            raise BodyError(f"the file is over {longest:,} bytes", hint="Send application/jsonlines instead.")
        yield _Chunk(body, 0)
        return
    # The SparkML container wraps its answer to several JSON Lines in one list when a type is asked for; line by
    # line, every input line has an output line all the same.
    size = 0 if kind == "application/jsonlines" and accept else CHUNK
    rest, line = b"", 0
    while True:
        block = file.read(CHUNK)
        rest += block
        end = rest.rfind(b"\n") + 1 if block else len(rest)
        if not end and block:
            if len(rest) > longest:
                raise BodyError(f"the line is longer than {longest:,} bytes", row=line + 1)
            continue
        whole, rest = rest[:end], rest[end:]
        if whole:
            pieces = [whole] if size else whole.splitlines(keepends=True)
            for piece in pieces:
                yield _Chunk(piece, line)
                line += piece.count(b"\n")
        if not block:
            return


def _process(
    pipeline: Pipeline, chunk: _Chunk, content_type: str, accept: str | None
) -> tuple[bytes, int]:
    if not chunk.body.strip():
        return b"", 0
    try:
        answer, _ = pipeline.invoke(chunk.body, content_type, accept)
    except RequestError as error:
        if error.row is not None:
            error.row = _line_of(chunk, error.row)
        raise
    if media_type(content_type) == "application/json":
        return answer.removesuffix(b"\n") + b"\n", 1
    if not answer.endswith(b"\n"):
        answer += b"\n"
    rows, lines = answer.count(b"\n"), _records(chunk.body)
    if rows != lines:
        last = chunk.first_line + chunk.body.count(b"\n")
        raise BodyError(
            f"lines {chunk.first_line + 1} to {last} hold {lines} records, but were answered by {rows} lines: "
            "a quoted field runs over a line end",
            hint="Remove line ends from inside fields: a batch has one record a line.",
        )
    return answer, rows


def _records(body: bytes) -> int:
    if b"\n\n" not in body and b"\r\n\r\n" not in body and not body.startswith((b"\n", b"\r")):
        return body.count(b"\n") + (not body.endswith(b"\n"))
    return sum(1 for line in body.split(b"\n") if line.strip(b"\r"))


def _line_of(chunk: _Chunk, row: int) -> int:
    """The line in the file of a record's number in its chunk; both from 1. Blank lines are no records."""
    seen = 0
    for number, line in enumerate(chunk.body.split(b"\n"), start=1):
        seen += bool(line.strip(b"\r"))
        if seen == row:
            return chunk.first_line + number
    return chunk.first_line + row
