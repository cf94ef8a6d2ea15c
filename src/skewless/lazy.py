"""Names that are imported when they are first used, declared as tables of ``"module:attribute"`` strings.

The only place where something is imported late, so that a light process never loads a heavy library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def resolve(reference: str) -> Any:
    """The object that ``"module:attribute"`` names, or the module itself for ``"module"``."""
    module, _, attribute = reference.partition(":")
    loaded = import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def lazy_attributes(module: str, table: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` (PEP 562) over such a table."""

    def getattr_(name: str) -> Any:
        if name in table:
            return resolve(table[name])
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return getattr_


class Late:
    """A module that is imported when one of its names is first used."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._module), name)
        setattr(self, name, found)
        return found
