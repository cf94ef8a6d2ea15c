"""A folder of the program's own as a tar.gz: its files, without what would be something else on another machine."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from skewless.jobs.script_training import places


def pack(root: Path, place: PurePosixPath, archive: Path) -> bool:
    """Write what is in a folder to an archive; whether there was anything. A log line names what is left out.

    A link is followed where it leads to a file of the same folder; pipes and sockets are no files.
    """
    folder, some = places.on_disk(root, place), False
    there = (
        Path(os.path.realpath(folder)) == Path(os.path.realpath(root)) / place.relative_to("/")
        and folder.is_dir()
    )
    if not there:
        print(f"skewless: {place} is no folder any more, and nothing of it is packed", flush=True)
    with tarfile.open(archive, "w:gz", compresslevel=6) as packed:
        for path in _entries(folder) if there else ():
            name = path.relative_to(folder).as_posix()
            real = _real(path, root, folder)
            if real is None:
                print(f"skewless: {place / name} is no file of its folder, and is not packed", flush=True)
                continue
            _add(packed, real, name)
            some = True
    return some


def _entries(folder: Path) -> Iterator[Path]:
    """Everything in a folder, each folder before what it holds. Links to folders are not gone into."""
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda one: one.name):
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))


def _real(path: Path, root: Path, folder: Path) -> Path | None:
    """The file or folder itself; None for what is neither, or lies elsewhere."""
    if path.is_symlink():
        target = str(path.readlink())
        there = (
            places.on_disk(root, PurePosixPath(target)) if target.startswith("/") else path.parent / target
        )
        real = Path(os.path.realpath(there))
        return real if real.is_file() and folder.resolve() in real.parents else None
    return path if path.is_file() or path.is_dir() else None


def _add(packed: tarfile.TarFile, path: Path, name: str) -> None:
    found = path.stat()
    header = tarfile.TarInfo(name)
    header.mode, header.mtime = found.st_mode & 0o777, int(found.st_mtime)
    if path.is_dir():
        header.type = tarfile.DIRTYPE
        packed.addfile(header)
        return
    with path.open("rb") as file:
        header.size = os.fstat(file.fileno()).st_size
        packed.addfile(header, file)
