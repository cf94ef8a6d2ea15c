"""XGBoost's old binary model format, which xgboost below 3.1 wrote, as a document of its current one.

The format is a copy of the library's structures in memory, little-endian: the learner's parameters, two names, the
booster with its trees, and attributes. It has no mark of its own in the oldest form, so that a file is recognised by
making sense to its end. Source of the layout: XGBoost's sources before 3.1 (learner, gbtree, dart, gblinear, tree).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from skewless.boosters.booster_model import MOST_FEATURES, MOST_GROUPS
from skewless.boosters.documents import Unsound

_LEARNER: Final = np.dtype(
    [
        ("base_score", "<f4"),
        ("num_feature", "<u4"),
        ("num_class", "<i4"),
        ("attributes", "<i4"),
        ("metrics", "<i4"),
        ("major", "<u4"),
        ("minor", "<u4"),
        ("num_target", "<u4"),
        ("reserved", "<i4", 26),
    ]
)
_TREES: Final = np.dtype(
    [
        ("num_trees", "<i4"),
        ("num_parallel_tree", "<i4"),
        ("num_feature", "<i4"),
        ("padding", "<i4"),
        ("num_pbuffer", "<i8"),
        ("num_output_group", "<i4"),
        ("size_leaf_vector", "<i4"),
        ("reserved", "<i4", 32),
    ]
)
_TREE: Final = np.dtype(
    [
        ("num_roots", "<i4"),
        ("num_nodes", "<i4"),
        ("num_deleted", "<i4"),
        ("max_depth", "<i4"),
        ("num_feature", "<u4"),
        ("size_leaf_vector", "<i4"),
        ("reserved", "<i4", 31),
    ]
)
_NODE: Final = np.dtype(
    [("parent", "<u4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")]
)
_STATISTICS: Final = np.dtype([("loss", "<f4"), ("hessian", "<f4"), ("weight", "<f4"), ("leaves", "<i4")])
_LINEAR: Final = np.dtype([("num_feature", "<u4"), ("num_output_group", "<i4"), ("reserved", "<i4", 32)])

_LONGEST_NAME: Final = 64
_LOW: Final = 0x7FFFFFFF
"""Of a node's parent and split: the highest bit says which child it is, and where missing values go."""
_OURS: Final = ("SAVED_PARAM_", "count_poisson_max_delta_step")
"""Attributes in which the library kept parameters of training."""

_RANKING: Final = {
    "lambdarank_bias_norm": "1",
    "lambdarank_normalization": "1",
    "lambdarank_num_pair_per_sample": "4294967295",
    "lambdarank_pair_method": "topk",
    "lambdarank_score_normalization": "1",
    "lambdarank_unbiased": "0",
    "ndcg_exp_gain": "1",
}
_REGRESSION: Final = {"reg_loss_param": {"scale_pos_weight": "1"}}
OBJECTIVES: Final[Mapping[str, Mapping[str, Any]]] = {
    "reg:squarederror": _REGRESSION,
    "reg:squaredlogerror": {},
    "reg:logistic": _REGRESSION,
    "reg:pseudohubererror": {"pseudo_huber_param": {"huber_slope": "1"}},
    "reg:absoluteerror": {},
    "reg:gamma": {},
    "reg:tweedie": {"tweedie_regression_param": {"tweedie_variance_power": "1.5"}},
    "binary:logistic": _REGRESSION,
    "binary:logitraw": _REGRESSION,
    "binary:hinge": {},
    "count:poisson": {"poisson_regression_param": {"max_delta_step": "0.7"}},
    "rank:pairwise": {"lambdarank_param": _RANKING},
    "rank:ndcg": {"lambdarank_param": _RANKING},
    "rank:map": {"lambdarank_param": _RANKING},
    "survival:cox": {},
    "survival:aft": {
        "aft_loss_param": {"aft_loss_distribution": "normal", "aft_loss_distribution_scale": "1"}
    },
    "multi:softmax": {"softmax_multiclass_param": {}},
    "multi:softprob": {"softmax_multiclass_param": {}},
}
"""What the current format has of each objective; these parameters are for training, and predictions ignore them."""
_RENAMED: Final = {"reg:linear": "reg:squarederror"}

_LOGISTIC: Final = frozenset({"reg:logistic", "binary:logistic"})
_RAW: Final = "binary:logitraw"
_EXPONENTIAL: Final = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"})


def document(data: bytes) -> dict[str, Any]:
    """A model file as the document that the current library reads. Unsound says what is wrong with it."""
    reader = _Reader(data[4:] if data[:4] == b"binf" else data)
    param = reader.record(_LEARNER)
    objective, kind = reader.name(), reader.name()
    objective = _RENAMED.get(objective.removeprefix("gpu:"), objective.removeprefix("gpu:"))
    if objective not in OBJECTIVES or kind not in _BOOSTERS:
        raise Unsound(f"its objective is {objective!r} and its booster {kind!r}, which are not known here")
    features, classes = int(param["num_feature"]), int(param["num_class"])
    if not 0 < features <= MOST_FEATURES or not 0 <= classes <= MOST_GROUPS:
        raise Unsound(f"it has {features} features and {classes} classes")
    booster = _BOOSTERS[kind](reader, features)
    attributes = reader.attributes() if param["attributes"] else {}
    about: dict[str, Any] = dict(OBJECTIVES[objective])
    if "softmax_multiclass_param" in about:
        about = {"softmax_multiclass_param": {"num_class": str(classes)}}
    learner = {
        "attributes": {name: text for name, text in attributes.items() if not name.startswith(_OURS)},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {"name": kind, **booster},
        "learner_model_param": {
            "base_score": _base_score(param, objective),
            "boost_from_average": "0",
            "num_class": str(classes),
            "num_feature": str(features),
            "num_target": "1",
        },
        "objective": {"name": objective, **about},
    }
    if int(param["num_target"]) > 1 and int(param["major"]):
        raise Unsound("it has several targets, which the old format cannot tell")
    return {"learner": learner, "version": [2, 1, 0]}


