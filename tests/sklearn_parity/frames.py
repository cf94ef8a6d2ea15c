"""Frames that estimators are fitted on, and rows that are easily got wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

NAMES = ("a", "b", "c", "d")


def numbers(rows: int = 40, *, nan: bool = False, positive: bool = False, seed: int = 7) -> pd.DataFrame:
    """Columns of different scales: one constant, one of few values."""
    random = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "a": random.normal(3.0, 2.0, rows),
            "b": np.full(rows, 0.1),
            "c": random.integers(0, 4, rows).astype(np.float64),
            "d": random.lognormal(0.0, 2.0, rows),
        }
    )
    if positive:
        made = made.abs() + 1e-3
    if nan:
        made.iloc[::7, 0] = math.nan
        made.iloc[1::9, 3] = math.nan
    return made


def hostile(names: Sequence[str] = NAMES) -> pd.DataFrame:
    """Rows of numbers: zeros of both signs, denormals, huge ones, NaN and infinities."""
    cycle = [0.0, -0.0, 1.0, -2.5, 5e-324, 1e300, -1e300, 0.1, 3.0, 1e-9, -1.0]
    size = len(names)
    rows = [[cycle[(start + slot * 3) % len(cycle)] for slot in range(size)] for start in range(len(cycle))]
    rows += [
        [bad if slot == place else 1.0 for slot in range(size)]
        for place, bad in enumerate((math.nan, math.inf))
    ]
    rows += [[-math.inf] * size, [math.nan] * size]
    return pd.DataFrame(rows, columns=list(names))
