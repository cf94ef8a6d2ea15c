"""Small boosters for the examples of XGBoost's ops, written by hand: no library is needed to make them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from skewless.ops.boosted import JAVA, PYTHON, Asked

SPLITS: Final = [(0, 0.5, 1.5, -2.0), (1, -0.0, 0.3, 0.1), (3, 1e30, -0.25, 0.75)]


def forest(
    splits: Sequence[tuple[int, float, float, float]],
    features: int,
    *,
    groups: int = 1,
    objective: str = "reg:squarederror",
    base_score: float = 0.5,
) -> bytes:
    """A model of trees with one split each, given as feature, threshold and two leaves; one round has a tree a group.

    What is missing goes left in every other tree.
    """
    trees = [_tree(number, split, features) for number, split in enumerate(splits)]
    model = {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
        "iteration_indptr": list(range(0, len(trees) + 1, groups)),
        "tree_info": [number % groups for number in range(len(trees))],
        "trees": trees,
    }
    return _document({"model": model, "name": "gbtree"}, features, groups, objective, base_score)


def linear(weights: Sequence[float], bias: float) -> bytes:
    """A linear model of one output."""
    model = {"boosted_rounds": 1, "weights": [*weights, bias]}
    return _document({"model": model, "name": "gblinear"}, len(weights), 1, "reg:squarederror", 0.0)


def _document(
    booster: dict[str, Any], features: int, groups: int, objective: str, base_score: float
) -> bytes:
    about: dict[str, Any] = {"name": objective}
    if objective.startswith("multi:"):
        about["softmax_multiclass_param"] = {"num_class": str(groups)}
    else:
        about["reg_loss_param"] = {"scale_pos_weight": "1"}
    scores = ",".join([repr(base_score)] * groups)
    learner = {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": booster,
        "learner_model_param": {
            "base_score": f"[{scores}]",
            "boost_from_average": "1",
            "num_class": str(groups if groups > 1 else 0),
            "num_feature": str(features),
            "num_target": "1",
        },
        "objective": about,
    }
    return json.dumps({"learner": learner, "version": [3, 2, 0]}).encode()


def _tree(number: int, split: tuple[int, float, float, float], features: int) -> dict[str, Any]:
    feature, threshold, left, right = split
    return {
        "base_weights": [0.0, left, right],
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [number % 2, 0, 0],
        "id": number,
        "left_children": [1, -1, -1],
        "loss_changes": [1.0, 0.0, 0.0],
        "parents": [2147483647, 0, 0],
        "right_children": [2, -1, -1],
        "split_conditions": [threshold, left, right],
        "split_indices": [feature, 0, 0],
        "split_type": [0, 0, 0],
        "sum_hessian": [2.0, 1.0, 1.0],
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": "3",
            "size_leaf_vector": "1",
        },
    }


def hostile_asked() -> Iterator[Asked]:
    """Whatever can count as missing, as both packages take it."""
    for missing in (math.nan, 0.0, -1.1, math.inf):
        yield Asked(PYTHON, missing, rounds=(0, 1))
        yield Asked(JAVA, missing)
    yield Asked(JAVA, absent_missing=True)
    yield Asked(PYTHON, rounds=(1, 2))
