"""What a user calls an artifact: a path, or one of MLeap's URIs.

Those are ``file:/folder``, ``jar:file:/x.zip`` and ``jar:file:/x.jar!folder/inside``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from skewless.errors import ArtifactError

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


@dataclass(frozen=True, slots=True)
class Location:
    """Where an artifact is. ``inside`` is the folder within an archive; ``is_jar`` says that it must be a zip."""

    path: Path
    inside: str = ""
    is_jar: bool = False

    def __str__(self) -> str:
        return f"{self.path}!{self.inside}" if self.inside else str(self.path)


def locate(where: str | Path) -> Location:
    """Understand a path or URI. ArtifactError for a scheme that names no file here."""
    text = str(where)
    if "\0" in text or not text:
        raise ArtifactError(f"{text!r} is not a path")
    if isinstance(where, Path) or not text.startswith(("jar:", "file:")):
        scheme = _SCHEME.match(text)
        if isinstance(where, str) and scheme and text[scheme.end() :].startswith("//"):
            raise ArtifactError(
                f"cannot open {scheme[1]}: addresses",
                artifact=text,
                hint="Copy the artifact to a file first.",
            )
        return Location(Path(text))
    uri, _, inside = text.removeprefix("jar:").partition("!") if text.startswith("jar:") else (text, "", "")
    return Location(_path(uri, text), inside.strip("/"), text.startswith("jar:"))


def _path(uri: str, shown: str) -> Path:
    try:
        parts = urlsplit(uri.replace("\\", "/"))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        raise ArtifactError(
            "is not the address of a file here",
            artifact=shown,
            hint="Write it as file:/folder or jar:file:/folder/x.zip.",
        )
    # An unescaped # or ? is part of a file's name in what people write.
    rest = uri.replace("\\", "/").partition(":")[2]
    path = "/" + rest.removeprefix(f"//{parts.netloc}").lstrip("/") if rest.startswith("/") else rest
    return Path(unquote(path))
