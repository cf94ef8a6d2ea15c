"""The embedded storage as seen by our own code: its folder, without any HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from skewless.blobs.base import Blob, Blobs, split
from skewless.blobs.errors import NO_ROOM, BlobError, ObjectMissing, storage_full
from skewless.blobs.folders import Folders, failure


class FolderBlobs(Blobs):
    """Objects that are files below one folder."""

    def __init__(self, root: Path) -> None:
        self.folders = Folders(root)

    def list(self, uri: str) -> Iterator[Blob]:
        bucket, prefix = split(uri)
        return (Blob(bucket, found.key, found.size) for found in self.folders.files(bucket, prefix))

    def read(self, uri: str) -> bytes:
        bucket, key = split(uri)
        with self.folders.open(bucket, key) as file:
            try:
                return file.read()
            except OSError as error:
                raise failure(error, bucket, key) from None

    def download(self, uri: str, path: Path) -> None:
        bucket, key = split(uri)
        with self.folders.open(bucket, key) as source:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise storage_full(uri) from None
                raise BlobError(f"it cannot be written to {path}: {error.strerror}", uri=uri) from None

    def write(self, uri: str, body: bytes) -> None:
        bucket, key = split(uri)
        self.folders.path(bucket, key)
        try:
            with self.folders.new_file() as file:
                file.write(body)
                self.folders.put(file, bucket, key)
        except OSError as error:
            raise failure(error, bucket, key) from None

    def upload(self, path: Path, uri: str) -> None:
        bucket, key = split(uri)
        self.folders.path(bucket, key)
        try:
            with path.open("rb") as source, self.folders.new_file() as file:
                shutil.copyfileobj(source, file, 1 << 20)
                self.folders.put(file, bucket, key)
        except OSError as error:
            if error.filename == str(path):
                raise BlobError(f"{path} cannot be read: {error.strerror}", uri=uri) from None
            raise failure(error, bucket, key) from None

    def exists(self, uri: str) -> bool:
        bucket, key = split(uri)
        if not key:
            return self.folders.has_bucket(bucket)
        try:
            self.folders.open(bucket, key).close()
        except ObjectMissing:
            return False
        return True

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        self.folders.remove(bucket, key)
