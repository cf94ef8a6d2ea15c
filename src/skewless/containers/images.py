"""Image names to runtimes: every published URI of an image that is re-created here, and the short names; programs."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from skewless.errors import SettingError

PROCESS: Final = "process"
"""The runtime of a program that is a container by itself."""
PYTHON: Final = "python"
"""The runtime of a function in Python."""

RUNTIMES: Final[Mapping[str, str]] = {
    "sagemaker-sparkml-serving": "sparkml",
    "sparkml": "sparkml",
    "sagemaker-xgboost": "xgboost",
    "xgboost": "xgboost",
    "sagemaker-scikit-learn": "sklearn",
    "scikit-learn": "sklearn",
    "sklearn": "sklearn",
    "python": PYTHON,
}
"""Repository names, without registry and tag."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A name that a program can have as an image."""
_URI: Final = re.compile(r"(?:[a-z0-9.-]+(?::\d+)?/)*(?P<repository>[a-z0-9._-]+)(?:[:@].+)?")
_PATH: Final = ("/", "./", "../")


def runtime_of(image: str, registered: Collection[str] = ()) -> str:
    """The runtime that an image stands for: a published URI, a short name, a registered name, or a program's path.

    SettingError for a name that nothing stands behind.
    """
    if is_path(image) or image in registered:
        return PROCESS
    found = _URI.fullmatch(image)
    repository = found["repository"] if found else image
    if repository in RUNTIMES:
        return RUNTIMES[repository]
    names = ", ".join(sorted({*RUNTIMES, *registered}))
    raise SettingError(
        f"image {image!r} is not known",
        hint=f"Known names are: {names}. A program of your own gets a name by `skewless images add`, "
        "or is given by its path.",
    )


def is_path(image: str) -> bool:
    """Whether an image is the path of a program; it begins with /, ./ or ../ then."""
    return image.startswith(_PATH)


def program_at(path: Path) -> list[str]:
    """The command of a program that is given by its path. SettingError where that is none."""
    if not path.is_file():
        raise SettingError(f"image {str(path)!r}: there is no such file", hint="Give the path of a program.")
    if not os.access(path, os.X_OK):
        raise SettingError(
            f"image {str(path)!r} is no program: it may not be run", hint=f"Allow it: chmod +x {path}"
        )
    return [str(path)]
