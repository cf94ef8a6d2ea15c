"""Counting calls of functions."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: libraries may listen to that, and their functions would count."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
