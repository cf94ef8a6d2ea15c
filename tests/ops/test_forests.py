"""Spark's forests against a walk and sums written down plainly: by columns, by rows, and in a compiled pipeline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.ops.assemble import VectorAssembler
from skewless.ops.blas import dot_dense
from skewless.ops.forests import (
    GBTClassifier,
    GBTRegression,
    RandomForestClassifier,
    RandomForestRegression,
)
from skewless.ops.tree_models import DecisionTreeClassifier, DecisionTreeRegression, TreeOp
from skewless.ops.trees import Split, Tree
from skewless.schema import DOUBLE, Field, Schema, vector
from skewless.table import from_cells
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector
from tests.pipelines import graph, stage

FEATURES = 4
EDGES = (0.0, -0.0, 1.0, 2.0, 2.5, -1.0, 5e-324, 1e300, math.inf, -math.inf, math.nan)


def grown(random: np.random.Generator, depth: int, width: int, features: int = FEATURES) -> Tree:
    splits: list[Split | None] = []
    right: list[int] = []
    values: list[tuple[float, ...]] = []

    def grow(level: int) -> None:
        node = len(splits)
        right.append(-1)
        if level == 0 or (node and random.random() < 0.2):
            splits.append(None)
            values.append(tuple(random.choice([0.0, -0.0, 0.1, 3.0, -2.5, 1e17], width).tolist()))
            return
        feature = int(random.integers(features))
        categories = frozenset(random.integers(0, 4, 2).astype(float).tolist())
        kinds = [
            Split(feature, float(random.choice(EDGES))),
            Split(feature, 0.0, categories, bool(random.random() < 0.5), 4),
        ]
        splits.append(kinds[random.random() < 0.3])
        grow(level - 1)
        right[node] = len(splits)
        grow(level - 1)

    grow(depth)
    return Tree(tuple(splits), tuple(right), tuple(values))


def leaf_of(tree: Tree, row: Any) -> int:
    node = 0
    while (split := tree.splits[node]) is not None:
        value = row[split.feature]
        chosen = None if split.categories is None else (value in split.categories) == split.is_left
        node = node + 1 if (value <= split.threshold if chosen is None else chosen) else tree.right[node]
    return tree.leaf[node]


def added(values: Sequence[float]) -> float:
    total = values[0]
    for value in values[1:]:
        total += value
    return total


def plain(op: TreeOp, row: Sequence[float]) -> tuple[Any, ...]:
    """All outputs but what follows from raw predictions: those, or the prediction, and the leaves."""
    leaves = [leaf_of(tree, row) for tree in op.forest]
    held = [tree.values[leaf] for tree, leaf in zip(op.forest, leaves, strict=True)]
    first: Any
    if isinstance(op, RandomForestClassifier):
        totals = [added([0.0, *one]) for one in held]
        shares = [
            [value / total for value in one] for one, total in zip(held, totals, strict=True) if total != 0.0
        ]
        first = [added([0.0, *(share[slot] for share in shares)]) for slot in range(op.num_classes)]
    elif isinstance(op, RandomForestRegression):
        first = added([one[0] for one in held]) / len(held)
    elif isinstance(op, GBTClassifier | GBTRegression):
        first = dot_dense([one[0] for one in held], op.weights, op.order)
        first = [-first, first] if isinstance(op, GBTClassifier) else first
    else:
        first = list(held[0]) if isinstance(op, DecisionTreeClassifier) else held[0][0]
    single = isinstance(op, DecisionTreeClassifier | DecisionTreeRegression)
    return first, float(leaves[0]) if single else [float(leaf) for leaf in leaves]


def forests(seed: int) -> list[TreeOp]:
    random = np.random.default_rng(seed)
    size, depth = int(random.integers(1, 12)), int(random.choice([0, 1, 3, 6]))
    shares = tuple(grown(random, depth, 3) for _ in range(size))
    values = tuple(grown(random, depth, 1) for _ in range(size))
    ones, weights = (1.0,) * size, tuple(random.choice([1.0, 0.1, -0.3], size).tolist())
    return [
        RandomForestClassifier(FEATURES, 3, shares, ones),
        RandomForestClassifier(FEATURES, 3, shares, ones, (0.2, 0.0, 0.5)),
        RandomForestRegression(FEATURES, values, ones),
        GBTRegression(FEATURES, values, weights),
        GBTClassifier(FEATURES, values, weights),
        DecisionTreeClassifier(FEATURES, 3, shares[0], (), True),
        DecisionTreeRegression(FEATURES, values[0]),
        DecisionTreeRegression(FEATURES, values[0], tuple(map(float, range(len(values[0].values))))),
    ]


@pytest.mark.parametrize("kind", range(8))
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_every_way_is_the_plain_walk(kind: int, seed: int) -> None:
    op, random = forests(seed)[kind], np.random.default_rng(seed + 1)
    rows = random.choice(EDGES, (20, FEATURES)).tolist()
    cells = [SparseVector(FEATURES, range(FEATURES), row) if random.random() < 0.3 else row for row in rows]
    columns, kernel = op.columns(from_cells(vector(FEATURES), cells)), op.row([vector(FEATURES)])
    bare = op.wanting([port for port in op.outputs if port != "leaf"])
    assert "leaf" not in bare.outputs
    alone = bare.row([vector(FEATURES)])
    place = op.outputs.index("leaf")
    for number, (row, cell) in enumerate(zip(rows, cells, strict=True)):
        made = kernel(cell)
        first, leaves = plain(op, row)
        assert same(made[0], first)
        assert same(made[place], leaves)
        assert same(list(made), [column.cell(number) for column in columns])
        rest, found = [*made[:place], *made[place + 1 :]], alone(cell)
        assert same(list(found) if isinstance(found, tuple) else [found], rest)


@pytest.mark.parametrize("kind", range(8))
@pytest.mark.parametrize("shown", [False, True])
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_a_compiled_pipeline_gives_what_its_kernels_do(kind: int, shown: bool, seed: int) -> None:
    op = forests(seed)[kind]
    names = [f"x{place}" for place in range(FEATURES)]
    ports = [port for port in op.outputs if port != "leaf"]
    bound = [port if port in ports else "" for port in op.outputs]
    stages = [
        stage("assemble", VectorAssembler((None,) * FEATURES), names, ["features"]),
        replace(
            made := stage("forest", op, ["features"], op.outputs),
            outputs=tuple(socket for socket, port in zip(made.outputs, bound, strict=True) if port),
        ),
    ]
    transform = Transform(graph("pipeline", stages), Schema(tuple(Field(name, DOUBLE) for name in names)))
    outputs = ports if shown else ["prediction"]
    compiled, kernels = transform.row_function(outputs), transform.row_kernels(outputs)
    random = np.random.default_rng(seed + 2)
    for row in random.choice(EDGES[:-1], (20, FEATURES)).tolist():
        assert same(compiled(row), kernels(row))


@pytest.mark.parametrize("looked_at", [3, 300])
def test_of_wide_vectors_only_what_is_looked_at_is_spread_out(looked_at: int) -> None:
    random, features = np.random.default_rng(7), 1 << 30
    trees = tuple(grown(random, 6, 1, looked_at) for _ in range(5))
    trees = tuple(
        replace(
            tree,
            splits=tuple(
                None if one is None else replace(one, feature=one.feature * 3_000_000) for one in tree.splits
            ),
        )
        for tree in trees
    )
    op = RandomForestRegression(features, trees, (1.0,) * 5)
    rows = [
        SparseVector(features, [slot * 3_000_000 for slot in range(looked_at)], row)
        for row in random.choice(EDGES, (30, looked_at)).tolist()
    ]
    predictions, leaves = op.columns(from_cells(vector(features), rows))
    kernel = op.row([vector(features)])
    for number, row in enumerate(rows):
        stored = dict(zip(row.indices, row.values, strict=True))
        expected = [leaf_of(tree, _Sparse(stored)) for tree in trees]
        assert leaves.cell(number) == expected
        assert same(kernel(row), (predictions.cell(number), leaves.cell(number)))


class _Sparse(dict[int, float]):
    def __missing__(self, slot: int) -> float:
        return 0.0
