"""Another S3, through pyarrow's client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pyarrow.fs import FileInfo, FileSelector, FileType, S3FileSystem

from skewless.blobs.base import Blob, Blobs, split
from skewless.blobs.errors import NO_ROOM, BlobError, no_bucket, no_object, storage_full


class RemoteBlobs(Blobs):
    """Objects in an S3 that is reached by URL."""

    def __init__(self, endpoint_url: str, region: str, access_key: str, secret_key: str) -> None:
        self._endpoint_url = endpoint_url
        scheme, mark, address = endpoint_url.rstrip("/").partition("://")
        self._files = S3FileSystem(
            endpoint_override=address if mark else scheme,
            scheme=scheme if mark else "https",
            region=region,
            access_key=access_key,
            secret_key=secret_key,
            allow_bucket_creation=False,
            allow_bucket_deletion=False,
        )

    def list(self, uri: str) -> Iterator[Blob]:
        bucket, prefix = split(uri)
        self._bucket(bucket, uri)
        return self._list(uri, bucket, prefix)

    def _list(self, uri: str, bucket: str, prefix: str) -> Iterator[Blob]:
        found: list[Blob] = []
        # One level first: of a bucket with millions of objects, only folders that fit are gone through.
        for info in self._infos(uri, f"{bucket}/{prefix}".rpartition("/")[0], recursive=False):
            key = info.path[len(bucket) + 1 :]
            if info.type == FileType.Directory and f"{key}/".startswith(prefix):
                found += self._blobs(bucket, self._infos(uri, info.path, recursive=True))
            elif key.startswith(prefix):
                found += self._blobs(bucket, [info])
        yield from sorted(found, key=lambda blob: blob.key)

    def _infos(self, uri: str, folder: str, *, recursive: bool) -> Sequence[FileInfo]:
        with self._translated(uri):
            infos: Sequence[FileInfo] = self._files.get_file_info(
                FileSelector(folder, allow_not_found=True, recursive=recursive)
            )
        return infos

    @staticmethod
    def _blobs(bucket: str, infos: Sequence[FileInfo]) -> Sequence[Blob]:
        return [
            Blob(bucket, info.path[len(bucket) + 1 :], info.size)
            for info in infos
            if info.type == FileType.File
        ]

    def read(self, uri: str) -> bytes:
        path = self._path(uri)
        with self._translated(uri), self._files.open_input_stream(path) as source:
            body: bytes = source.read()
        return body

    def download(self, uri: str, path: Path) -> None:
        address = self._path(uri)
        with self._translated(uri), self._files.open_input_stream(address) as source:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)

    def write(self, uri: str, body: bytes) -> None:
        bucket, key = split(uri)
        self._bucket(bucket, uri)
        with self._translated(uri), self._files.open_output_stream(f"{bucket}/{key}") as target:
            target.write(body)

    def upload(self, path: Path, uri: str) -> None:
        bucket, key = split(uri)
        self._bucket(bucket, uri)
        target = f"{bucket}/{key}"
        with self._translated(uri), path.open("rb") as source, self._files.open_output_stream(target) as out:
            shutil.copyfileobj(source, out, 1 << 20)

    def exists(self, uri: str) -> bool:
        bucket, key = split(uri)
        info = self._info(uri, f"{bucket}/{key}".rstrip("/"))
        return bool(info.type == (FileType.File if key else FileType.Directory))

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        self._bucket(bucket, uri)
        if self.exists(uri):
            with self._translated(uri):
                self._files.delete_file(f"{bucket}/{key}")

    def _path(self, uri: str) -> str:
        """The path of an object that is there."""
        bucket, key = split(uri)
        path = f"{bucket}/{key}"
        if self._info(uri, path).type != FileType.File:
            self._bucket(bucket, uri)
            raise no_object(bucket, key)
        return path

    def _bucket(self, bucket: str, uri: str) -> None:
        if self._info(uri, bucket).type != FileType.Directory:
            raise no_bucket(bucket)

    def _info(self, uri: str, path: str) -> FileInfo:
        with self._translated(uri):
            return self._files.get_file_info(path)

    @contextmanager
    def _translated(self, uri: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in NO_ROOM:
                raise storage_full(uri) from None
            raise BlobError(
                f"the S3 at {self._endpoint_url} did not do it: {error}",
                uri=uri,
                hint="Check its URL, the keys, and what they may do.",
            ) from None
