"""What every kind of storage offers to our own code."""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skewless.blobs.errors import BlobError, KeyConflict
from skewless.names import bucket_and_key


@dataclass(frozen=True, slots=True)
class Blob:
    """One object: where it is, and its size in bytes."""

    bucket: str
    key: str
    size: int

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


class Blobs(ABC):
    """Objects by ``s3://bucket/key`` address. Every method raises BlobError; threads may share one."""

    @abstractmethod
    def list(self, uri: str) -> Iterator[Blob]:
        """Every object whose key begins with the address's key, in order. BucketMissing.

        A prefix is a string, as in S3: ``s3://b/train`` also finds ``train2/x``, ``s3://b/train/`` does not.
        """

    @abstractmethod
    def read(self, uri: str) -> bytes:
        """The bytes of an object. ObjectMissing."""

    @abstractmethod
    def download(self, uri: str, path: Path) -> None:
        """Write an object to a file; its folders are made. ObjectMissing."""

    @abstractmethod
    def write(self, uri: str, body: bytes) -> None:
        """Make or replace an object: it is there as a whole or not at all. BucketMissing, KeyConflict."""

    @abstractmethod
    def upload(self, path: Path, uri: str) -> None:
        """Make or replace an object with a file's bytes: as a whole or not at all. BucketMissing, KeyConflict."""

    @abstractmethod
    def exists(self, uri: str) -> bool:
        """Whether there is an object of just this key, or, for an address without a key, the bucket."""

    @abstractmethod
    def delete(self, uri: str) -> None:
        """Delete an object if it is there. BucketMissing."""

    def download_prefix(self, uri: str, folder: Path) -> Sequence[Path]:
        """Write every object under a prefix to a folder, as SageMaker lays out a channel; the files, in order.

        A file's place is what follows the prefix in its key; an object whose key is the prefix keeps its last name.
        Folder markers (keys that end in a slash) become folders.
        """
        _, prefix = split(uri)
        files = []
        for blob in self.list(uri):
            path = _under(folder, blob, prefix)
            if blob.key.endswith("/"):
                _make_folder(path, blob)
                continue
            if path.exists():
                raise KeyConflict(
                    f"two objects would both become {path}",
                    uri=blob.uri,
                    hint=f"End the prefix {uri} with a slash, or rename one.",
                )
            _make_folder(path.parent, blob)
            self.download(blob.uri, path)
            files.append(path)
        return files


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an address. BlobError for what is none."""
    parts = bucket_and_key(uri)
    if parts is None:
        raise BlobError("this is no address of an object", uri=uri, hint="Write s3://BUCKET/KEY.")
    return parts


def _under(folder: Path, blob: Blob, prefix: str) -> Path:
    relative = blob.key[len(prefix) :].strip("/") or posixpath.basename(blob.key.rstrip("/"))
    # Keys of another S3 may hold anything; none of them may leave the folder.
    if any(part in ("", ".", "..") for part in relative.split("/")) or "\0" in relative:
        raise BlobError("this key cannot become a file's path", uri=blob.uri, hint="Rename the object.")
    return folder / relative


def _make_folder(path: Path, blob: Blob) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise KeyConflict(
            f"{path} would have to be a folder and a file",
            uri=blob.uri,
            hint="Rename one of the two objects.",
        ) from None
