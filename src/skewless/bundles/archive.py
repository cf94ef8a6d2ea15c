"""Artifacts as files in memory: read from a folder, zip or tar.gz, every member checked before use; written whole."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import struct
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from skewless.bundles import tar
from skewless.bundles.location import Location, locate
from skewless.bundles.members import CHUNK, Collector, Read, fault
from skewless.bundles.place import printable
from skewless.errors import ArtifactError
from skewless.settings import Settings

BUNDLE_FILE: Final = "bundle.json"
_OURS: Final = {BUNDLE_FILE, "root", "notes", "skewless"}  # what a bundle's folder holds

# What the readers of zip and gzip raise on damaged bytes, besides their own errors.
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError, OverflowError),
)
_PLAIN_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENTRY: Final = b"PK\x01\x02"
_DAY: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can write
_SECONDS: Final = 315_532_800  # the same in UTC


@dataclass(frozen=True, slots=True, eq=False)
class Files(Mapping[str, bytes]):
    """An artifact's files by path, sorted, and its name for errors. Paths are relative, with ``/``."""

    name: str
    contents: Mapping[str, bytes]

    def __post_init__(self) -> None:
        ordered = {path: self.contents[path] for path in sorted(self.contents)}
        object.__setattr__(self, "contents", MappingProxyType(ordered))

    def __getitem__(self, path: str) -> bytes:
        return self.contents[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.contents)

    def __len__(self) -> int:
        return len(self.contents)


def read_files(path: str | Path, *, limits: Settings) -> Files:
    """All files of a folder, a .zip, or a .tar.gz: told apart by what they are, not by their name.

    Also takes MLeap's URIs. ArtifactError names artifact and member of anything unsafe (paths that lead out, links,
    devices, duplicates, encryption), of sizes over the limits, and of damage.
    """
    location = locate(path)
    collector = Collector(str(location), limits)
    try:
        mode = location.path.stat().st_mode
        if stat.S_ISDIR(mode):
            _read_folder(location.path, collector)
        elif stat.S_ISREG(mode):
            _read_archive(location.path, collector)
        else:
            raise ArtifactError("is neither a file nor a folder", artifact=str(location))
    except (FileNotFoundError, NotADirectoryError):
        raise ArtifactError(f"no such file: {location.path}", hint="Check the path.") from None
    except OSError as error:
        raise ArtifactError(f"cannot be read: {_reason(error)}", artifact=str(location)) from None
    contents = collector.contents()
    return Files(str(location), _below(contents, location) if location.inside else contents)


def write_files(files: Mapping[str, bytes], path: str | Path) -> Path:
    """Write files as a .zip or .tar.gz, or as a folder where ``path`` ends in neither; gives the path back.

    The same files give the same bytes. Nothing half written is ever seen under ``path``; a folder is replaced only
    when it is empty or holds a bundle and nothing else. ArtifactError where that is not so, or writing fails.
    """
    location = locate(path)
    name = str(location)
    if location.inside:
        raise ArtifactError("cannot write into a folder of an archive", artifact=name)
    for member in files:
        why = fault(member)
        if why:
            raise ArtifactError(f"cannot be written: {why}", artifact=name, file=printable(member))
    target = Path(os.path.realpath(location.path))
    suffix = ".zip" if location.is_jar else location.path.name.lower()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if suffix.endswith((".zip", ".tar.gz", ".tgz")):
            _write_archive(files, target, is_zip=suffix.endswith(".zip"))
        else:
            _write_folder(files, target)
    except OSError as error:
        raise ArtifactError(f"cannot be written: {_reason(error)}", artifact=name) from None
    return location.path


def _below(contents: Mapping[str, bytes], location: Location) -> dict[str, bytes]:
    prefix = f"{location.inside}/"
    below = {path.removeprefix(prefix): data for path, data in contents.items() if path.startswith(prefix)}
    if not below:
        raise ArtifactError(f"has no folder {location.inside!r}", artifact=str(location.path))
    return below


def _read_archive(path: Path, collector: Collector) -> None:
    with path.open("rb") as file:
        start = file.read(tar.BLOCK)
        file.seek(0)
        try:
            if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                _read_zip(file, collector)
            elif start.startswith(b"\x1f\x8b"):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    _read_tar(unpacked.read, collector)
            elif tar.is_header(start):
                _read_tar(file.read, collector)
            else:
                hint = "Give a bundle's folder, or pack it with zip or tar."
                raise ArtifactError("is neither a zip nor a tar.gz", artifact=collector.artifact, hint=hint)
        except _DAMAGE as error:
            raise ArtifactError(
                f"is damaged or cut short: {_reason(error)}",
                artifact=collector.artifact,
                hint="Copy it again, or pack it again.",
            ) from None


