"""Eigenvectors are eigenvectors; that their bits are those of Spark's LAPACK, the mixtures in `tests/parity` say."""

from __future__ import annotations

import numpy as np
import pytest

from skewless.ops.eigen import symmetric
from skewless.table import Numbers

CHANCE = np.random.default_rng(17)


def random(size: int, scale: float = 1.0) -> Numbers:
    made = CHANCE.normal(size=(size + 2, size))
    return np.asarray(made.T @ made * scale)


MATRICES = {
    "one": np.array([[2.5]]),
    "two": np.array([[1.0, -0.0], [-0.0, 1.0]]),
    "small": random(3),
    "middle": random(17),
    "large": random(40),
    "tiny": random(4, 1e-200),
    "huge": random(4, 1e200),
    "zeros": np.zeros((5, 5)),
    "ones": np.ones((6, 6)),
    "diagonal": np.diag([3.0, 1.0, 2.0, 1.0]),
    "in blocks": np.kron(np.eye(3), random(2)),
    "indefinite": random(5) - 6.0 * np.eye(5),
    "uneven": np.diag([1e-150, 1e-90, 1.0]) @ random(3) @ np.diag([1e-150, 1e-90, 1.0]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_matrix_comes_back(name: str) -> None:
    matrix = MATRICES[name]
    values, vectors = symmetric(matrix)
    close = 1e-13 * max(np.abs(matrix).max(), 1e-300)
    assert values == sorted(values)
    assert np.allclose(vectors.T @ vectors, np.eye(len(matrix)), rtol=0.0, atol=1e-13)
    assert np.allclose(vectors * np.array(values) @ vectors.T, matrix, rtol=0.0, atol=10 * close)


def test_only_the_lower_triangle_counts() -> None:
    matrix = random(6)
    values, vectors = symmetric(np.tril(matrix))
    assert values == symmetric(matrix)[0]
    assert (vectors == symmetric(matrix)[1]).all()
