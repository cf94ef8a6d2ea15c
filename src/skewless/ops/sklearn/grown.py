"""scikit-learn's decision trees: how they are kept, and their lines in a bundle.

Trees other than those of histograms compare 32-bit features with a threshold of 64 bits. Rounding is monotonic, so
the same rows go left when the feature as it is, is compared with the largest double that still rounds to the left.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import ArtifactError
from skewless.native.forest import Branches
from skewless.ops.trees import Lines
from skewless.ops.walks import Walks
from skewless.spec import Model

FILE: Final = "trees.json"
"""The side file, one JSON object a tree."""
MOST_CATEGORIES: Final = 256
LARGEST: Final = 3.4028235677973362e38
"""The largest double that is finite as a 32-bit float."""

Categories: TypeAlias = tuple[frozenset[float], frozenset[float]]
"""Those that go left, and all that are known."""


@dataclass(frozen=True)
class Grown:
    """Nodes in pre-order: a node, what is left of it, what is right of it.

    ``feature`` is -1 for a leaf; ``values`` has what each node holds, which counts for leaves; ``missing_left`` says
    where NaN and unknown categories go. ``categories`` has the nodes that decide by a set.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    right: tuple[int, ...]
    missing_left: tuple[bool, ...]
    values: tuple[tuple[float, ...], ...]
    categories: Mapping[int, Categories]

    def branches(self) -> Branches:
        """The tree as the kernels take it."""
        feature = np.array(self.feature, np.int64)
        nodes = np.arange(len(feature))
        return Branches(
            feature,
            np.array(self.threshold, np.float64),
            np.where(feature < 0, 0, nodes + 1),
            np.array(self.right, np.int64),
            np.array(self.missing_left, np.bool_),
            nodes,
            np.array(self.values, np.float64),
            {node: self._flags(node) for node in self.categories},
            cut=True,
        )

    def _flags(self, node: int) -> list[bool]:
        """Which categories go left, a number being cut to eight bits; unknown ones go where NaN does."""
        (lefts, known), missing = self.categories[node], self.missing_left[node]
        categories = map(float, range(MOST_CATEGORIES))
        return [*(one in lefts or (one not in known and missing) for one in categories), missing]


def walks_of(
    trees: Sequence[Grown], features: int, *, outputs: int = 1, places: Sequence[int] | None = None
) -> Walks:
    """The trees on so many features, ready to be walked."""
    return Walks([tree.branches() for tree in trees], features, outputs=outputs, places=places)


def narrow_threshold(threshold: float) -> float:
    """The largest double that is no larger than the threshold once it is rounded to 32 bits."""
    with np.errstate(over="ignore"):
        below = np.float32(threshold)
    if float(below) > threshold:
        below = np.nextafter(below, np.float32(-np.inf))
    if not np.isfinite(below):
        return float(below)
    with np.errstate(over="ignore"):
        above = np.nextafter(below, np.float32(np.inf))
    if not np.isfinite(above):
        return LARGEST
    middle = (float(below) + float(above)) / 2.0
    # A tie rounds to the even one of the two.
    return middle if not int(below.view(np.int32)) & 1 else math.nextafter(middle, -math.inf)


def of_tree(tree: Any, held: Any = None, columns: Sequence[int] | None = None) -> Grown:
    """An estimator's ``tree_`` of one output.

    Its nodes hold ``held`` (nodes by numbers) instead of its own values where that is given; its features are
    ``columns`` of the input, where these are not all of it.
    """
    values = tree.value[:, 0, :] if held is None else held
    missing = np.asarray(tree.missing_go_to_left, np.bool_)
    nodes = _Nodes(tree.children_left, tree.children_right)
    feature, threshold = [], []
    for node in nodes.order:
        leaf = tree.children_left[node] < 0
        own = int(tree.feature[node])
        feature.append(-1 if leaf else own if columns is None else int(columns[own]))
        threshold.append(0.0 if leaf else narrow_threshold(float(tree.threshold[node])))
    missing_left = tuple(bool(missing[node]) for node in nodes.order)
    kept = tuple(tuple(values[node].tolist()) for node in nodes.order)
    return Grown(tuple(feature), tuple(threshold), nodes.right, missing_left, kept, {})


def of_histogram(
    nodes: Any, left_bitsets: Any, known: Mapping[int, frozenset[float]], columns: Sequence[int]
) -> Grown:
    """A tree of histogram boosting, whose features are ``columns`` of the input, with the known categories of each."""
    order = _Nodes(
        np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.int64)), nodes["right"].astype(np.int64)
    )
    feature, threshold, values = [], [], []
    categories: dict[int, Categories] = {}
    for place, node in enumerate(order.order):
        leaf = bool(nodes["is_leaf"][node])
        feature.append(-1 if leaf else columns[int(nodes["feature_idx"][node])])
        threshold.append(0.0 if leaf else float(nodes["num_threshold"][node]))
        values.append((float(nodes["value"][node]),))
        if not leaf and nodes["is_categorical"][node]:
            threshold[-1] = 0.0
            lefts = _members(left_bitsets[int(nodes["bitset_idx"][node])])
            categories[place] = (lefts, known[int(nodes["feature_idx"][node])])
    missing = tuple(bool(nodes["missing_go_to_left"][node]) for node in order.order)
    return Grown(tuple(feature), tuple(threshold), order.right, missing, tuple(values), categories)


