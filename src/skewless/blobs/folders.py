"""Buckets as folders and objects as plain files in them, which other programs may read and write at the same time.

Whatever is not finished lies in a folder that no bucket can be called, so an object is there as a whole or not at all.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from skewless.blobs.errors import (
    NO_ROOM,
    BlobError,
    BucketMissing,
    KeyConflict,
    KeyRefused,
    ObjectMissing,
    no_bucket,
    no_object,
    storage_full,
)
from skewless.blobs.keys import check_bucket_name, check_key, is_bucket_name
from skewless.blobs.listing import Listed, files
from skewless.blobs.notes import Found, Note, Notes

_OWN: Final = ".skewless"
"""Our own files; a bucket's name cannot begin with a dot."""

_ATTEMPTS: Final = 20
_LOCKS: Final = 64

Check: TypeAlias = Callable[[Found | None], None]


class Folders:
    """A folder of buckets. Processes and threads may work on the same one."""

    def __init__(self, root: Path) -> None:
        # Resolved once, so that any further difference between a path and its real path is a link inside.
        self.root = root.resolve()
        self.notes = Notes(self.root / _OWN / "notes")
        self.uploads = self.root / _OWN / "uploads"
        """For uploads in parts: what is there when a process is killed can be gone on with."""
        self._unfinished = self.root / _OWN / "unfinished"
        # Two writers of one key take turns; those of different keys seldom wait for each other.
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def sweep(self) -> None:
        """Drop what a killed process left unfinished; only while nobody else works on the folder."""
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def buckets(self) -> list[tuple[str, os.stat_result]]:
        """Every bucket by name, with its folder's data."""
        with os.scandir(self.root) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if _is_bucket(entry)]
        return sorted(found, key=lambda bucket: bucket[0])

    def bucket(self, name: str) -> Path:
        """A bucket's folder. BucketMissing."""
        path = self.root / name
        if is_bucket_name(name):
            with suppress(OSError):
                if stat.S_ISDIR(os.lstat(path).st_mode):
                    return path
        raise no_bucket(name)

    def has_bucket(self, name: str) -> bool:
        """Whether there is such a bucket."""
        try:
            self.bucket(name)
        except BucketMissing:
            return False
        return True

    def make_bucket(self, name: str) -> bool:
        """Make a bucket; False where it is there already. BlobError for a name that S3 would refuse."""
        check_bucket_name(name)
        try:
            (self.root / name).mkdir(parents=True)
        except FileExistsError:
            self.bucket(name)
            return False
        return True

    def remove_bucket(self, name: str) -> bool:
        """Delete a bucket in which no object is, with its uploads; False where there is one. BucketMissing."""
        folder = self.bucket(name)
        if next(self.files(name), None) is not None or not _remove_empty(folder):
            return False
        self.notes.drop_bucket(name)
        shutil.rmtree(self.uploads / name, ignore_errors=True)
        return True

    def files(
        self, bucket: str, prefix: str = "", after: str = "", *, roll: bool = False
    ) -> Iterator[Listed]:
        """A bucket's objects; see `listing.files`. BucketMissing."""
        return files(
            self.bucket(bucket),
            prefix,
            after,
            roll=roll,
            marked=lambda key: self.notes.marked(bucket, key) is not None,
        )

    def path(self, bucket: str, key: str) -> Path:
        """The path of an object, whether it is there or not. BucketMissing; KeyRefused, also for ways through links."""
        folder = self.bucket(bucket)
        check_key(bucket, key)
        path = folder / key.removesuffix("/")
        # This leaves a moment in which a link could be put in. Who can do that is a program of the same user on this
        # machine, which could as well open the link's target itself.
        if os.path.realpath(path) != str(path):
            raise KeyRefused(
                "the path goes through a symbolic link, and links are not followed",
                uri=f"s3://{bucket}/{key}",
                hint="Copy the file to its place instead.",
            )
        return path

    def open(self, bucket: str, key: str) -> BinaryIO:
        """An object's file, open for reading. BucketMissing, ObjectMissing, KeyRefused."""
        path = self.path(bucket, key)
        if key.endswith("/"):
            raise no_object(bucket, key)
        try:
            # Not blocking: else a named pipe in the folder would hold us up.
            file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise no_object(bucket, key) from None
        except OSError as error:
            raise failure(error, bucket, key) from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise no_object(bucket, key)
        return file

    @contextmanager
    def new_file(self) -> Iterator[BinaryIO]:
        """A file to become an object by `put`, to write and to read; gone at the end if it did not become one."""
        self._unfinished.mkdir(parents=True, exist_ok=True)
        path = self._unfinished / secrets.token_hex(16)
        try:
            with path.open("x+b") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def find(self, bucket: str, key: str) -> Found:
        """An object without its bytes. BucketMissing, ObjectMissing, KeyRefused."""
        if not key.endswith("/"):
            with self.open(bucket, key) as file:
                return self.notes.of(bucket, key, os.fstat(file.fileno()))
        path = self.path(bucket, key)
        note = self.notes.marked(bucket, key)
        if note is None or not path.is_dir():
            raise no_object(bucket, key)
        return Found(0, path.stat().st_mtime_ns, note)

    def put(
        self, file: BinaryIO, bucket: str, key: str, note: Note | None = None, check: Check | None = None
    ) -> Found:
        """Make a finished new file the object, in place of what was there.

        ``check`` gets what is there, or None, and may raise; nothing changes in between. BucketMissing, KeyRefused,
        KeyConflict.
        """
        path = self.path(bucket, key)
        file.flush()
        # The file system's own clock stands still for milliseconds, and a note must tell two files apart.
        now = time.time_ns()
        os.utime(file.fileno(), ns=(now, now))
        os.fsync(file.fileno())
        written = os.fstat(file.fileno())
        with self._lock(bucket, key):
            if check is not None:
                check(self._now_at(bucket, key))
            if note is not None:
                self.notes.write(bucket, key, written, note)
            self._into_place(file.name, path, bucket, key)
            self.notes.keep_only(bucket, key, written)
        return self.notes.of(bucket, key, written)

    def put_folder(self, bucket: str, key: str, note: Note) -> None:
        """Make an empty object whose key ends in a slash: a folder that stays when it is empty."""
        path = self.path(bucket, key)
        self.notes.mark(bucket, key, note)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            self.notes.drop(bucket, key)
            raise _conflict(bucket, key, "a part of the key is itself an object") from None

    def remove(self, bucket: str, key: str, check: Check | None = None) -> None:
        """Delete an object if it is there, and folders that are empty then. BucketMissing, KeyRefused."""
        path = self.path(bucket, key)
        with self._lock(bucket, key):
            if check is not None:
                check(self._now_at(bucket, key))
            if not key.endswith("/"):
                try:
                    path.unlink()
                except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    return
                except OSError as error:
                    raise failure(error, bucket, key) from None
            self.notes.drop(bucket, key)
        self._prune(path if key.endswith("/") else path.parent, bucket)

    def _lock(self, bucket: str, key: str) -> threading.Lock:
        return self._locks[hash((bucket, key)) % _LOCKS]

    def _now_at(self, bucket: str, key: str) -> Found | None:
        try:
            return self.find(bucket, key)
        except ObjectMissing:
            return None

    def _into_place(self, name: str, path: Path, bucket: str, key: str) -> None:
        for _ in range(_ATTEMPTS):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                Path(name).replace(path)
                return
            except FileNotFoundError:
                # Somebody deleted the last object beside this one, and the empty folder with it.
                self.bucket(bucket)
            except IsADirectoryError:
                if not _remove_empty(path):
                    raise _conflict(bucket, key, f"objects begin with {key}/") from None
            except (NotADirectoryError, FileExistsError):
                if any(parent.is_file() for parent in path.parents):
                    raise _conflict(bucket, key, "a part of the key is itself an object") from None
            except OSError as error:
                raise failure(error, bucket, key) from None
        raise BlobError(
            "its folder is deleted again and again", uri=f"s3://{bucket}/{key}", hint="Try again."
        )

    def _prune(self, folder: Path, bucket: str) -> None:
        """Remove empty folders up to the bucket: S3 has none, and Spark refuses to write to one that is there."""
        top = self.root / bucket
        with suppress(OSError):
            while folder != top and self.notes.marked(bucket, f"{folder.relative_to(top)}/") is None:
                folder.rmdir()
                folder = folder.parent


def failure(error: OSError, bucket: str, key: str) -> BlobError:
    """What the file system refused, as an error of the object."""
    uri = f"s3://{bucket}/{key}"
    if error.errno == errno.ENAMETOOLONG:
        return KeyRefused("the key is too long for this file system", uri=uri, hint="Use a shorter key.")
    if error.errno in NO_ROOM:
        return storage_full(uri)
    return BlobError(f"the file system refused it: {error.strerror}", uri=uri)


def _is_bucket(entry: os.DirEntry[str]) -> bool:
    return is_bucket_name(entry.name) and entry.is_dir(follow_symlinks=False)


def _conflict(bucket: str, key: str, what: str) -> KeyConflict:
    return KeyConflict(
        f"{what}, and a folder of plain files cannot hold both",
        uri=f"s3://{bucket}/{key}",
        hint="Use another key, or delete the other object first.",
    )


def _remove_empty(folder: Path) -> bool:
    """Remove a folder that holds folders only. False, and nothing is removed, where there is more."""
    levels = list(os.walk(folder))
    if any(files or any(Path(at, name).is_symlink() for name in names) for at, names, files in levels):
        return False
    with suppress(OSError):
        for at, _, _ in reversed(levels):
            Path(at).rmdir()
    return True
