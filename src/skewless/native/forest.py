"""Forests of decision trees, of XGBoost, Spark and scikit-learn alike: laid out once, walked by compiled kernels.

A tree comes as `Branches`, in whatever order its nodes are; a `Forest` lays all of them out breadth-first, children
side by side. It is asked for rows, as a matrix of its kind of numbers:

    forest.leaves(rows)           the number of each row's leaf in each tree
    forest.values(rows)           the value there, where leaves hold one
    forest.sums(rows, start)      the leaves' values added in the order of the trees, in the forest's own numbers
    forest.one_row(wanted)        a function that answers one of these for a row, at the cost of one call into C

Threads may ask one forest at once; but for one row, the kernels release the interpreter's lock. Whoever makes a forest
vouches for its trees: children exist, every walk ends.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import SkewlessError
from skewless.native.library import kernels, row_kernels

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

LEAVES: Final = 0
VALUES: Final = 1
SUMS: Final = 2
"""What can be asked for."""

_MISSING_RIGHT: Final = 1 << 31
_BY_CATEGORY: Final = 1 << 30
MOST_FEATURES: Final = _BY_CATEGORY - 1


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """One tree, by node; node 0 is the root.

    ``feature`` is -1 for a leaf. A row goes left where its feature is below ``threshold`` (or equal to it, in an
    inclusive forest), and where it is NaN if ``missing_left``. ``leaf`` is the number that a leaf is told by, and
    ``values`` has what leaves hold, by that number, ``width`` numbers each. ``categories`` has for a node that splits
    by category what goes left: a flag for each category, and at last one for any other value, NaN among them. With
    ``cut``, every number from 0 on is a category: what is left of its whole part when that is divided by their count.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    leaf: Array
    values: Array
    categories: Mapping[int, Sequence[bool]] = field(default_factory=dict)
    cut: bool = False


class _Forest(ctypes.Structure):
    """What forest.h calls forest."""

    _fields_ = (
        *(
            (name, ctypes.c_void_p)
            for name in ("nodes", "numbers", "roots", "depths", "outputs", "first_leaf")
        ),
        *((name, ctypes.c_void_p) for name in ("values", "used", "slots", "sets")),
        *((name, ctypes.c_int32) for name in ("trees", "columns", "used_columns", "width", "outputs_each")),
        ("by_category", ctypes.c_int32),
    )


class Rows(ctypes.Structure):
    """What forest.h calls rows_of: a dense matrix, or one in compressed form (CSR) where it has starts."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("values", "starts", "columns"))


class _OneRow(ctypes.Structure):
    _fields_ = (("trees", ctypes.c_void_p), ("start", ctypes.c_void_p), ("wanted", ctypes.c_int32))


class Forest:
    """Trees over rows of ``columns`` numbers, doubles unless ``numbers`` says np.float32.

    With ``inclusive`` a number equal to the threshold goes left, as in Spark and scikit-learn; without, right, as in
    XGBoost. The values of tree ``t`` are added to the ``outputs`` of a row from ``places[t]`` on (all from 0 without).
    """

    def __init__(
        self,
        trees: Sequence[Branches],
        columns: int,
        *,
        numbers: Any = np.float64,
        inclusive: bool = True,
        outputs: int = 1,
        places: Sequence[int] | None = None,
    ) -> None:
        self.numbers: Any = np.dtype(numbers)
        self.columns, self.outputs, self.trees = columns, outputs, len(trees)
        self._arrays = _laid_out(trees, columns, self.numbers, inclusive)
        width = trees[0].values.shape[1] if trees else 1
        self._arrays["outputs"] = np.array([0] * len(trees) if places is None else places, np.int32)
        self._function = (
            kernels().skewless_forest_f32 if self.numbers == np.float32 else kernels().skewless_forest_f64
        )
        self._struct = _Forest(
            **{name: array.ctypes.data for name, array in self._arrays.items()},
            trees=len(trees),
            columns=columns,
            used_columns=len(self._arrays["used"]),
            width=width,
            outputs_each=outputs,
            by_category=len(self._arrays["sets"]) > 0,
        )
        self.address = ctypes.addressof(self._struct)
        """Where the kernels find it; valid as long as the forest is."""

    def leaves(self, rows: Array) -> Array:
        """The number of each row's leaf in each tree: 32-bit integers, rows by trees."""
        return self._asked(rows, LEAVES, np.empty((len(rows), self.trees), np.int32))

    def values(self, rows: Array) -> Array:
        """The value of each row's leaf in each tree, rows by trees, where leaves hold one."""
        return self._asked(rows, VALUES, np.empty((len(rows), self.trees), self.numbers))

    def sums(self, rows: Array, start: float | Sequence[float] | Array = 0.0) -> Array:
        """The leaves' values added one tree after the other: rows by outputs. ``start`` is what is added to."""
        made = np.empty((len(rows), self.outputs), self.numbers)
        made[:] = start
        return self._asked(rows, SUMS, made)

    def one_row(self, wanted: int, start: float | Sequence[float] = 0.0) -> Callable[[bytes], list[Any]]:
        """A function that answers for one row of doubles after the other: LEAVES, VALUES or SUMS, as a list.

        It takes ``struct.pack(f"={columns}d", *row)``. SkewlessError where there is no memory.
        """
        begin = np.empty(self.outputs)
        begin[:] = start
        asked = _OneRow(self.address, begin.ctypes.data, wanted)
        number = ctypes.c_int32 if wanted == LEAVES else ctypes.c_double
        kind: Any = number * (self.outputs if wanted == SUMS else self.trees)
        call, place = row_kernels().skewless_forest_row_f64, ctypes.addressof(asked)

        def answer(cells: bytes, _kept: Any = (self, begin, asked)) -> list[Any]:
            made = kind()
            if call(place, cells, made):
                raise _no_memory()
            answers: list[Any] = made[:]
            return answers

        return answer

    def _asked(self, rows: Array, wanted: int, made: Array) -> Array:
        rows = np.ascontiguousarray(rows, self.numbers)
        if rows.ndim != 2 or rows.shape[1] != self.columns:
            raise ValueError(f"the rows are {rows.shape}, the forest has {self.columns} columns")
        if self._function(
            self.address, ctypes.byref(Rows(rows.ctypes.data)), 0, len(rows), wanted, made.ctypes.data
        ):
            raise _no_memory()
        return made