def _members(bitset: Any) -> frozenset[float]:
    """The numbers whose bits are set in words of 32."""
    return frozenset(
        float(32 * word + bit)
        for word, bits in enumerate(bitset.tolist())
        for bit in range(32)
        if bits >> bit & 1
    )


class _Nodes:
    """The nodes of a tree in pre-order, and where each one's right child stands then."""

    def __init__(self, left: Any, right: Any) -> None:
        self.order: list[int] = []
        made: list[int] = []
        waiting: list[tuple[int, int]] = [(0, -1)]
        while waiting:
            node, parent = waiting.pop()
            if parent >= 0:
                made[parent] = len(self.order)
            if left[node] >= 0:
                waiting += [(int(right[node]), len(self.order)), (int(left[node]), -1)]
            self.order.append(node)
            made.append(-1)
        self.right = tuple(made)


def write(trees: Sequence[Grown]) -> bytes:
    """The side file of some trees."""
    lines = []
    for tree in trees:
        document: dict[str, Any] = {
            "feature": tree.feature,
            "threshold": tree.threshold,
            "missing_left": [node for node, left in enumerate(tree.missing_left) if left],
            "values": tree.values,
        }
        if tree.categories:
            document["categories"] = [
                [node, sorted(lefts), sorted(known)] for node, (lefts, known) in tree.categories.items()
            ]
        lines.append(json.dumps(document, separators=(",", ":")) + "\n")
    return "".join(lines).encode()


def read(model: Model, features: int, width: int) -> tuple[Grown, ...]:
    """The trees of a model on so many features, whose leaves hold ``width`` numbers. ArtifactError names the line."""
    place = Lines(model.attributes, FILE)
    if FILE not in model.files:
        raise place.error(None, "is missing")
    trees = tuple(
        _read(number, line, features, width, place) for number, line in place.read(model.files[FILE])
    )
    if not trees:
        raise place.error(None, "holds no tree")
    return trees


def _read(number: int, line: Mapping[str, Any], features: int, width: int, place: Lines) -> Grown:
    feature = _list(number, line, "feature", place)
    threshold = place.numbers(number, line, "threshold", len(feature))
    for index in feature:
        if isinstance(index, bool) or not isinstance(index, int) or not -1 <= index < features:
            raise place.error(number, f"looks at feature {index!r} of vectors with {features}")
    right = _right([index < 0 for index in feature], number, place)
    rows = _list(number, line, "values", place)
    if len(rows) != len(feature):
        raise place.error(number, f"has {len(rows)} values for {len(feature)} nodes")
    values = tuple(place.numbers(number, {"values": row}, "values", width) for row in rows)
    missing = place.numbers(number, line, "missing_left", None)
    sets = line.get("categories", [])
    if not isinstance(sets, list) or not all(isinstance(item, list) and len(item) == 3 for item in sets):
        raise place.error(number, "has categories that are no lists of node, left and known ones")
    categories = dict(_categories(number, item, len(feature), place) for item in sets)
    lefts = set(missing)
    return Grown(
        tuple(feature),
        threshold,
        right,
        tuple(node in lefts for node in range(len(feature))),
        values,
        categories,
    )


def _categories(number: int, item: Sequence[Any], nodes: int, place: Lines) -> tuple[int, Categories]:
    node, lefts, known = item
    if isinstance(node, bool) or not isinstance(node, int) or not 0 <= node < nodes:
        raise place.error(number, f"has categories of a node {node!r}, which it has not")
    sets = [
        frozenset(place.numbers(number, {"categories": part}, "categories", None)) for part in (lefts, known)
    ]
    if not (sets[0] | sets[1]).issubset(map(float, range(MOST_CATEGORIES))):
        raise place.error(number, f"has categories of node {node} that are not among {MOST_CATEGORIES}")
    return node, (sets[0], sets[1])


def _list(number: int, line: Mapping[str, Any], key: str, place: Lines) -> list[Any]:
    found = line.get(key)
    if not isinstance(found, list):
        raise place.error(number, f"has no list {key!r}")
    return found


def _right(is_leaf: Sequence[bool], number: int, place: Lines) -> tuple[int, ...]:
    """The right children of nodes in pre-order."""
    right = [-1] * len(is_leaf)
    waiting: list[int] = []
    for node, leaf in enumerate(is_leaf):
        if node and is_leaf[node - 1]:
            if not waiting:
                raise _incomplete(number, place)
            right[waiting.pop()] = node
        if not leaf:
            waiting.append(node)
    if not is_leaf or waiting or not is_leaf[-1]:
        raise _incomplete(number, place)
    return tuple(right)


def _incomplete(number: int, place: Lines) -> ArtifactError:
    return place.error(number, "is no complete tree in pre-order")


def example_trees(width: int, *, categories: bool = False, shift: float = 0.0) -> Grown:
    """A tree on three features for examples, whose leaves hold ``width`` numbers."""
    values = [tuple(float(node * 3 + slot) / 7 - shift for slot in range(width)) for node in range(7)]
    sets: dict[int, Categories] = (
        {4: (frozenset((1.0, 3.0)), frozenset((0.0, 1.0, 3.0)))} if categories else {}
    )
    return Grown(
        (1, 0, -1, -1, 2, -1, -1),
        (narrow_threshold(0.1), narrow_threshold(-0.0), 0.0, 0.0, 0.0 if sets else math.inf, 0.0, 0.0),
        (4, 3, -1, -1, 6, -1, -1),
        (False, True, False, False, True, False, False),
        tuple(values),
        sets,
    )
