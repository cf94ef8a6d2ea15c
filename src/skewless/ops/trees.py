"""Decision trees: how they are kept, their lines in a bundle, how Spark saves them, and the walk to a leaf.

Every op made of trees uses this one representation and these two walks; what leaves hold is the op's business.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from skewless.errors import ArtifactError, UnsupportedError
from skewless.ops.op import SparkStage
from skewless.spec import Attributes, Model
from skewless.table import Column, Numbers
from skewless.vectors import Csr, SparseVector, Vector

FILE: Final = "tree.json"
"""The side file, one JSON object a line; MLeap's runtimes before 0.23 called it nodes.json."""
_ODD: Final = "Export the pipeline again, or repair the file."


@dataclass(frozen=True, slots=True)
class Split:
    """How an inner node decides: a threshold, or a set of categories out of ``arity``.

    Left are values up to the threshold (NaN is right); or those in ``categories``, or not in them without ``is_left``.
    """

    feature: int
    threshold: float = 0.0
    categories: frozenset[float] | None = None
    is_left: bool = True
    arity: int = 0


@dataclass(frozen=True)
class Tree:
    """Nodes in pre-order: a node, what is left of it, what is right of it.

    ``splits`` has None for a leaf; ``right`` has the number of the right child (the left one follows its parent);
    ``values`` has what each leaf holds, from left to right.
    """

    splits: tuple[Split | None, ...]
    right: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]

    @property
    def features(self) -> set[int]:
        """The features it looks at."""
        return {split.feature for split in self.splits if split is not None}

    @cached_property
    def leaf(self) -> tuple[int, ...]:
        """The number of each leaf from left to right, -1 for an inner node."""
        leaves = iter(range(len(self.splits)))
        return tuple(next(leaves) if split is None else -1 for split in self.splits)

    @cached_property
    def arrays(self) -> _Arrays:
        """The same for whole batches."""
        return _Arrays.of(self)

    def walk(self, slot: Callable[[int], float]) -> int:
        """The leaf of one row, whose features ``slot`` gives."""
        node = 0
        splits = self.splits
        while (split := splits[node]) is not None:
            value = slot(split.feature)
            if split.categories is None:
                goes_left = value <= split.threshold
            else:
                goes_left = (value in split.categories) == split.is_left
            node = node + 1 if goes_left else self.right[node]
        return self.leaf[node]


def slots_of(row: Vector) -> Callable[[int], float]:
    """A row's slots by index."""
    if isinstance(row, SparseVector):
        stored = dict(zip(row.indices, row.values, strict=True))
        return lambda feature: stored.get(feature, 0.0)
    return row.__getitem__


@dataclass(frozen=True, slots=True, eq=False)
class _Arrays:
    feature: Numbers
    threshold: Numbers
    right: Numbers
    leaf: Numbers
    arity: Numbers
    """0 where the split is continuous."""
    offset: Numbers
    goes_left: Numbers
    """For each categorical node from its offset on: which category goes left; at last, what any other value does."""

    @classmethod
    def of(cls, tree: Tree) -> _Arrays:
        size = len(tree.splits)
        feature, arity, offset = (np.full(size, fill, np.int64) for fill in (-1, 0, 0))
        threshold = np.zeros(size)
        goes_left: list[bool] = []
        for node, split in enumerate(tree.splits):
            if split is None:
                continue
            feature[node], threshold[node] = split.feature, split.threshold
            if split.categories is not None:
                arity[node], offset[node] = split.arity, len(goes_left)
                goes_left += [(value in split.categories) == split.is_left for value in range(split.arity)]
                goes_left.append(not split.is_left)
        right, leaf = np.array(tree.right, np.int64), np.array(tree.leaf, np.int64)
        return cls(feature, threshold, right, leaf, arity, offset, np.array(goes_left, np.bool_))

    def decide(self, nodes: Numbers, values: Numbers) -> Numbers:
        """Which of these inner nodes go left with these values."""
        left: Numbers = values <= self.threshold[nodes]
        if len(self.goes_left):
            arity = self.arity[nodes]
            known = (values >= 0) & (values < arity) & (np.floor(values) == values)
            category = np.where(known, np.where(known, values, 0.0).astype(np.int64), arity)
            # A continuous node, whose arity is 0, is looked up too, and not taken.
            place = np.minimum(self.offset[nodes] + category, len(self.goes_left) - 1)
            left = np.where(arity > 0, self.goes_left[place], left)
        return left


