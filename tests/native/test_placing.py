"""Rows of a table are put where they belong, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from skewless.native.placing import place


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_rows_by_codes(dtype: type[np.generic], rows: int) -> None:
    random = np.random.default_rng(rows)
    table = random.random((5, 3)).astype(dtype)
    codes = random.integers(0, 5, rows).astype(np.int32)
    whole = np.full((rows, 7), -1, dtype)
    place(codes, table, whole, 2)
    assert (whole[:, 2:5] == table[codes]).all()
    assert (whole[:, [0, 1, 5, 6]] == -1).all()


@pytest.mark.parametrize(
    ("codes", "shape", "start"),
    [([0, 5], (2, 7), 0), ([0, -1], (2, 7), 0), ([0], (2, 7), 0), ([0, 1], (2, 7), 5), ([0, 1], (2, 2), 0)],
)
def test_what_does_not_fit(codes: list[int], shape: tuple[int, int], start: int) -> None:
    with pytest.raises(ValueError, match=r"rows of float64 do not fit|is not below 5"):
        place(np.array(codes, np.int32), np.zeros((5, 3)), np.zeros(shape), start)


def test_another_type() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        place(np.zeros(2, np.int32), np.zeros((5, 3)), np.zeros((2, 3), np.float32), 0)
    with pytest.raises(ValueError, match="do not fit"):
        place(np.zeros(2, np.int64), np.zeros((5, 3)), np.zeros((2, 3)), 0)
