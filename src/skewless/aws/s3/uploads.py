"""Uploads in parts, on disk: a part that was acknowledged is still there after the process was killed."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from skewless.aws.s3.refusal import S3Refused
from skewless.blobs.folders import Folders

ABOUT: Final = "upload.json"
ID: Final = re.compile(r"\d{20}-[0-9a-f]{32}")
PART: Final = re.compile(r"(\d{5})-([0-9a-f]{32})\.json")


class Upload(msgspec.Struct, frozen=True):
    """An upload that was begun."""

    id: str
    key: str
    begun_ns: int
    headers: dict[str, str]
    """Those that the object will have."""
    algorithm: str | None = None
    """Of the checksum that the client announced."""
    whole: bool = False
    """Whether that checksum is of the whole object, not of its parts' checksums."""


class Part(msgspec.Struct, frozen=True):
    """A part that came."""

    number: int
    md5: str
    size: int
    modified_ns: int
    sums: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Uploads:
    """All uploads of all buckets."""

    folders: Folders

    def begin(self, bucket: str, upload: Upload) -> None:
        """Note a new upload."""
        folder = self.folders.uploads / bucket / upload.id
        folder.mkdir(parents=True)
        (folder / ABOUT).write_bytes(msgspec.json.encode(upload))

    def find(self, bucket: str, key: str, id_: str) -> Upload:
        """NoSuchUpload where there is none with this id for this key."""
        try:
            if ID.fullmatch(id_):
                upload = msgspec.json.decode((self._folder(bucket, id_) / ABOUT).read_bytes(), type=Upload)
                if upload.key == key:
                    return upload
        except OSError:
            pass
        raise S3Refused(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed.",
            UploadId=id_,
        )

    def put(self, bucket: str, upload: Upload, part: Part, file: BinaryIO) -> None:
        """Keep a part, in place of an earlier one of its number."""
        folder = self._folder(bucket, upload.id)
        file.flush()
        name = f"{part.number:05d}-{part.md5}"
        try:
            Path(file.name).replace(folder / name)
            (folder / f".{name}").write_bytes(msgspec.json.encode(part))
            (folder / f".{name}").replace(folder / f"{name}.json")
        except FileNotFoundError:
            self.find(bucket, upload.key, upload.id)  # it was aborted meanwhile
            raise
        for old in folder.glob(f"{part.number:05d}-*"):
            if old.name not in (name, f"{name}.json"):
                old.unlink(missing_ok=True)

    def parts(self, bucket: str, upload: Upload) -> list[Part]:
        """The parts that came, by number."""
        found: dict[int, Part] = {}
        for path in self._folder(bucket, upload.id).glob("*.json"):
            if PART.fullmatch(path.name):
                part = msgspec.json.decode(path.read_bytes(), type=Part)
                # A crash between two steps of `put` can leave two of one number.
                if part.number not in found or found[part.number].modified_ns < part.modified_ns:
                    found[part.number] = part
        return sorted(found.values(), key=lambda part: part.number)

    def open(self, bucket: str, upload: Upload, part: Part) -> BinaryIO:
        """A part's bytes."""
        return (self._folder(bucket, upload.id) / f"{part.number:05d}-{part.md5}").open("rb")

    def drop(self, bucket: str, upload: Upload) -> None:
        """Forget an upload and its parts."""
        shutil.rmtree(self._folder(bucket, upload.id), ignore_errors=True)

    def all(self, bucket: str) -> Iterator[Upload]:
        """Every upload of a bucket that was begun, by key and then by time."""
        found = []
        for path in (self.folders.uploads / bucket).glob(f"*/{ABOUT}"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Upload))
            except FileNotFoundError:
                continue
        yield from sorted(found, key=lambda upload: (upload.key, upload.id))

    def _folder(self, bucket: str, id_: str) -> Path:
        return self.folders.uploads / bucket / id_


def new_id(now_ns: int) -> str:
    """An id that sorts by time and cannot be guessed."""
    return f"{now_ns:020d}-{secrets.token_hex(16)}"
