"""Linear models and what is built of them: a batch has the bits of its rows, whatever the form, order and numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.ops.blas import Coefficients, Order
from skewless.ops.fitted import Matrix
from skewless.ops.glm import GeneralizedLinearRegression
from skewless.ops.linear import LinearRegression, LinearSVC
from skewless.ops.linear_maps import PCA
from skewless.ops.logistic import LogisticRegression
from skewless.ops.mlp import MultilayerPerceptron
from skewless.ops.naive_bayes import KINDS, NaiveBayes
from skewless.ops.op import Op, Refused
from skewless.ops.survival import AFTSurvivalRegression
from skewless.schema import vector
from skewless.table import Column, from_cells
from skewless.transforms.parity import same
from skewless.vectors import WIDE, SparseVector

EDGES = (0.0, -0.0, 1.0, 0.1, -2.5, 5e-324, 1e160, 1e300, math.inf, -math.inf, math.nan)
ORDERS = tuple(map(Order.of, ("vector:2", "vector:4", "vector:8", "java")))


def fitted(random: np.random.Generator, kind: str, size: int) -> Op:
    """A model whose numbers are odd now and then."""
    order, sparse, by_columns = (
        ORDERS[random.integers(4)],
        bool(random.random() < 0.4),
        bool(random.random() < 0.5),
    )

    def numbers(count: int) -> tuple[float, ...]:
        odd = random.choice(EDGES, count)
        return tuple(np.where(random.random(count) < 0.8, random.normal(size=count), odd).tolist())

    def matrix(rows: int) -> Matrix:
        return Matrix(tuple(Coefficients(numbers(size), sparse, order) for _ in range(rows)), by_columns)

    one = Coefficients(numbers(size), sparse, order)
    rows = int(random.integers(1, 7))
    if kind == "perceptron":
        return MultilayerPerceptron((size, 3, 2), numbers(size * 3 + 3 + 3 * 2 + 2))
    if kind in KINDS:
        sigma = matrix(rows) if kind == "gaussian" else None
        return NaiveBayes(numbers(rows), matrix(rows), kind, sigma)
    made: dict[str, Op] = {
        "regression": LinearRegression(one, numbers(1)[0]),
        "svc": LinearSVC(one, numbers(1)[0], numbers(1)[0]),
        "poisson": GeneralizedLinearRegression(one, numbers(1)[0], "poisson", "log"),
        "survival": AFTSurvivalRegression(one, numbers(1)[0], 0.4, (0.1, 0.9)),
        "binary": LogisticRegression(Matrix((one,)), numbers(1), False, 0.3),
        "multinomial": LogisticRegression(matrix(rows), numbers(rows), True),
        "pca": PCA(tuple(numbers(size) for _ in range(rows)), size, order),
    }
    return made[kind]


def hostile(random: np.random.Generator, size: int, values: tuple[float, ...]) -> Column:
    rows: list[Any] = []
    for row in random.choice(values, (12, size)):
        stored = np.flatnonzero(row)
        sparse = SparseVector(size, stored.tolist(), row[stored].tolist())
        rows.append(sparse if random.random() < 0.5 else row.tolist())
    return from_cells(vector(size), rows)


def by_rows(op: Op, column: Column) -> Any:
    kernel, made = op.row([column.type]), []
    for number in range(len(column)):
        try:
            found = kernel(column.cell(number))
        except Refused as refused:
            return number, refused.message
        made.append(list(found) if isinstance(found, tuple) else [found])
    return made


def by_columns(op: Op, column: Column) -> Any:
    try:
        columns = op.columns(column)
    except Refused as refused:
        return refused.position, refused.message
    return [[one.cell(number) for one in columns] for number in range(len(column))]


@pytest.mark.parametrize(
    "kind", ["regression", "svc", "poisson", "survival", "binary", "multinomial", "pca", "perceptron", *KINDS]
)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_a_batch_is_its_rows(kind: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    size = int(random.choice([1, 3, 4, 9, 17, WIDE + 3], p=[0.15, 0.15, 0.2, 0.2, 0.2, 0.1]))
    op = fitted(random, kind, size)
    values = (0.0, 1.0) if kind in KINDS and random.random() < 0.7 else EDGES
    column = hostile(random, size, values)
    assert same(by_rows(op, column), by_columns(op, column))
