"""The model artifact: a tar.gz whose bytes depend on its contents alone, put in place whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skewless.errors import SettingError

ENDINGS: Final = (".tar.gz", ".tgz")


def check_output(path: Path) -> None:
    """SettingError where an artifact cannot be written, said before training rather than after it."""
    if not path.name.endswith(ENDINGS):
        raise SettingError(f"the output {path} must be named .tar.gz", hint="For example model.tar.gz.")
    if path.is_dir():
        raise SettingError(f"the output {path} is a folder", hint=f"For example {path / 'model.tar.gz'}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"cannot make the folder {path.parent}: {error.strerror}") from None
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingError(f"the folder {path.parent} cannot be written to")


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Write the members in order. No reader ever sees a part of the archive."""
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as stream:
            stream.write(_packed(members))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SettingError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _packed(members: Mapping[str, bytes]) -> bytes:
    """No times, names or numbers of users, so that the same model gives the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            header.mode = 0o644
            archive.addfile(header, io.BytesIO(data))
    return packed.getvalue()
