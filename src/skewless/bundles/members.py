"""What an artifact's members may be called, and how much they may hold: the checks that come before any use."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from skewless.bundles.place import printable
from skewless.errors import ArtifactError
from skewless.settings import Settings

CHUNK: Final = 1 << 20
LONGEST_NAME: Final = 4096

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DISTRUST: Final = "Skewless opens no such artifact; get it again from somebody you trust, or pack it again."

Read = Callable[[int], bytes]


def fault(path: str) -> str | None:
    """What makes a path unsafe inside an artifact, or None for one that names a place below its root."""
    parts = path.split("/")
    checks = (
        (path == "", "it has no name"),
        (len(path) > LONGEST_NAME, f"its name has more than {LONGEST_NAME} characters"),
        (path.startswith("/"), "its path is absolute"),
        (_DRIVE.match(path) is not None, "its path starts with a drive letter"),
        ("\\" in path, "its path has a backslash"),
        (".." in parts, "its path leads out of the artifact with '..'"),
        (_CONTROL.search(path) is not None, "its name has control characters"),
        ("" in parts or "." in parts, "its path has an empty part or '.'"),
        (not _is_utf8(path), "its name is not UTF-8"),
    )
    return next((why for wrong, why in checks if wrong), None)


class Collector:
    """Takes an artifact's members one by one and keeps their bytes, within limits.

    Sizes are counted on the bytes that arrive, never on what headers announce. All errors are ArtifactError and name
    artifact and member.
    """

    def __init__(self, artifact: str, limits: Settings) -> None:
        self.artifact = artifact
        self.most_members = limits.max_artifact_files
        self.most_bytes = limits.max_artifact_mb << 20
        self._members = 0
        self._bytes = 0
        self._folders: set[str] = set()
        self._contents: dict[str, bytes] = {}

    def file(self, name: str, read: Read) -> None:
        """Take a file whose bytes come from ``read`` until it gives none."""
        path = self._admit(name)
        if path in self._contents:
            raise self.refused(name, "is there twice")
        chunks = []
        while chunk := read(CHUNK):
            self._bytes += len(chunk)
            if self._bytes > self.most_bytes:
                raise self.too_large(name)
            chunks.append(chunk)
        self._contents[path] = b"".join(chunks)

    def folder(self, name: str) -> None:
        """Take note of a folder; tar also lists the root itself, as ``./``."""
        path = name.rstrip("/")
        if path == ".":
            self._count()
        else:
            self._folders.add(self._admit(path))

    def contents(self) -> dict[str, bytes]:
        """All files in the order of their paths; refused where a file is a folder, too."""
        paths = sorted(self._contents)
        for path in paths:
            below = bisect_left(paths, f"{path}/")
            if path in self._folders or (below < len(paths) and paths[below].startswith(f"{path}/")):
                raise self.refused(path, "is both a file and a folder")
        return {path: self._contents[path] for path in paths}

    def refused(self, name: str, why: str) -> ArtifactError:
        """An error about one member."""
        return ArtifactError(
            f"is refused: {why}", artifact=self.artifact, file=printable(name), hint=_DISTRUST
        )

    def too_large(self, name: str | None) -> ArtifactError:
        """An error about the size of everything so far."""
        return ArtifactError(
            f"the artifact holds more than {self.most_bytes >> 20} MiB once unpacked",
            artifact=self.artifact,
            file=None if name is None else printable(name),
            hint="If you trust it, allow more with SKEWLESS_MAX_ARTIFACT_MB.",
        )

    def too_many(self) -> ArtifactError:
        """An error about the number of members."""
        return ArtifactError(
            f"the artifact has more than {self.most_members} members",
            artifact=self.artifact,
            hint="If you trust it, allow more with SKEWLESS_MAX_ARTIFACT_FILES.",
        )

    def _count(self) -> None:
        self._members += 1
        if self._members > self.most_members:
            raise self.too_many()

    def _admit(self, name: str) -> str:
        self._count()
        path = name.removeprefix("./")  # tar writes it when a folder packs itself
        why = fault(path)
        if why:
            raise self.refused(name, why)
        return path


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
