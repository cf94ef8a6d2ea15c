"""Names that can be imported and say at their first use that they are not there.

Published scripts import modules of SageMaker's servers in one line with what they need, and use none of them.
"""

from __future__ import annotations

from typing import Any

from skewless.errors import UnsupportedError


class Absent:
    """Stands for a module, class or function."""

    def __init__(self, name: str, hint: str) -> None:
        self.__name__ = name
        self._hint = hint

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        raise self._error("")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python itself looks for in any object
            raise AttributeError(name)
        raise self._error(f".{name}")

    def _error(self, below: str) -> UnsupportedError:
        return UnsupportedError(f"{self.__name__}{below} is not there", hint=self._hint)
