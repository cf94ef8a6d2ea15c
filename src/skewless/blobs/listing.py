"""A folder's files as keys in the order of S3: by the bytes of their UTF-8, whole key against whole key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Listed:
    """One file: its key, its size in bytes and when it was last written, in nanoseconds."""

    key: str
    size: int
    modified_ns: int


def files(bucket: Path, prefix: str = "", after: str = "") -> Iterator[Listed]:
    """Regular files below a bucket's folder whose key begins with the prefix and comes after ``after``.

    Links and names that are not UTF-8 are not objects. What others create or delete meanwhile may be seen or not.
    """
    folder, slash, _ = prefix.rpartition("/")
    start = f"{bucket}/{folder}".rstrip("/")
    if "\0" not in start and os.path.realpath(start) == start:
        yield from _walk(start, folder + slash, prefix, after)


def _walk(folder: str, above: str, prefix: str, after: str) -> Iterator[Listed]:
    # A folder takes the place of what is in it: 'a.txt' comes before 'a/b', since '.' comes before '/'.
    for key, entry in sorted(_keys(folder, above), key=lambda found: found[0]):
        if key.endswith("/"):
            if key.startswith(prefix) and (key > after or after.startswith(key)):
                yield from _walk(entry.path, key, prefix, after)
        elif key > after and key.startswith(prefix):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Listed(key, found.st_size, found.st_mtime_ns)


def _keys(folder: str, above: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not _is_text(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{above}{entry.name}/", entry
            elif entry.is_file(follow_symlinks=False):
                yield above + entry.name, entry


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
