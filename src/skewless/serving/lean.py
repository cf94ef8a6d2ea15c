"""Keep a process of our own light."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

import pyarrow as pa


class _NoPandas:
    """Finds no pandas."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("kept out", name=name)


def keep_small() -> None:
    """Prepare a process that will serve, before it loads anything.

    Arrow's own allocator is made for tables that come and go in many threads, and keeps 6 MiB for that, which an
    instance with its few rows does better without.
    """
    keep_pandas_out()
    pa.set_memory_pool(pa.system_memory_pool())


def keep_pandas_out() -> None:
    """Have pyarrow do without pandas in this process, before it is first used.

    Where pandas is installed, pyarrow imports it to make an array from a list or numbers from an array: 0.3 s and
    35 MiB that nothing here needs. It tries once and remembers; so it tries now, while there is none to be found. A
    process that is not ours keeps its pyarrow as it is.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0]).to_numpy()
    finally:
        sys.meta_path.remove(finder)