def _no_memory() -> SkewlessError:
    return SkewlessError("there is no memory for a block of rows")


def _laid_out(trees: Sequence[Branches], columns: int, numbers: Any, inclusive: bool) -> dict[str, Array]:
    """The arrays of a forest, by their names in forest.h."""
    features = [tree.feature[tree.feature >= 0] for tree in trees] or [np.zeros(0, np.int64)]
    used = np.flatnonzero(np.bincount(np.concatenate(features)))
    # One more than there are, which leaves refer to by their -1.
    slots = np.full(columns + 1, -1, np.int32)
    slots[used] = np.arange(len(used))
    sets: list[int] = []
    laid = [_tree(tree, slots, len(used), numbers, inclusive, sets) for tree in trees]
    sizes = np.array([len(nodes) for nodes, _, _ in laid], np.int64)
    roots = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(laid) else sizes
    for (nodes, _, _), root in zip(laid, roots, strict=True):
        nodes["child"] += root
    counts = [len(tree.values) for tree in trees]
    node = _node(numbers)
    return {
        # One more than there are: where a leaf is the last, the kernels look at the node behind it, and mind it not.
        "nodes": np.concatenate([*(nodes for nodes, _, _ in laid), np.zeros(1, node)]),
        "numbers": np.concatenate([leaf for _, leaf, _ in laid] or [np.zeros(0)]).astype(np.int32),
        "roots": roots.astype(np.int32),
        "depths": np.array([depth for _, _, depth in laid], np.int32),
        "first_leaf": np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64)
        if counts
        else np.zeros(0),
        "values": np.concatenate([tree.values.ravel() for tree in trees] or [np.zeros(0)]).astype(numbers),
        "used": used.astype(np.int32),
        "slots": slots,
        "sets": np.array(sets, np.int32),
    }


def _node(numbers: Any) -> np.dtype[Any]:
    return np.dtype([("threshold", numbers), ("feature", np.uint32), ("child", np.int32)])


def _tree(
    tree: Branches, slots: Array, nothing: int, numbers: Any, inclusive: bool, sets: list[int]
) -> tuple[Array, Array, int]:
    """A tree's nodes breadth-first, the numbers of their leaves, and its depth."""
    order, depth = _breadth_first(tree)
    place = np.zeros(len(tree.feature), np.int64)
    place[order] = np.arange(len(order))
    is_leaf = tree.feature[order] < 0
    right_from, missing_right = _limits(tree, order, numbers, inclusive)
    nodes = np.zeros(len(order), _node(numbers))
    nodes["threshold"] = right_from
    nodes["feature"] = np.where(is_leaf, nothing, slots[tree.feature[order]])
    nodes["feature"][missing_right] |= _MISSING_RIGHT
    nodes["child"] = np.where(is_leaf, np.arange(len(order)), place[tree.left[order]])
    if tree.values.shape[1] == 1:
        nodes["threshold"][is_leaf] = tree.values[tree.leaf[order][is_leaf], 0]
    for node, left in tree.categories.items():
        at = nodes[place[node] : place[node] + 1]
        at["feature"] = slots[tree.feature[node]] | _BY_CATEGORY
        at["threshold"] = len(sets)
        arity = len(left) - 1
        sets += [-arity if tree.cut else arity, *(not flag for flag in left)]
    return nodes, tree.leaf[order], depth


def _breadth_first(tree: Branches) -> tuple[Array, int]:
    """The nodes that can be reached, level by level with children side by side, and how many levels have inner ones."""
    children, is_inner = np.stack((tree.left, tree.right), axis=1), tree.feature >= 0
    level = np.zeros(1, np.int64)
    levels = [level]
    while len(inner := level[is_inner[level]]):
        level = children[inner].ravel()
        levels.append(level)
    return np.concatenate(levels), len(levels) - 1


def _limits(tree: Branches, order: Array, numbers: Any, inclusive: bool) -> tuple[Array, Array]:
    """From which number on each node sends right (NaN for never), and where NaN goes right.

    Up to a threshold is below the next number; below NaN is nothing, so that all numbers go right.
    """
    threshold = tree.threshold[order].astype(numbers)
    is_leaf = tree.feature[order] < 0
    if inclusive:
        after = np.nextafter(threshold, numbers.type(np.inf))
        limits = np.where(threshold == np.inf, np.nan, after)
    else:
        limits = threshold
    limits = np.where(np.isnan(threshold) & ~is_leaf, -np.inf, limits)
    return limits.astype(numbers), ~tree.missing_left[order].astype(np.bool_) & ~is_leaf
