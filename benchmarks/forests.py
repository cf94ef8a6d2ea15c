"""Forests of XGBoost of many sizes and widths, with rows for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import xgboost

from benchmarks.artifacts import container, save_model

TREES: Final = (1, 10, 50, 100, 200, 500)
"""Sizes of the forest of 100 features; the last one is the target's."""
FEATURES: Final = (10, 30, 100, 300)
"""Widths of a forest of 100 trees."""
WIDTH: Final = 100
LARGEST: Final = f"{max(TREES)}x{WIDTH}"
_ROWS: Final = 8000
_KEPT: Final = 2000


def names() -> dict[str, int]:
    """Every forest, as TREESxWIDTH, with its width."""
    every = [f"{trees}x{WIDTH}" for trees in TREES] + [f"100x{width}" for width in FEATURES]
    return {name: int(name.partition("x")[2]) for name in every}


def forests(folder: Path) -> None:
    """Train them; the smaller ones are the first trees of the largest."""
    random = np.random.default_rng(500)
    for width in FEATURES:
        rows = random.normal(size=(_ROWS, width)).astype(np.float32)
        truth = rows[:, :5].sum(axis=1) + np.sin(3 * rows[:, 5]) + random.normal(size=_ROWS) * 0.5
        many = max(TREES) if width == WIDTH else 100
        asked = {"max_depth": 8, "eta": 0.05, "seed": 1, "nthread": 2, "min_child_weight": 0}
        booster = xgboost.train(asked, xgboost.DMatrix(rows, truth), num_boost_round=many)
        np.save(folder / f"rows-{width}.npy", rows[:_KEPT])
        for name in (name for name, wide in names().items() if wide == width):
            save_model(booster[: int(name.partition("x")[0])], folder, name)
            document = {"containers": [container(f"{name}.tar.gz", None, "xgboost")]}
            (folder / f"{name}.yaml").write_text(json.dumps(document))
