"""Decision trees: how they are kept, their lines in a bundle, and how Spark saves them.

Every op made of trees uses this one representation, which `walks` walk through; what leaves hold is the op's business.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from skewless.errors import ArtifactError, UnsupportedError
from skewless.native.forest import Branches
from skewless.ops.op import SparkStage
from skewless.spec import Attributes, Model
from skewless.table import Numbers

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
    def leaf(self) -> tuple[int, ...]:
        """The number of each leaf from left to right, -1 for an inner node."""
        leaves = iter(range(len(self.splits)))
        return tuple(next(leaves) if split is None else -1 for split in self.splits)

    def branches(self, values: Numbers) -> Branches:
        """The tree as the kernels take it, its leaves holding ``values``: leaves by numbers."""
        feature = np.array([-1 if split is None else split.feature for split in self.splits], np.int64)
        return Branches(
            feature,
            np.array([0.0 if split is None else split.threshold for split in self.splits]),
            np.where(feature < 0, 0, np.arange(1, len(feature) + 1)),
            np.array(self.right, np.int64),
            np.zeros(len(feature), np.bool_),
            np.array(self.leaf, np.int64),
            values,
            {
                node: _flags(split, split.categories)
                for node, split in enumerate(self.splits)
                if split is not None and split.categories is not None
            },
        )


def _flags(split: Split, categories: frozenset[float]) -> list[bool]:
    """Which categories go left; at last, whether any other value does."""
    return [
        *((value in categories) == split.is_left for value in range(split.arity)),
        not split.is_left,
    ]


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
