"""XGBoost model files checked in Python, before the native library sees a byte of them.

The library trusts a file: a child index out of range makes it read foreign memory, an empty file ends the process.
Here whatever prediction follows blindly in a file's document is proven sound. Nothing is unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np

from skewless.boosters.documents import Unsound, read
from skewless.errors import ArtifactError, UnsupportedError

Node: TypeAlias = Mapping[str, Any]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

MOST_FEATURES: Final = 1 << 24
MOST_GROUPS: Final = 1 << 16
DEEPEST_TREE: Final = 4096
"""The library walks a tree recursively; so deep a one would come near the end of a thread's stack."""
MOST_CATEGORIES: Final = 1 << 24

_LEAF: Final = -1
_RESAVE: Final = (
    "Load it where it was made, and write it with "
    'booster.save_model("xgboost-model.json"); then put that file into the archive as {}.'
)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a sound model file says about itself. ``groups`` is the number of values it predicts for a row.

    ``parallel`` trees are trained in one round; ``best_round``, counted from 0, is where early stopping found the best.
    ``pickled`` tells that it came in a Python pickle, and ``limit`` how many trees of a class its writer had count (0
    for all).
    """

    booster: str
    objective: str
    features: int
    groups: int
    trees: int
    parallel: int = 1
    best_round: int | None = None
    pickled: bool = False
    limit: int = 0


def check(data: bytes, *, artifact: str | None = None, file: str | None = None) -> ModelFacts:
    """The facts of a model file in the current format that is safe to load; errors as of `checked`."""
    return checked(data, artifact=artifact, file=file)[0]


def checked(data: bytes, *, artifact: str | None = None, file: str | None = None) -> tuple[ModelFacts, Node]:
    """The facts of a model file in the current format that is safe to load, and its learner: what proved sound.

    ArtifactError says what is wrong with it; UnsupportedError names what this version cannot serve.
    """
    with damaged(artifact, file):
        document = read(data)
        return _facts(document), document["learner"]


@contextmanager
def damaged(artifact: str | None, file: str | None) -> Iterator[None]:
    """What is found unsound within, as an ArtifactError that names the file."""
    try:
        yield
    except Unsound as unsound:
        raise ArtifactError(
            f"this XGBoost model is damaged: {unsound}" if not unsound.foreign else str(unsound),
            artifact=artifact,
            file=file,
            hint="Copy it again from where it was trained, or train it again."
            if not unsound.foreign
            else _RESAVE.format(file or "xgboost-model"),
        ) from None


def _facts(document: Any) -> ModelFacts:
    learner = _object(document, "learner")
    param = _object(learner, "learner_model_param")
    features = _integer(param, "num_feature", most=MOST_FEATURES)
    classes = _integer(param, "num_class", most=MOST_GROUPS)
    targets = _integer(param, "num_target", most=MOST_GROUPS, absent=1)
    groups = max(classes, targets, 1)
    if features < 1:
        raise Unsound("it has no features")
    _check_base_score(param, groups)
    objective = _object(learner, "objective")
    softmax = "softmax_multiclass_param"
    if softmax in objective and _integer(_object(objective, softmax), "num_class") != classes:
        raise Unsound("its objective is for another number of classes")
    booster = _object(learner, "gradient_booster")
    kind = _text(booster, "name")
    if kind not in _BOOSTERS:
        raise Unsound(f"it is of an unknown kind, {kind!r}")
    trees = _BOOSTERS[kind](booster, features, groups)
    return ModelFacts(
        kind,
        _text(objective, "name"),
        features,
        groups,
        trees,
        _parallel(kind, booster),
        _best_round(learner),
    )


def _parallel(kind: str, booster: Node) -> int:
    if kind == "gblinear":
        return 1
    model = _object(_object(booster, "gbtree") if kind == "dart" else booster, "model")
    return max(_integer(_object(model, "gbtree_model_param"), "num_parallel_tree", absent=1), 1)


def _best_round(learner: Node) -> int | None:
    """Anybody may set an attribute, so that one which is no round is nobody's."""
    attributes = learner.get("attributes")
    found = attributes.get("best_iteration") if isinstance(attributes, dict) else None
    return int(found) if isinstance(found, str) and re.fullmatch(r"\d{1,9}", found, re.ASCII) else None


def _check_base_score(param: Node, groups: int) -> None:
    text = _text(param, "base_score")
    numbers = text.removeprefix("[").removesuffix("]").split(",")
    if len(numbers) not in (1, groups) or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise Unsound(f"its base_score is {text[:80]!r}")


_NUMBER: Final = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)


