"""Members of a request that mean something which is not done here: refused by name, with the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skewless.control.errors import invalid
from skewless.control.plane import Members


def refuse(request: Members, refused: Mapping[str, str]) -> None:
    """ValidationException for the first dotted path that is given; its text goes on with what to do instead.

    A path goes through every item of a list. What is empty or false is not given.
    """
    for path, instead in refused.items():
        if _is_given(request, path.split(".")):
            raise invalid(f"{path} is not supported by this version. {instead}")


def _is_given(value: Any, path: Sequence[str]) -> bool:
    if isinstance(value, list) and path:
        return any(_is_given(item, path) for item in value)
    if not path:
        return bool(value)
    return isinstance(value, dict) and _is_given(value.get(path[0]), path[1:])
