"""A folder's files as keys in the order of S3: by the bytes of their UTF-8, whole key against whole key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Listed:
    """One object: its key, its size in bytes and when it was last written, in nanoseconds."""

    key: str
    size: int
    modified_ns: int
    rolled: bool = False
    """It stands for all keys that begin so, of which there is at least one; the key ends in a slash."""


@dataclass(frozen=True, slots=True)
class _Walk:
    after: str
    roll: bool
    marked: Callable[[str], bool]

    def below(self, folder: str, above: str, prefix: str) -> Iterator[Listed]:
        # A folder takes the place of what is in it: 'a.txt' comes before 'a/b', since '.' comes before '/'.
        for key, entry in sorted(_keys(folder, above), key=lambda found: found[0]):
            if not key.startswith(prefix):
                continue
            if key.endswith("/"):
                if key > self.after or self.after.startswith(key):
                    yield from self._folder(entry.path, key)
            elif key > self.after:
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Listed(key, found.st_size, found.st_mtime_ns)

    def _folder(self, path: str, key: str) -> Iterator[Listed]:
        inside = _Walk(self.after, False, self.marked)._all(path, key)
        if not self.roll:
            yield from inside
        elif next(inside, None) is not None:
            yield Listed(key, 0, 0, rolled=True)

    def _all(self, path: str, key: str) -> Iterator[Listed]:
        yield from self.itself(path, key)
        yield from self.below(path, key, "")

    def itself(self, path: str, key: str) -> Iterator[Listed]:
        """A folder that is an object by itself."""
        if key > self.after and self.marked(key):
            with suppress(FileNotFoundError):
                yield Listed(key, 0, Path(path).stat().st_mtime_ns)


def files(
    bucket: Path,
    prefix: str = "",
    after: str = "",
    *,
    roll: bool = False,
    marked: Callable[[str], bool] = lambda key: False,
) -> Iterator[Listed]:
    """Regular files below a bucket's folder whose key begins with the prefix and comes after ``after``.

    With ``roll``, keys that have a slash after the prefix are one entry for each text up to it. Links, and names that
    are not UTF-8, are not objects. What others create or delete meanwhile may be seen or not. ``marked`` tells of keys
    that end in a slash whether they are objects.
    """
    folder, slash, rest = prefix.rpartition("/")
    start = f"{bucket}/{folder}".rstrip("/")
    if "\0" in start or os.path.realpath(start) != start or not Path(start).is_dir():
        return
    walk = _Walk(after, roll, marked)
    if slash and not rest:
        yield from walk.itself(start, prefix)
    yield from walk.below(start, folder + slash, prefix)


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
