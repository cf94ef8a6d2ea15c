"""Rows made by hypothesis for an estimator: hostile numbers, near the fitted ones and far from them, and strings."""

from __future__ import annotations

import math
from typing import Any, Final

import hypothesis
import pandas as pd
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

ROWS: Final = 12
"""Rows of a batch."""
_HOSTILE: Final = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e300, math.nan, math.inf, -math.inf]
_LETTERS: Final = st.characters(max_codepoint=0x2BFF, exclude_categories=["Cs"]) | st.sampled_from(
    "日本語𝄞😀"
)


def rows_like(frame: pd.DataFrame, batches: int, seed: int, within: float) -> pd.DataFrame:
    """So many batches of rows with the frame's columns and types, always the same for a seed."""
    columns = {str(name): _cells(frame[name], within) for name in frame.columns}
    found: list[dict[str, Any]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=batches + 1,  # the first has the simplest row again and again
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.fixed_dictionaries(columns), min_size=ROWS, max_size=ROWS))
    def draw(batch: list[dict[str, Any]]) -> None:
        found.extend(batch)

    draw()
    rows = pd.DataFrame(found).loc[lambda made: ~made.astype(str).duplicated()]
    return rows.astype({name: frame[name].dtype for name in frame.columns}).reset_index(drop=True)


def _cells(column: Any, within: float) -> st.SearchStrategy[Any]:
    """Values of the column's type: its own, hostile ones and any."""
    known = st.sampled_from(column.tolist())
    kind = column.dtype.kind
    if kind == "f":
        hostile = [value for value in _HOSTILE if not math.isfinite(value) or abs(value) <= within]
        limit = None if within == math.inf else within
        low = None if limit is None else -limit
        return known | st.sampled_from(hostile) | st.floats(low, limit, allow_nan=False) | known
    if kind in "iu":
        return known | st.integers(-3, 12)
    if kind == "b":
        return st.booleans()
    return known | st.text(_LETTERS, max_size=8) | known
