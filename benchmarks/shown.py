"""Numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def micros(nanoseconds: float) -> str:
    """Nanoseconds as microseconds or more, in three digits or so."""
    value = nanoseconds / 1e3
    if value >= 100_000:
        return f"{value / 1e3:,.0f} ms"
    return f"{value:,.0f} µs" if value >= 100 else f"{value:.1f} µs" if value >= 10 else f"{value:.2f} µs"


def count(value: float) -> str:
    """A number of things: 1.52 M, 37,100, 250."""
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    return f"{round(value, -2):,.0f}" if value >= 1e4 else f"{value:,.0f}"


def ratio(value: float) -> str:
    """How many times."""
    return f"{value:,.0f} ×" if value >= 100 else f"{value:.1f} ×" if value >= 10 else f"{value:.2f} ×"


def spread(found: Mapping[str, Any], show: Callable[[float], str]) -> str:
    """A median, and the quartiles where there were rounds enough to have any."""
    if found["rounds"] < 2:
        return show(found["median"])
    return f"{show(found['median'])} ({_bare(show(found['low']))} to {_bare(show(found['high']))})"


def _bare(text: str) -> str:
    return text.removesuffix(" ×")