class Slots:
    """Some features of a batch of vectors, which may be wide."""

    def __init__(self, column: Column, features: Iterable[int]) -> None:
        used = np.array(sorted(features), np.int64)
        self.rows = len(column)
        self._place = {int(feature): place for place, feature in enumerate(used)}
        if isinstance(column.values, Csr):
            self._slots = _columns(column.values, used)
        else:
            self._slots = column.values[:, used]

    def leaves(self, tree: Tree) -> Numbers:
        """The leaf of every row in a tree, all rows one level down at a time."""
        arrays = tree.arrays
        places = np.array([self._place.get(int(feature), 0) for feature in arrays.feature], np.int64)
        nodes = np.zeros(self.rows, np.int64)
        rows = np.arange(self.rows)
        while True:
            rows = rows[arrays.feature[nodes[rows]] >= 0]
            if not len(rows):
                leaves: Numbers = arrays.leaf[nodes]
                return leaves
            at = nodes[rows]
            left = arrays.decide(at, self._slots[rows, places[at]])
            nodes[rows] = np.where(left, at + 1, arrays.right[at])


def _columns(csr: Csr, used: Numbers) -> Numbers:
    """Some columns of sparse rows, dense."""
    slots = np.zeros((len(csr), len(used)))
    if len(used):
        place = np.minimum(np.searchsorted(used, csr.indices), len(used) - 1)
        stored = used[place] == csr.indices
        rows = np.repeat(np.arange(len(csr)), np.diff(csr.starts))
        slots[rows[stored], place[stored]] = csr.values[stored]
    return slots


# Lines of a bundle.


def write(tree: Tree) -> bytes:
    """The tree's side file."""
    leaves = iter(tree.values)
    lines = []
    for split in tree.splits:
        if split is None:
            line: dict[str, Any] = {"type": "leaf", "values": list(next(leaves))}
        else:
            line = {"type": "internal", "split": _split_line(split)}
        lines.append(json.dumps(line, separators=(",", ":")) + "\n")
    return "".join(lines).encode()


def _split_line(split: Split) -> dict[str, Any]:
    if split.categories is None:
        return {"type": "continuous", "featureIndex": split.feature, "threshold": split.threshold}
    return {
        "type": "categorical",
        "featureIndex": split.feature,
        "isLeft": split.is_left,
        "numCategories": split.arity,
        "categories": sorted(split.categories),
    }


def read(model: Model, features: int, width: int) -> Tree:
    """The tree of a model whose vectors have ``features`` slots and whose leaves hold ``width`` numbers.

    ArtifactError names file and line.
    """
    data = model.files.get(FILE)
    place = Lines(model.attributes, FILE)
    if data is None:
        raise place.error(None, "is missing")
    splits: list[Split | None] = []
    values: list[tuple[float, ...]] = []
    for number, line in place.read(data):
        kind = line.get("type")
        if kind == "leaf":
            splits.append(None)
            values.append(place.numbers(number, line, "values", width))
        elif kind == "internal" and isinstance(line.get("split"), dict):
            splits.append(_read_split(number, line["split"], features, place))
        else:
            raise place.error(number, "is neither a leaf nor an inner node with its split")
    return Tree(tuple(splits), _right([split is None for split in splits], place), tuple(values))


def _read_split(number: int, split: Mapping[str, Any], features: int, place: Lines) -> Split:
    feature = place.whole(number, split, "featureIndex")
    if not 0 <= feature < features:
        raise place.error(number, f"looks at feature {feature} of vectors with {features}")
    if split.get("type") == "continuous":
        if split.get("threshold", ...) is None:
            raise place.error(number, "has a threshold null, which MLeap writes for NaN and infinities alike")
        return Split(feature, place.number(number, split, "threshold"))
    if split.get("type") != "categorical" or not isinstance(split.get("isLeft"), bool):
        raise place.error(number, "is neither a continuous nor a categorical split")
    arity = place.whole(number, split, "numCategories")
    categories = place.numbers(number, split, "categories", None)
    # Bounded by the file's own size in a tree that something fitted; a made-up arity must not cost memory.
    if not 0 < arity <= 1 << 20:
        raise place.error(number, f"has {arity} categories")
    if not all(0 <= category < arity and category.is_integer() for category in categories):
        raise place.error(number, f"has a category that is not one of {arity}")
    return Split(feature, 0.0, frozenset(categories), bool(split["isLeft"]), arity)


