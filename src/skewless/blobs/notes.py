"""What an object has besides its bytes, kept beside the buckets: a plain file has no content type and no ETag.

A note is named after the size and the time of the file that it describes. Whoever rewrites the file, with or without
us, has the note no longer apply; and a note can be written before its file takes its place, so that a crash between the
two leaves the old object with its old note. Extended attributes would be simpler, but many file systems have none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

_MARK: Final = "mark"


class Note(msgspec.Struct, frozen=True):
    """What is kept of one object."""

    etag: str
    """Without quotes."""
    headers: dict[str, str] = {}
    """As they are given back, by their names on the wire, lower case."""
    parts: list[int] = []
    """The sizes of the parts that it was uploaded in."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object's file as it is now, and its note if it has one."""

    size: int
    modified_ns: int
    note: Note = field(default_factory=lambda: Note(""))

    @property
    def etag(self) -> str:
        """The tag of its content, with quotes.

        Other programs' files have one that changes with the file. It is of the form that clients know from multipart
        uploads, which they do not take for an MD5.
        """
        if self.note.etag:
            return f'"{self.note.etag}"'
        return f'"{hashlib.md5(f"{self.size} {self.modified_ns}".encode(), usedforsecurity=False).hexdigest()}-1"'


class Notes:
    """The notes of all buckets, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, bucket: str, key: str, file: os.stat_result) -> Found:
        """A file with its note."""
        return self.find(bucket, key, file.st_size, file.st_mtime_ns)

    def find(self, bucket: str, key: str, size: int, modified_ns: int) -> Found:
        """A file of this size and time with its note, or a folder that is an object by itself."""
        if key.endswith("/"):
            return Found(0, modified_ns, self.marked(bucket, key) or Note(""))
        try:
            note = msgspec.json.decode(
                (self._of(bucket, key) / _name(size, modified_ns)).read_bytes(), type=Note
            )
        except (OSError, ValueError):
            return Found(size, modified_ns)
        return Found(size, modified_ns, note)

    def write(self, bucket: str, key: str, file: os.stat_result, note: Note) -> None:
        """Keep a note for a file that is not in its place yet."""
        self._write(bucket, key, _name(file.st_size, file.st_mtime_ns), note)

    def keep_only(self, bucket: str, key: str, file: os.stat_result) -> None:
        """Drop what described earlier files of this key."""
        name = _name(file.st_size, file.st_mtime_ns)
        with suppress(OSError):
            for old in self._of(bucket, key).iterdir():
                if old.name != name:
                    old.unlink(missing_ok=True)

    def drop(self, bucket: str, key: str) -> None:
        """Forget a key."""
        shutil.rmtree(self._of(bucket, key), ignore_errors=True)

    def drop_bucket(self, bucket: str) -> None:
        """Forget a bucket."""
        shutil.rmtree(self._folder / bucket, ignore_errors=True)

    def mark(self, bucket: str, key: str, note: Note) -> None:
        """Say that a folder is an object by itself; the key ends in a slash."""
        self._write(bucket, key, _MARK, note)

    def marked(self, bucket: str, key: str) -> Note | None:
        """The note of a folder that is an object by itself."""
        try:
            return msgspec.json.decode((self._of(bucket, key) / _MARK).read_bytes(), type=Note)
        except (OSError, ValueError):
            return None

    def _of(self, bucket: str, key: str) -> Path:
        # Hashed, since a key may be longer than a file's name; in folders of hundreds, not of millions.
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / bucket / digest[:2] / digest[2:40]

    def _write(self, bucket: str, key: str, name: str, note: Note) -> None:
        folder = self._of(bucket, key)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(msgspec.json.encode(note))


def _name(size: int, modified_ns: int) -> str:
    return f"{size}-{modified_ns}"
