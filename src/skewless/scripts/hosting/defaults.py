"""The functions that a script does not write itself, for each container."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from skewless.lazy import resolve


@dataclass(frozen=True, slots=True)
class Defaults:
    """One container's."""

    input_fn: Callable[[Any, str], Any]
    """A body and its content type to data."""
    predict_fn: Callable[[Any, Any], Any] | None
    """Data and the model to a prediction; None where the script must have one."""
    output_fn: Callable[[Any, str], Any]
    """A prediction and the wanted type to a body, or to an answer with its type."""


# Each container's own libraries are imported by it alone.
_TABLE: Final[Mapping[tuple[str, bool], str]] = {
    ("sklearn", False): "skewless.scripts.hosting.sklearn_defaults:DEFAULTS",
    ("sklearn", True): "skewless.scripts.hosting.sklearn_defaults:ORIGINAL",
    ("xgboost", False): "skewless.scripts.hosting.xgboost_defaults:DEFAULTS",
    ("xgboost", True): "skewless.scripts.hosting.xgboost_defaults:DEFAULTS",
    ("python", False): "skewless.scripts.hosting.python_defaults:DEFAULTS",
    ("python", True): "skewless.scripts.hosting.python_defaults:DEFAULTS",
}


def defaults_of(kind: str, strict: bool) -> Defaults:
    """A container's functions; ``strict``: as the original has them."""
    found: Defaults = resolve(_TABLE[kind, strict])
    return found