def _read_zip(file: BinaryIO, collector: Collector) -> None:
    # The library makes an object of every entry before it can be asked how many there are. Chance
    # makes a few more signatures in packed bytes, and archives inside archives do: hence the room.
    if _occurrences(_ENTRY, file) > 2 * collector.most_members + 1000:
        raise collector.too_many()
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.orig_filename  # `filename` hides what follows a NUL
            why = _zip_fault(info)
            if why:
                raise collector.refused(name, why)
            if name.endswith("/"):
                collector.folder(name)
                continue
            with archive.open(info) as member:
                collector.file(name, member.read)


def _zip_fault(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & 0x41:
        return "it is encrypted"
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a device, pipe or socket"
    if info.compress_type not in _PLAIN_METHODS:
        return f"it is packed with method {info.compress_type}; bundles use store and deflate"
    return None


def _occurrences(signature: bytes, file: BinaryIO) -> int:
    count, tail = 0, b""
    while chunk := file.read(CHUNK):
        window = tail + chunk
        count += window.count(signature)
        tail = window[-len(signature) + 1 :]
    file.seek(0)
    return count


def _read_tar(read: Read, collector: Collector) -> None:
    for member in tar.members(_bounded(read, collector)):
        if member.fault:
            raise collector.refused(member.name, member.fault)
        if member.is_folder:
            collector.folder(member.name)
        else:
            collector.file(member.name, member.read)


def _bounded(read: Read, collector: Collector) -> Read:
    """``read`` for as many bytes as the largest allowed archive has, headers and padding of its members included."""
    left = collector.most_bytes + 4096 * (collector.most_members + 64)

    def bounded(size: int) -> bytes:
        nonlocal left
        data = read(min(size, CHUNK))
        left -= len(data)
        if left < 0:
            raise collector.too_large(None)
        return data

    return bounded


def _read_folder(root: Path, collector: Collector) -> None:
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = f"{folder}{entry.name}"
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    collector.folder(name)
                    pending.append(f"{name}/")
                elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                    _read_file(root, name, collector)
                else:
                    raise collector.refused(name, "it is a device, pipe or socket")


def _read_file(root: Path, name: str, collector: Collector) -> None:
    """A file of a folder, or one that a link inside the folder leads to."""
    real = Path(os.path.realpath(root / name))
    if not real.is_relative_to(os.path.realpath(root)):
        raise collector.refused(name, "it is a link that leads out of the folder")
    try:  # without waiting for a pipe, nor following what has become a link since
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise collector.refused(name, f"it cannot be opened ({_reason(error)})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise collector.refused(name, "it is a link to something that is no file")
    with os.fdopen(descriptor, "rb") as file:
        collector.file(name, file.read)


def _write_archive(files: Mapping[str, bytes], target: Path, *, is_zip: bool) -> None:
    if target.is_dir():
        raise ArtifactError("is a folder, so no file can be written there", artifact=str(target))
    beside = _beside(target)
    try:
        with beside.open("xb") as file:
            if is_zip:
                _write_zip(files, file)
            else:
                _write_tar(files, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _write_zip(files: Mapping[str, bytes], file: BinaryIO) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, date_time=_DAY)
            info.create_system = 3  # Unix, wherever this runs
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, files[path], zipfile.ZIP_DEFLATED, 6)


def _write_tar(files: Mapping[str, bytes], file: BinaryIO) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files):
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = len(files[path]), 0o644, _SECONDS
            archive.addfile(info, io.BytesIO(files[path]))


def _write_folder(files: Mapping[str, bytes], target: Path) -> None:
    if target.exists():
        _check_replaceable(target)
    beside, old = _beside(target), _beside(target)
    try:
        beside.mkdir()
        for path, data in files.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_bytes(data)
        if target.exists():
            target.rename(old)
        try:
            beside.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_replaceable(target: Path) -> None:
    hint = "Give another path, or remove it first."
    if not target.is_dir():
        raise ArtifactError("is a file, so no folder can be written there", artifact=str(target), hint=hint)
    held = {entry.name for entry in target.iterdir()}
    if held and BUNDLE_FILE not in held:
        raise ArtifactError("is a folder that holds something else", artifact=str(target), hint=hint)
    if held - _OURS:
        what = f"holds more than a bundle: {printable(min(held - _OURS))}"
        raise ArtifactError(what, artifact=str(target), hint=hint)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex[:12]}.part")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return (str(error) or type(error).__name__).rstrip(".")
