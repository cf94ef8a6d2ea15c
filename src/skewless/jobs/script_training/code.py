"""A script's code: brought to its folder, and the command that runs it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from skewless.blobs import Blobs
from skewless.bundles.archive import read_files
from skewless.bundles.members import fault
from skewless.errors import ArtifactError, SettingError
from skewless.jobs.script_training import places
from skewless.jobs.script_training.variables import Script, arguments
from skewless.settings import Settings

CHANNEL: Final = "code"
"""The channel that brings code where no directory is named."""

_ARCHIVES: Final = (".tar.gz", ".tgz", ".zip")
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_LONGEST_NAME: Final = 250
"""Bytes of a file's name, with room for an ending."""
_SHOWN: Final = 20


def fetch_code(script: Script, blobs: Blobs, root: Path, channels: Mapping[str, object], spare: Path) -> None:
    """Bring a script's code to its folder below ``root``; ``spare`` is a file's place for the archive.

    SettingError for a directory that is not there, ArtifactError for an archive that is none, BlobError.
    """
    code = places.on_disk(root, places.CODE)
    directory = script.directory
    if directory and "://" in directory:
        blobs.download(directory, spare)
        _unpack(spare, directory, code)
        spare.unlink()
    elif directory:
        _take(_inside(directory, root), directory, code)
    elif CHANNEL in channels:
        folder = places.on_disk(root, places.DATA / CHANNEL)
        files = sorted(folder.iterdir())
        alone = files[0] if len(files) == 1 and files[0].name.endswith(_ARCHIVES) else folder
        _take(alone, f"the channel {CHANNEL}", code)


def command_of(script: Script, code: Path) -> list[str]:
    """The command that runs a script in its folder. SettingError where its program is not there.

    A ``.sh``, or a file that is no Python, is run itself; a package (the code has a ``setup.py``) and a name without
    ending are run as a module.
    """
    name, given = script.program, arguments(script.own)
    if fault(name) is not None or max(map(len, os.fsencode(name).split(b"/"))) > _LONGEST_NAME:
        raise SettingError(f"sagemaker_program {name!r} is no path below the code's folder")
    file, module = code / name, name.removesuffix(".py")
    if is_package(code) and not name.endswith(".sh"):
        return ["python3", "-m", module, *given]
    if file.is_file():
        if name.endswith(".py"):
            return ["python3", name, *given]
        file.chmod(file.stat().st_mode | 0o755)
        return [f"./{name}", *given]
    if _MODULE.fullmatch(name):
        parts = name.replace(".", "/")
        if (code / f"{parts}.py").is_file() or (code / parts / "__main__.py").is_file():
            return ["python3", "-m", name, *given]
    there = sorted(str(one.relative_to(code)) for one in code.rglob("*") if one.is_file())
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    raise SettingError(
        f"sagemaker_program names {name}, and the code "
        + (f"has {', '.join(there[:_SHOWN])}{more}" if there else "is empty"),
        hint="Name a file of the archive that sagemaker_submit_directory names, by its path in it.",
    )


def is_package(code: Path) -> bool:
    """Whether the code is a package, which is installed before it runs."""
    return (code / "setup.py").is_file()


def _inside(directory: str, root: Path) -> Path:
    place = PurePosixPath(directory)
    if places.ML not in place.parents or ".." in place.parts:
        raise SettingError(
            f"sagemaker_submit_directory {directory} is neither an s3:// address nor below {places.ML}",
            hint="Upload the code as a tar.gz, and give its address.",
        )
    found = places.on_disk(root, place)
    if not found.exists():
        raise SettingError(
            f"sagemaker_submit_directory {directory} is not there",
            hint=f"A channel NAME is {places.DATA}/NAME.",
        )
    return found


def _take(source: Path, name: str, code: Path) -> None:
    if source.is_file():
        _unpack(source, name, code)
    elif source != code:
        shutil.copytree(source, code, dirs_exist_ok=True)


def _unpack(archive: Path, name: str, code: Path) -> None:
    """Write an archive's files; what begins as a program is made one, since archives' own modes are not kept."""
    try:
        files = read_files(archive, limits=Settings.read())
    except ArtifactError as error:
        error.artifact = name
        raise
    for path, data in files.items():
        file = code / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        if data.startswith(b"#!"):
            file.chmod(0o755)
