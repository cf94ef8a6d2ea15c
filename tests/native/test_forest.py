"""Forests give the leaves, values and sums of a walk written down plainly, for hostile rows too."""

from __future__ import annotations

import math
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.native.forest import LEAVES, SUMS, VALUES, Array, Branches, Forest

EDGES = np.array(
    [
        math.nan,
        -0.0,
        0.0,
        1e-45,
        -1e-45,
        5e-324,
        -5e-324,
        0.5,
        1.0,
        2.0,
        3.0,
        7.0,
        -1.0,
        257.5,
        2.0**62,
        math.inf,
        -math.inf,
        3e38,
        1e300,
    ]
)


def grown(
    random: np.random.Generator,
    columns: int,
    depth: int,
    width: int,
    kind: Any,
    categories: bool,
    cut: bool = False,
) -> Branches:
    """A random tree with its nodes in random order, the root but at 0; thresholds at the edges where rows are."""
    feature, left, right, leaf, sets = [-1], [-1], [-1], [-1], {}
    waiting, leaves = [(0, 0)], 0
    while waiting:
        node, level = waiting.pop(random.integers(len(waiting)))
        if level >= depth or (level and random.random() < 0.2):
            leaf[node], leaves = leaves, leaves + 1
            continue
        feature[node] = int(random.integers(columns))
        if categories and random.random() < 0.4:
            sets[node] = random.random(int(random.integers(1, 6)) + 1).round().astype(bool).tolist()
        children = [len(feature), len(feature) + 1]
        random.shuffle(children)
        left[node], right[node] = children
        for _ in children:
            for each in (feature, left, right, leaf):
                each.append(-1)
        waiting += [(child, level + 1) for child in children]
    size = len(feature)
    with np.errstate(over="ignore"):
        threshold = random.choice(EDGES, size).astype(kind)
        values = random.normal(size=(leaves, width)).astype(kind)
    return Branches(
        *(np.array(feature), threshold, np.array(left), np.array(right)),
        *(random.random(size) < 0.5, np.array(leaf), values, sets),
        cut=cut,
    )


def leaf_of(tree: Branches, row: Any, inclusive: bool) -> int:
    node = 0
    while tree.feature[node] >= 0:
        x = row[tree.feature[node]]
        if node in tree.categories:
            *flags, other = tree.categories[node]
            if tree.cut:
                goes_left = flags[int(x) % len(flags) if math.isfinite(x) else 0] if x >= 0 else other
            else:
                goes_left = flags[int(x)] if x == x and 0 <= x < len(flags) and int(x) == x else other
        elif math.isnan(x):
            goes_left = bool(tree.missing_left[node])
        else:
            goes_left = bool(x <= tree.threshold[node] if inclusive else x < tree.threshold[node])
        node = int(tree.left[node] if goes_left else tree.right[node])
    return int(tree.leaf[node])


def rows_at_the_edges(random: np.random.Generator, count: int, columns: int, kind: Any) -> Any:
    with np.errstate(over="ignore"):
        return random.choice(EDGES, (count, columns)).astype(kind)


def same(made: Array, expected: Array) -> bool:
    return (
        made.shape == expected.shape and made.dtype == expected.dtype and made.tobytes() == expected.tobytes()
    )


@given(st.integers(0, 2**32), st.sampled_from([np.float32, np.float64]), *[st.booleans()] * 3)
@settings(max_examples=80, deadline=None)
def test_leaves_values_and_sums(seed: int, kind: Any, inclusive: bool, categories: bool, cut: bool) -> None:
    random = np.random.default_rng(seed)
    columns, count, width = (
        int(random.integers(1, 6)),
        int(random.integers(0, 12)),
        int(random.integers(1, 4)),
    )
    depth = int(random.choice([0, 1, 3, 6, 13]))
    trees = [
        grown(random, columns, depth if n % 3 else 2, width, kind, categories, cut) for n in range(count)
    ]
    places = random.integers(0, 3, count).tolist()
    forest = Forest(trees, columns, numbers=kind, inclusive=inclusive, outputs=2 + width, places=places)
    rows = rows_at_the_edges(random, int(random.choice([0, 1, 5, 70])), columns, kind)
    leaves = np.array([[leaf_of(t, row, inclusive) for t in trees] for row in rows], np.int32).reshape(
        len(rows), count
    )
    start = random.normal(size=2 + width)
    sums = np.tile(start.astype(kind), (len(rows), 1))
    for row in range(len(rows)):
        for number, tree in enumerate(trees):
            sums[row, places[number] : places[number] + width] += tree.values[leaves[row, number]]
    assert same(forest.leaves(rows), leaves)
    assert same(forest.sums(rows, start), sums)
    if width == 1:
        values = np.array(
            [[t.values[leaf, 0] for t, leaf in zip(trees, row, strict=True)] for row in leaves], kind
        )
        assert same(forest.values(rows), values.reshape(leaves.shape))
    if kind == np.float64:
        by_rows(forest, rows, start, leaves, sums)


def by_rows(forest: Forest, rows: Any, start: Any, leaves: Any, sums: Any) -> None:
    pack = struct.Struct(f"={forest.columns}d").pack
    for wanted, expected in ((LEAVES, leaves), (SUMS, sums)):
        ask = forest.one_row(wanted, start)
        for row, answer in zip(rows, expected, strict=True):
            assert same(np.array(ask(pack(*row)), answer.dtype), answer)


def test_a_row_of_a_very_wide_forest() -> None:
    """Whose slots do not fit on the stack."""
    columns = 5000
    trees = [
        Branches(
            *(
                np.array([feature, -1, -1]),
                np.array([0.5, 0, 0]),
                np.array([1, -1, -1]),
                np.array([2, -1, -1]),
            ),
            *(np.array([True, False, False]), np.array([-1, 0, 1]), np.array([[1.0], [-feature]])),
        )
        for feature in range(columns)
    ]
    forest = Forest(trees, columns)
    rows = np.eye(3, columns)
    found = forest.one_row(VALUES)(rows[1].tobytes())
    assert np.flatnonzero(np.array(found) == 1.0).tolist() == [0, *range(2, columns)]
    assert forest.leaves(rows).tolist() == rows.tolist()


def test_threads_at_once() -> None:
    random = np.random.default_rng(3)
    forest = Forest([grown(random, 4, 9, 1, np.float64, False) for _ in range(40)], 4)
    rows = rows_at_the_edges(random, 3000, 4, np.float64)
    expected = forest.sums(rows)
    with ThreadPoolExecutor(8) as pool:
        assert all(same(made, expected) for made in pool.map(lambda _: forest.sums(rows), range(16)))
        ask = forest.one_row(SUMS)
        singles = list(pool.map(lambda row: ask(row.tobytes())[0], rows, chunksize=10))
    assert same(np.array(singles), expected[:, 0])


def test_rows_of_another_width() -> None:
    forest = Forest([], 3)
    with pytest.raises(ValueError, match="3 columns"):
        forest.leaves(np.zeros((2, 4)))
