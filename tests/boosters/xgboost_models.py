"""Small models trained here with the real xgboost package, and what it predicts; used by the tests beside this file."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xgboost

from skewless.boosters.library import Floats

FEATURES = 6
KINDS: dict[str, dict[str, Any]] = {
    "regression": {"objective": "reg:squarederror"},
    "logistic": {"objective": "binary:logistic"},
    "softmax": {"objective": "multi:softmax", "num_class": 4},
    "softprob": {"objective": "multi:softprob", "num_class": 4},
    "poisson": {"objective": "count:poisson"},
    "pairwise": {"objective": "rank:pairwise"},
    "forest": {"objective": "multi:softprob", "num_class": 4, "num_parallel_tree": 2, "subsample": 0.7},
    "lossguide": {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_depth": 0},
    "pruned": {"objective": "reg:squarederror", "tree_method": "exact", "gamma": 0.5, "max_depth": 5},
    "quantile": {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]},
    "dart": {"booster": "dart", "rate_drop": 0.5, "objective": "binary:logistic"},
    "dart softprob": {"booster": "dart", "rate_drop": 0.3, "objective": "multi:softprob", "num_class": 4},
    "linear": {"booster": "gblinear", "objective": "reg:squarederror"},
    "linear softprob": {"booster": "gblinear", "objective": "multi:softprob", "num_class": 4},
    "targets": {"objective": "reg:squarederror"},
    "vector leaves": {"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"},
    "categorical": {"objective": "reg:squarederror", "max_cat_to_onehot": 1},
}


@functools.cache
def data() -> tuple[Floats, Floats]:
    """Features with missing values, zeros and whole numbers, and labels that each objective takes."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(300, FEATURES)).astype(np.float32)
    rows[:, 1] = random.integers(0, 4, 300)
    rows[:, 2] = np.where(rows[:, 2] > 0, rows[:, 2], 0)
    labels = random.integers(0, 4, 300).astype(np.float32)
    rows[:, 0] += labels
    rows[:, 3] = np.where(random.random(300) < 0.3, np.nan, rows[:, 3] - labels)
    return rows, labels


@functools.cache
def trained(kind: str) -> xgboost.Booster:
    """A model of `KINDS`."""
    rows, labels = data()
    about = {"nthread": 1, "seed": 1, **KINDS[kind]}
    if about.get("booster") != "gblinear":
        about.setdefault("max_depth", 3)
    types = None
    if kind == "categorical":
        types = ["q", "c", "q", "q", "q", "q"]
    if about["objective"] == "binary:logistic":
        labels = (labels > 1).astype(np.float32)
    if kind in ("targets", "vector leaves"):
        labels = np.stack([labels, np.nan_to_num(rows[:, 3]), rows[:, 2]], axis=1)
    matrix = xgboost.DMatrix(rows, labels, feature_types=types, enable_categorical=types is not None)
    return xgboost.train(about, matrix, num_boost_round=4)


@functools.cache
def saved(kind: str, form: str = "ubj") -> bytes:
    """The model's file."""
    return bytes(trained(kind).save_raw(form))


@functools.cache
def loaded(kind: str) -> xgboost.Booster:
    """The package's own reading of the file; one thread, because many are slow to start for a row."""
    return xgboost.Booster({"nthread": 1}, model_file=bytearray(saved(kind)))


def reference(kind: str, rows: Floats) -> Floats:
    """What the package predicts from the saved file."""
    types = ["q", "c", "q", "q", "q", "q"] if kind == "categorical" else None
    matrix = xgboost.DMatrix(
        rows, missing=np.nan, feature_types=types, enable_categorical=types is not None, nthread=1
    )
    return np.asarray(loaded(kind).predict(matrix), np.float32)


def hostile() -> Floats:
    """Rows at the edges: missing, signed zeros, denormals, the largest numbers, split points and their neighbours."""
    rows, _ = data()
    edges = np.array(
        [np.nan, -0.0, 0.0, 1e-45, -1e-45, 1.1754942e-38, 3.4028235e38, -3.4028235e38, 1, 0.1], np.float32
    )
    single = np.repeat(edges, FEATURES).reshape(-1, FEATURES)
    mixed = np.stack([np.roll(edges, shift)[:FEATURES] for shift in range(len(edges))])
    around = [rows, np.nextafter(rows, np.float32(np.inf)), np.nextafter(rows, np.float32(-np.inf))]
    return np.ascontiguousarray(np.concatenate([single, mixed, *around]), np.float32)


def bits(values: Any) -> list[Any]:
    """Values as the bits of 32-bit floats."""
    found: list[Any] = np.ascontiguousarray(values, np.float32).view(np.uint32).tolist()
    return found