def _check_linear(booster: Node, features: int, groups: int) -> int:
    weights = _array(_object(booster, "model"), "weights")
    if len(weights) != (features + 1) * groups:
        raise Unsound(f"it has {len(weights)} weights for {features} features")
    return 0


def _check_dart(booster: Node, features: int, groups: int) -> int:
    trees = _check_gbtree(_object(booster, "gbtree"), features, groups)
    if len(_array(booster, "weight_drop")) != trees:
        raise Unsound("it does not have one weight for each tree")
    return trees


def _check_gbtree(booster: Node, features: int, groups: int) -> int:
    model = _object(booster, "model")
    param = _object(model, "gbtree_model_param")
    count = _integer(param, "num_trees")
    _integer(param, "num_parallel_tree", absent=1)
    trees = model.get("trees")
    if not isinstance(trees, list) or len(trees) != count:
        raise Unsound(f"it does not hold the {count} trees it speaks of")
    info = _integers(model, "tree_info", count)
    width = _leaf_width(trees[0]) if count else 1
    if count and (groups // width > count or _outside(info, 0, groups // width) or width not in (1, groups)):
        raise Unsound("its trees do not belong to its classes")
    ids = [tree.get("id") if isinstance(tree, dict) else None for tree in trees]
    if sorted(id_ for id_ in ids if type(id_) is int) != list(range(count)):
        raise Unsound("its trees are not numbered one after the other")
    if "iteration_indptr" in model:
        rounds = _integers(model, "iteration_indptr")
        sound = len(rounds) and rounds[0] == 0 and rounds[-1] == count and not (np.diff(rounds) < 0).any()
        if not sound:
            raise Unsound("its rounds do not divide its trees")
    for number, tree in enumerate(trees):
        try:
            _check_tree(tree, features, width)
        except Unsound as unsound:
            raise Unsound(f"tree {number}: {unsound}") from None
    return count


_BOOSTERS: Final[Mapping[str, Callable[[Node, int, int], int]]] = {
    "gbtree": _check_gbtree,
    "dart": _check_dart,
    "gblinear": _check_linear,
}


def _leaf_width(tree: Any) -> int:
    """How many values a leaf holds."""
    return max(_integer(_object(tree, "tree_param"), "size_leaf_vector", most=MOST_GROUPS, absent=0), 1)


def _check_tree(tree: Node, features: int, width: int) -> None:
    param = _object(tree, "tree_param")
    if _leaf_width(tree) != width:
        raise Unsound("its leaves hold another number of values than those of the first tree")
    if _integer(param, "num_feature", absent=features) not in (0, features):
        raise Unsound("it is for another number of features")
    nodes = _integer(param, "num_nodes")
    if nodes < 1:
        raise Unsound("it has no nodes")
    for name in ("split_conditions", "loss_changes", "sum_hessian", "default_left"):
        if len(_numbers(tree, name)) != nodes:
            raise Unsound(f"{name} is not one for each node")
    if len(_numbers(tree, "base_weights")) != nodes * width:
        raise Unsound("base_weights is not one for each node")
    parents = _integers(tree, "parents", nodes)
    if _outside(parents[1:], 0, nodes):
        raise Unsound("a node's parent does not exist")
    left, right = _integers(tree, "left_children", nodes), _integers(tree, "right_children", nodes)
    if width > 1:
        right = _without_leaves(tree, left, right, width)
    splits = _splits(left, right)
    if _outside(_integers(tree, "split_indices", nodes)[splits], 0, features):
        raise Unsound("a split is on a feature that does not exist")
    _check_categories(tree, nodes, splits)


def _without_leaves(tree: Node, left: Integers, right: Integers, width: int) -> Integers:
    """The right children of a tree whose leaves hold several values: in place of a leaf's stands where these are."""
    if "leaf_weights" not in tree:
        raise UnsupportedError(
            "trees whose leaves hold several values are served in the form of XGBoost 3.2 only",
            hint="Load the model with xgboost 3.2 and save it again.",
        )
    leaves, rest = divmod(len(_array(tree, "leaf_weights")), width)
    if rest or _outside(right[left == _LEAF], 0, leaves):
        raise Unsound("a leaf's values do not exist")
    return np.where(left == _LEAF, _LEAF, right)


def _splits(left: Integers, right: Integers) -> Integers:
    """The inner nodes, at least all that lead down from the root; each is met once, so that every walk ends in a leaf.

    Where every node but the root has one parent, a walk from there meets none twice: no levels need be told apart.
    """
    nodes = len(left)
    splits = np.flatnonzero(left != _LEAF)
    if nodes <= 2 * DEEPEST_TREE and 2 * len(splits) + 1 == nodes:
        children = np.concatenate((left[splits], right[splits]))
        if not _outside(children, 1, nodes) and not (np.bincount(children, minlength=nodes) > 1).any():
            if (right[left == _LEAF] != _LEAF).any():
                raise Unsound("a node has one child only")
            return splits
    return _reachable_splits(left, right)


def _reachable_splits(left: Integers, right: Integers) -> Integers:
    """The inner nodes that lead down from the root, level by level."""
    nodes = len(left)
    met = np.zeros(nodes, np.bool_)
    level = np.zeros(1, np.int64)
    splits: list[Integers] = []
    for _ in range(DEEPEST_TREE):
        inner = level[left[level] != _LEAF]
        if (right[level[left[level] == _LEAF]] != _LEAF).any():
            raise Unsound("a node has one child only")
        if not len(inner):
            return np.concatenate(splits) if splits else inner
        splits.append(inner)
        level = np.concatenate((left[inner], right[inner]))
        if _outside(level, 1, nodes):
            raise Unsound("a node's child does not exist")
        ordered = np.sort(level)  # np.unique would import numpy.ma, for its own reasons
        if met[level].any() or (ordered[1:] == ordered[:-1]).any():
            raise Unsound("a node has two parents")
        met[level] = True
    raise Unsound(f"it is more than {DEEPEST_TREE} levels deep")


def _check_categories(tree: Node, nodes: int, splits: Integers) -> None:
    """Splits by category; models from before XGBoost 1.3 know none."""
    if "split_type" not in tree:
        return
    kinds = _integers(tree, "split_type")
    if len(kinds) not in (0, nodes) or _outside(kinds, 0, 2):
        raise Unsound("split_type is not one for each node")
    categories = _integers(tree, "categories")
    owners = _integers(tree, "categories_nodes")
    starts = _integers(tree, "categories_segments", len(owners))
    sizes = _integers(tree, "categories_sizes", len(owners))
    if _outside(categories, 0, MOST_CATEGORIES):
        raise Unsound("a category is out of range")
    if _outside(owners, 0, nodes) or (np.diff(owners) <= 0).any():
        raise Unsound("categories belong to a node that does not exist")
    total = len(categories)
    if _outside(starts, 0, total) or _outside(sizes, 1, total + 1) or (starts + sizes > total).any():
        raise Unsound("a split's categories do not exist")
    wanted = splits[kinds[splits] == 1] if len(kinds) else splits[:0]
    if not np.isin(wanted, owners).all():
        raise Unsound("a split by category has no categories")


def _outside(values: Integers, low: int, high: int) -> bool:
    return bool(((values < low) | (values >= high)).any())


def _wrong(name: str, what: str) -> NoReturn:
    raise Unsound(f"{name} is missing or no {what}")


def _object(holder: Any, name: str) -> Node:
    found = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(found, dict):
        _wrong(name, "object")
    return found


def _text(holder: Node, name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str):
        _wrong(name, "text")
    return found


def _integer(holder: Node, name: str, *, most: int = (1 << 31) - 1, absent: int | None = None) -> int:
    """A parameter: XGBoost writes these as text."""
    found = holder.get(name)
    if found is None and absent is not None:
        return absent
    if not isinstance(found, str) or not re.fullmatch(r"\d{1,10}", found, re.ASCII):
        _wrong(name, "whole number in text")
    if int(found) > most:
        raise Unsound(f"{name} is {found}")
    return int(found)


def _array(holder: Any, name: str) -> list[Any] | Integers:
    found = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(found, list | np.ndarray):
        _wrong(name, "array")
    return found


def _integers(holder: Node, name: str, count: int | None = None) -> Integers:
    found = _array(holder, name)
    made = _plain(found) if len(found) else np.zeros(0, np.int64)
    if made is None or made.dtype.kind not in "iub":
        _wrong(name, "array of whole numbers")
    if count is not None and len(made) != count:
        raise Unsound(f"{name} has {len(made)} elements where {count} are expected")
    return made.astype(np.int64)


def _numbers(holder: Node, name: str) -> np.ndarray[Any, Any]:
    made = _plain(_array(holder, name))
    if made is None or made.dtype.kind not in "iubf":
        _wrong(name, "array of numbers")
    return made


def _plain(found: list[Any] | Integers) -> np.ndarray[Any, Any] | None:
    """A list of values of one kind as an array; None where there are lists among them."""
    try:
        made = np.asarray(found)
    except ValueError:  # of lists of several lengths
        return None
    return made if made.ndim == 1 else None
