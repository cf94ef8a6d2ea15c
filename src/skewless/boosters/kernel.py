"""What of a model the compiled kernels take: forests with one number a leaf and thresholds only.

A model is left to XGBoost's library where anything about it is not as that library writes it, so that what it refuses
stays refused with its words. The file was proven sound before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from skewless.boosters import legacy
from skewless.boosters.booster_model import ModelFacts, Node
from skewless.boosters.library import Floats
from skewless.native.forest import MOST_FEATURES, Branches, Forest
from skewless.native.xgboost import (
    EXPONENTIAL,
    IDENTITY,
    LOGISTIC,
    SOFTMAX,
    SOFTPROB,
    TRANSFORMS,
    Asked,
    logarithm,
)

_OF_A_TREE: Final = frozenset(
    (
        *("base_weights", "categories", "categories_nodes", "categories_segments", "categories_sizes"),
        *("default_left", "left_children", "loss_changes", "parents", "right_children"),
        *("split_conditions", "split_indices", "sum_hessian"),
    )
)
_NO_CATEGORIES: Final[Mapping[str, Any]] = {"enc": [], "feature_segments": [], "sorted_idx": []}
_ONE: Final = np.float32(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A model's trees as the kernels hold them, and where a row's sums begin; ``rounds`` are places between trees."""

    forest: Forest
    start: Floats
    transform: int
    rounds: Sequence[int]

    def asked(self, *, margin: bool, missing: float, rounds: tuple[int, int]) -> Asked | None:
        """The prediction, or the ``margin`` before the objective's function; None for rounds that there are not."""
        first, last = rounds if rounds[1] else (rounds[0], len(self.rounds) - 1)
        if not 0 <= first < last < len(self.rounds) and (first, last) != (0, 0):
            return None
        transform = IDENTITY if margin else self.transform
        begin, end = self.rounds[first], self.rounds[last]
        return Asked(self.forest, self.start, transform, first=begin, last=end, missing=missing)


def kernel_of(learner: Node, facts: ModelFacts) -> Kernel | str:
    """The model as the kernels take it; else why they do not."""
    unusual = _unusual(learner, facts)
    if unusual:
        return unusual
    start = _start(learner, facts)
    if start is None:
        return "its base score"
    model = learner["gradient_booster"]["model"]
    # A tree's place is its number, wherever it stands; what class it is for goes by its place.
    trees = sorted(model["trees"], key=lambda tree: int(tree["id"]))
    forest = Forest(
        [_branches(tree) for tree in trees],
        facts.features,
        numbers=np.float32,
        inclusive=False,
        outputs=facts.groups,
        places=model["tree_info"],
    )
    return Kernel(forest, start, TRANSFORMS[facts.objective], _rounds(model, facts))


def _unusual(learner: Node, facts: ModelFacts) -> str:
    """What about the model is for the library, or an empty string."""
    if facts.booster != "gbtree":
        return facts.booster
    if facts.objective not in TRANSFORMS or not _is_written(learner["objective"], facts.objective):
        return facts.objective
    if TRANSFORMS[facts.objective] in (SOFTMAX, SOFTPROB) and facts.groups < 2:
        return "its one class"
    model = learner["gradient_booster"]["model"]
    if not isinstance(learner.get("attributes"), dict):
        return "its form"
    if not _has_arrays(model.get("cats", _NO_CATEGORIES), _NO_CATEGORIES):
        return "its form"
    for tree in model["trees"]:
        if not _has_arrays(tree, _OF_A_TREE):
            return "its form"
        if np.any(tree.get("split_type", 0)):
            return "splits by category"
        if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
            return "several numbers a leaf"
    return "" if facts.features < MOST_FEATURES else "its width"


def _has_arrays(holder: Any, names: Iterable[str]) -> bool:
    return isinstance(holder, Mapping) and all(
        isinstance(holder.get(name), list | np.ndarray) for name in names
    )


def _is_written(objective: Node, name: str) -> bool:
    """Whether an objective's own parameters are there, which the library insists on."""
    wanted = legacy.OBJECTIVES.get(name, {"quantile_loss_param": {}})
    return all(isinstance(objective.get(param), dict) for param in wanted)


def _start(learner: Node, facts: ModelFacts) -> Floats | None:
    """Where sums begin: the base score, which the file has as a prediction, as a margin; None where it has none."""
    text = learner["learner_model_param"]["base_score"].removeprefix("[").removesuffix("]")
    with np.errstate(over="ignore"):
        scores = np.array([float(number) for number in text.split(",")]).astype(np.float32)
    transform = TRANSFORMS[facts.objective]
    if not np.isfinite(scores).all():
        return None
    if transform == LOGISTIC:
        if not ((scores > 0) & (scores < 1)).all():
            return None
        scores = np.array([-logarithm(float(_ONE / score - _ONE)) for score in scores], np.float32)
    elif transform == EXPONENTIAL:
        if not (scores > 0).all():
            return None
        scores = np.array([logarithm(float(score)) for score in scores], np.float32)
    return np.ascontiguousarray(np.broadcast_to(scores, facts.groups))


def _rounds(model: Node, facts: ModelFacts) -> Sequence[int]:
    if "iteration_indptr" in model:
        return [int(place) for place in model["iteration_indptr"]]
    each = facts.parallel * facts.groups
    return [*range(0, facts.trees, each), facts.trees]


def _branches(tree: Node) -> Branches:
    """A tree of the file; its leaves go by the numbers of their nodes."""
    left = np.asarray(tree["left_children"], np.int64)
    is_leaf = left == -1
    with np.errstate(over="ignore"):
        conditions = np.asarray(tree["split_conditions"], np.float64).astype(np.float32)
    return Branches(
        feature=np.where(is_leaf, -1, np.asarray(tree["split_indices"], np.int64)),
        threshold=conditions,
        left=left,
        right=np.asarray(tree["right_children"], np.int64),
        missing_left=np.asarray(tree["default_left"]).astype(np.bool_),
        leaf=np.arange(len(left)),
        values=conditions.reshape(-1, 1),
    )
