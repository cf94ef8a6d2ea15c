"""A walker over XGBoost's trees in numba, for reference: float32 sums in the order of the trees."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import xgboost


@numba.njit
def _walk(row: Any, roots: Any, feature: Any, threshold: Any, left: Any, missing_left: Any, base: Any) -> Any:
    total = base
    for root in roots:
        node = root
        while left[node] >= 0:
            value = row[feature[node]]
            goes_left = missing_left[node] if np.isnan(value) else value < threshold[node]
            node = left[node] if goes_left else left[node] + 1
        total = np.float32(total + threshold[node])
    return total


def walk(booster: xgboost.Booster) -> Callable[[Any], Any]:
    """The function from a row to the sum; only for one output and no transformation of it."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    base = np.float32(json.loads(learner["learner_model_param"]["base_score"].strip("[]")))
    grown = learner["gradient_booster"]["model"]["trees"]
    nodes: list[tuple[int, float, int, bool]] = []
    roots = []
    for tree in grown:
        roots.append(len(nodes))
        _lay(tree, nodes)
    feature, threshold, left, missing = zip(*nodes, strict=True)
    arrays = (
        np.array(roots, np.int32),
        np.array(feature, np.int32),
        np.array(threshold, np.float32),
        np.array(left, np.int32),
        np.array(missing, np.bool_),
    )
    return lambda row: _walk(row, *arrays, base)


def _lay(tree: dict[str, Any], nodes: list[tuple[int, float, int, bool]]) -> None:
    """Nodes breadth-first, so that the right child follows the left one."""
    first = len(nodes)
    order = [0]
    for node in order:
        if tree["left_children"][node] >= 0:
            order += [tree["left_children"][node], tree["right_children"][node]]
    place = {node: first + number for number, node in enumerate(order)}
    for node in order:
        child = tree["left_children"][node]
        nodes.append(
            (
                tree["split_indices"][node],
                tree["split_conditions"][node],
                place[child] if child >= 0 else -1,
                bool(tree["default_left"][node]),
            )
        )