def _base_score(param: Any, objective: str) -> str:
    """As a prediction. Before XGBoost 1.0 it was kept as a margin, so that its inverse is what the library needs.

    Of raw scores it is a margin today, and was a probability from 1.0 to 1.2.
    """
    score = np.float32(param["base_score"])
    if not np.isfinite(score):
        raise Unsound(f"its base_score is {score}")
    margin, version = float(score), (int(param["major"]), int(param["minor"]))
    if version < (1, 0):
        try:
            if objective in _LOGISTIC:
                score = np.float32(1 / (1 + math.exp(-margin)))
            elif objective in _EXPONENTIAL:
                score = np.float32(math.exp(margin))
        except OverflowError:
            raise Unsound(f"its base_score is {margin}") from None
    elif version < (1, 3) and objective == _RAW:
        if not 0 < margin < 1:
            raise Unsound(f"its base_score is {margin}")
        score = np.float32(-math.log(1 / margin - 1))
    return str(score)


class _Reader:
    """Takes structures off the file one after the other; nothing is allocated that the file does not itself hold."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def records(self, kind: np.dtype[Any], count: int) -> Any:
        size = kind.itemsize * count
        if not 0 <= size <= len(self.data) - self.at:
            raise Unsound("it ends early")
        self.at += size
        return np.frombuffer(self.data, kind, count, self.at - size)

    def record(self, kind: np.dtype[Any]) -> Any:
        return self.records(kind, 1)[0]

    def count(self) -> int:
        """A length; more than the file has bytes is refused by whatever is read next."""
        found = int(self.record(np.dtype("<u8")))
        return min(found, len(self.data) + 1)

    def text(self) -> str:
        try:
            return bytes(self.records(np.dtype("u1"), self.count())).decode()
        except UnicodeDecodeError:
            raise Unsound(f"the text before byte {self.at} is not UTF-8") from None

    def name(self) -> str:
        made = self.text()
        if not made or len(made) > _LONGEST_NAME or not made.isprintable():
            raise Unsound(f"there is no name at byte {self.at}")
        return made

    def attributes(self) -> dict[str, str]:
        made: dict[str, str] = {}
        for _ in range(self.count()):
            name = self.text()
            made[name] = self.text()
        return made


def _gbtree(reader: _Reader, features: int) -> dict[str, Any]:
    param = reader.record(_TREES)
    count = int(param["num_trees"])
    if count < 0:
        raise Unsound(f"it has {count} trees")
    trees = []
    for number in range(count):
        try:
            trees.append({**_tree(reader, features), "id": number})
        except Unsound as unsound:
            raise Unsound(f"tree {number}: {unsound}") from None
    info = reader.records(np.dtype("<i4"), count).tolist()
    # Before XGBoost 1.0 this was the number of roots, which was always 1 in models that it could train.
    parallel = max(int(param["num_parallel_tree"]), 1)
    about = {"num_parallel_tree": str(parallel), "num_trees": str(count)}
    return {"model": {"gbtree_model_param": about, "tree_info": info, "trees": trees}}


def _dart(reader: _Reader, features: int) -> dict[str, Any]:
    trees = _gbtree(reader, features)
    empty = not trees["model"]["trees"]
    weights = reader.records(np.dtype("<f4"), 0 if empty else reader.count()).tolist()
    return {"gbtree": {"name": "gbtree", **trees}, "weight_drop": weights}


def _linear(reader: _Reader, _: int) -> dict[str, Any]:
    reader.record(_LINEAR)
    weights = reader.records(np.dtype("<f4"), reader.count())
    return {"model": {"boosted_rounds": 0, "weights": weights}}


_BOOSTERS: Final[Mapping[str, Callable[[_Reader, int], dict[str, Any]]]] = {
    "gbtree": _gbtree,
    "dart": _dart,
    "gblinear": _linear,
}


def _tree(reader: _Reader, features: int) -> dict[str, Any]:
    param = reader.record(_TREE)
    count = int(param["num_nodes"])
    if int(param["size_leaf_vector"]) > 1 or int(param["num_roots"]) != 1 or count < 1:
        raise Unsound("it is no tree with one root and one value a leaf")
    nodes, statistics = reader.records(_NODE, count), reader.records(_STATISTICS, count)
    none = np.zeros(0, np.int32)
    return {
        "base_weights": statistics["weight"],
        "categories": none,
        "categories_nodes": none,
        "categories_segments": none.astype(np.int64),
        "categories_sizes": none.astype(np.int64),
        "default_left": (nodes["split"] >> 31).astype(np.uint8),
        "left_children": nodes["left"],
        "loss_changes": statistics["loss"],
        "parents": _parents(nodes["parent"]),
        "right_children": nodes["right"],
        "split_conditions": nodes["value"],
        "split_indices": (nodes["split"] & _LOW).astype(np.int32),
        "split_type": np.zeros(count, np.uint8),
        "sum_hessian": statistics["hessian"],
        "tree_param": {
            "num_deleted": str(int(param["num_deleted"])),
            "num_feature": str(features),
            "num_nodes": str(count),
            "size_leaf_vector": "1",
        },
    }


def _parents(parents: Any) -> Any:
    """Without the bit for the left child; the root's is all bits."""
    return np.where(parents == 0xFFFFFFFF, _LOW, parents & _LOW).astype(np.int32)
