"""Image names to runtimes: every published URI of an image that is re-created here, and the short names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from skewless.errors import SettingError, UnsupportedError

RUNTIMES: Final[Mapping[str, str]] = {
    "sagemaker-sparkml-serving": "sparkml",
    "sparkml": "sparkml",
    "sagemaker-xgboost": "xgboost",
    "xgboost": "xgboost",
}
"""Repository names, without registry and tag."""

LATER: Final = frozenset({"sagemaker-scikit-learn", "scikit-learn", "sklearn", "python"})

_URI: Final = re.compile(r"(?:[a-z0-9.-]+(?::\d+)?/)*(?P<repository>[a-z0-9._-]+)(?:[:@].+)?")


def runtime_of(image: str) -> str:
    """The runtime that an image name or URI stands for. SettingError for a name that nothing stands behind."""
    found = _URI.fullmatch(image)
    repository = found["repository"] if found else image
    if repository in RUNTIMES:
        return RUNTIMES[repository]
    if repository in LATER:
        raise UnsupportedError(
            f"image {image!r}: containers of this kind are not supported by this version",
            hint=f"Supported are: {', '.join(sorted(set(RUNTIMES.values())))}.",
        )
    raise SettingError(
        f"image {image!r} is not known", hint=f"Known names are: {', '.join(sorted(RUNTIMES))}."
    )
