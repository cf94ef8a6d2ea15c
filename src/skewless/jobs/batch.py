"""Batch transform of files on disk: each through a pipeline into a file of answers, one for each record, in order.

Rows that a stage drops (``handleInvalid="skip"``) have none: the numbers of their lines are written beside the answers.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, cast

from skewless.codecs.arrowstream import ARROW
from skewless.containers.base import BuiltIn, media_type
from skewless.containers.pipeline import Pipeline
from skewless.errors import RequestError, SettingError
from skewless.jobs.transforming.engine import CHUNK, JSON, Done, Way, answers, records_of
from skewless.jobs.transforming.tables import KINDS, Sink, Tables
from skewless.schema import Schema


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

    Files of columns, Parquet's and Arrow's (`skewless.jobs.transforming.tables.KINDS`), may come in and go out.
    ``longest`` bounds one record in bytes; ``on_bytes`` hears of every chunk done: its size and rows. SettingError for
    columns out of a pipeline whose last container is not built in.
    """
    wanted = media_type(accept)
    columns = _columns_of(pipeline, wanted) if wanted in KINDS else None
    way = Way(pipeline, content_type, ARROW if columns else accept, size=min(CHUNK, longest), longest=longest)
    if way.kind in KINDS:
        way = replace(way, content_type=ARROW, columns=way.kind)
    elif way.kind != JSON:
        way = replace(way, records=records_of(pipeline, content_type))
    report = Report()
    _prepare(inputs, output)
    with ThreadPoolExecutor(_threads(), thread_name_prefix="batch") as pool:
        for source in inputs:
            target = output / source.target
            try:
                with _opened(source.path) as file, _sink(target, wanted, columns) as sink:
                    rows, skipped = _write(sink, answers(way, pool, file, _threads()), on_bytes)
                    _note(target, skipped)
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


def _columns_of(pipeline: Pipeline, accept: str) -> Schema:
    """The columns that a pipeline answers."""
    last = pipeline.containers[-1]
    if not isinstance(last, BuiltIn):
        raise SettingError(
            f"{last.name} runs code of its own, whose answers are no columns: {accept} cannot be written",
            hint="Leave out --accept, or give one that it knows.",
        )
    return last.outputs


@contextmanager
def _sink(target: Path, kind: str, columns: Schema | None) -> Iterator[Sink]:
    """Where a file's answers go: as they come, or into a file of this kind that has columns."""
    with _writing(target) as file:
        if columns is None:
            yield file
        else:
            with Tables(file, kind, columns) as sink:
                yield sink


@contextmanager
def _writing(target: Path) -> Iterator[IO[bytes]]:
    """A file that has its name only when all is written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as file:
        try:
            yield file
            file.flush()
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _write(sink: Sink, parts: Iterable[Done], on_bytes: Callable[[int, int], None]) -> tuple[int, list[int]]:
    """Write a file's answers; gives the number of rows, and the lines of those that were skipped."""
    total, skipped = 0, list[int]()
    for done in parts:
        if done.answer:
            sink.write(done.answer)
        total += done.rows
        skipped += done.skipped
        on_bytes(done.size, done.rows)
    return total, skipped


def _note(target: Path, skipped: Sequence[int]) -> None:
    """The lines of the rows that were skipped in a file beside the answers."""
    beside = target.with_name(f"{target.name}.skipped")
    if skipped:
        beside.write_text("".join(f"{line}\n" for line in skipped))
    else:
        beside.unlink(missing_ok=True)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