def _right(is_leaf: Sequence[bool], place: Lines) -> tuple[int, ...]:
    """The right children of nodes in pre-order."""
    right = [-1] * len(is_leaf)
    waiting: list[int] = []
    for node, leaf in enumerate(is_leaf):
        if node and is_leaf[node - 1]:
            if not waiting:
                raise place.error(node + 1, "comes after the end of the tree")
            right[waiting.pop()] = node
        if not leaf:
            waiting.append(node)
    if not is_leaf or waiting:
        raise place.error(len(is_leaf) + 1, "is missing: the tree is not complete")
    return tuple(right)


class Lines:
    """A side file of JSON lines, read strictly; errors name file and line."""

    def __init__(self, attributes: Attributes, name: str) -> None:
        folder = (attributes.file or "").rpartition("/")[0]
        self.file = f"{folder}/{name}" if folder else name
        self.stage = attributes.stage

    def error(self, line: int | None, message: str) -> ArtifactError:
        """An error in a line, counted from 1, or of the whole file."""
        text = message if line is None else f"line {line} {message}"
        return ArtifactError(text, file=self.file, stage=self.stage, hint=_ODD)

    def read(self, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
        """The lines with their numbers."""
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                document = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise self.error(number, f"is not JSON ({error})") from None
            if not isinstance(document, dict):
                raise self.error(number, "is not a JSON object")
            yield number, document

    def number(self, line: int, document: Mapping[str, Any], key: str) -> float:
        """A number under a key; null stands for NaN."""
        value = document.get(key, ...)
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(line, f"has no number {key!r}")
        try:
            return float(value)
        except OverflowError:
            raise self.error(line, f"has a number {key!r} that is too large") from None

    def whole(self, line: int, document: Mapping[str, Any], key: str) -> int:
        """A whole number under a key."""
        value = self.number(line, document, key)
        if not value.is_integer():
            raise self.error(line, f"has no whole number {key!r}")
        return int(value)

    def numbers(
        self, line: int, document: Mapping[str, Any], key: str, width: int | None
    ) -> tuple[float, ...]:
        """A list of so many numbers (None is any number of them)."""
        found = document.get(key)
        if not isinstance(found, list) or (width is not None and len(found) != width):
            raise self.error(line, f"has no list {key!r}" + ("" if width is None else f" of {width} numbers"))
        return tuple(self.number(line, {key: item}, key) for item in found)


# What Spark saves.


def of_spark(
    stage: SparkStage, rows: Sequence[Mapping[str, Any]], width: int | None
) -> tuple[Tree, tuple[Mapping[str, Any], ...]]:
    """The tree of Spark's rows, and its leaves' rows; leaves hold ``width`` statistics, or for None the prediction."""
    by_id = {int(row["id"]): row for row in rows}
    splits: list[Split | None] = []
    right: list[int] = []
    leaves: list[Mapping[str, Any]] = []
    waiting: list[tuple[int, int | None]] = [(0, None)]
    while waiting:
        identity, parent = waiting.pop()
        row = by_id.pop(identity, None)
        if row is None:
            raise UnsupportedError(f"{stage}: node {identity} of a tree is missing", hint="Save it again.")
        if parent is not None:
            right[parent] = len(splits)
        if row["leftChild"] < 0:
            leaves.append(row)
            splits.append(None)
        else:
            waiting += [(row["rightChild"], len(splits)), (row["leftChild"], None)]
            splits.append(_spark_split(row["split"]))
        right.append(-1)
    values = [(row["prediction"],) if width is None else tuple(row["impurityStats"]) for row in leaves]
    return Tree(tuple(splits), tuple(right), tuple(values)), tuple(leaves)


def _spark_split(split: Mapping[str, Any]) -> Split:
    """Source: Spark's CategoricalSplit, which keeps the side of at most half the categories."""
    feature, arity = int(split["featureIndex"]), int(split["numCategories"])
    given = split["leftCategoriesOrThreshold"]
    if arity == -1:
        return Split(feature, float(given[0]))
    left = frozenset(map(float, given))
    if len(given) <= arity // 2:
        return Split(feature, 0.0, left, True, arity)
    return Split(feature, 0.0, frozenset(map(float, range(arity))) - left, False, arity)
