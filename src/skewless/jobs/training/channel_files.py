"""Which files of a channel hold data: the built-in algorithm's rules for folders."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from skewless.errors import TrainingDataError
from skewless.settings import Settings

MAX_FOLDER_DEPTH: Final = 3
"""The channel's own folder is the first level."""

_CALLED: Final = {"train": "training", "validation": "validation"}
_GZIP: Final = b"\x1f\x8b"


def data_files(path: Path, channel: str) -> list[Path]:
    """The data files of a channel in order of their paths: the file itself, or those of a folder.

    Names that begin with a dot or an underscore are skipped (Spark writes ``_SUCCESS`` and ``.part-….crc``), and so
    are empty files (Spark writes one for an empty partition). TrainingDataError where nothing is left.
    """
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(_within(path, 1, Settings.read().strict))
    else:
        raise TrainingDataError(
            f"the {channel} channel {path} does not exist", hint="Give a file, or a folder of files."
        )
    files = [file for file in files if file.stat().st_size]
    if not files:
        raise no_data(path, channel)
    return files


def no_data(path: Path, channel: str) -> TrainingDataError:
    """The error for a channel without a single row, in the built-in algorithm's words."""
    return TrainingDataError(
        f"No data in {_CALLED[channel]} channel path {path}",
        hint="Files that are empty, and names that begin with '.' or '_', do not count.",
    )


def same_content(some: Sequence[Path], others: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs of files with the same bytes; a model's score on rows it was trained on says nothing."""
    sizes = {file.stat().st_size for file in some} & {file.stat().st_size for file in others}
    known = {_digest(file): file for file in some if file.stat().st_size in sizes}
    digests = ((file, _digest(file)) for file in others if file.stat().st_size in sizes)
    return [(known[digest], file) for file, digest in digests if digest in known]


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """A data file, unpacked where it is gzip's. TrainingDataError where it cannot be read."""
    try:
        with file.open("rb") as raw:
            packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            # The standard library's reader: it goes on to the further members of a file that was put together.
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TrainingDataError(f"cannot read {file}: {reason}") from None


def _within(folder: Path, depth: int, strict: bool) -> Iterator[Path]:
    if depth > MAX_FOLDER_DEPTH:
        raise TrainingDataError(
            f"Folder depth exceed the limit: {MAX_FOLDER_DEPTH}",
            hint=f"{folder} lies deeper; move its files up.",
        )
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise TrainingDataError(f"cannot read the folder {folder}: {error.strerror}") from None
    for entry in entries:
        if strict and entry.name.startswith("."):
            raise TrainingDataError(
                "Hidden file found in the data path! Remove that before training.", hint=f"It is {entry}."
            )
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _within(entry, depth + 1, strict)
        elif entry.is_file():
            yield entry


def _digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
