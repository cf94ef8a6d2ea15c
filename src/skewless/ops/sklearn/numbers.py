"""Arrays of fitted numbers, and sums of products in an order of their own: one after the other, as both kernels do.

scikit-learn multiplies matrices by BLAS, whose order of additions depends on the machine and the number of rows, so its
own answers for a row and for a batch differ in last bits. An op that has such sums says how far that may go, by the
size of what is added up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skewless import spec
from skewless.native.dots import Products
from skewless.ops.blas import packer
from skewless.ops.rows import infinite, restored
from skewless.spec import Attributes, Value
from skewless.table import Column, Numbers
from skewless.vectors import Csr, SparseVector, Vector

EPSILON = 2.0**-52
WHY_NOT_BITS = (
    "scikit-learn multiplies by BLAS, whose order of additions depends on machine and batch, and numpy's exponential "
    "differs from the C library's in last bits; beside the ulps, a number may be off by the rounding of the sums that "
    "it came from, and a class where two are as near to each other as that"
)


class Fitted:
    """An array of fitted doubles that does not change; two are equal where their bits are."""

    def __init__(self, values: Any) -> None:
        self.values: Numbers = np.array(values, np.float64, order="C")
        self.values.setflags(write=False)

    @cached_property
    def lists(self) -> Any:
        """The same as nested lists."""
        return self.values.tolist()

    @cached_property
    def products(self) -> Products:
        """The dot products with rows of what is a matrix, added from the first slot on."""
        return Products(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions."""
        made: tuple[int, ...] = self.values.shape
        return made

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Fitted)
            and self.shape == other.shape
            and self.values.tobytes() == other.values.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.values.tobytes()))

    def encode(self, name: str) -> dict[str, Value]:
        """A tensor, in column-major order as all tensors in bundles."""
        flat = self.values.ravel(order="F").tolist()
        return {name: spec.tensor(flat, self.shape), **infinite(name, flat)}

    @classmethod
    def decode(cls, attributes: Attributes, name: str, *dims: int | None) -> Fitted:
        """The array; ArtifactError where it has not these dimensions (None for any)."""
        value = attributes.tensor(name)
        fits = len(value.dims) == len(dims)
        if not fits or any(want not in (None, have) for want, have in zip(dims, value.dims, strict=True)):
            shown = " × ".join("n" if dim is None else str(dim) for dim in dims)
            raise attributes.error(f"attribute {name!r} has dimensions {list(value.dims)}, not {shown}")
        data = [float("nan") if item is None else float(item) for item in value.data]
        flat = restored(attributes, name, data)
        return cls(np.array(flat, np.float64).reshape(value.dims, order="F"))


def dots(column: Column, weights: Fitted) -> Numbers:
    """Each row times each row of weights, added from the first feature on: rows by weights."""
    if isinstance(column.values, Csr):
        rows = column.values
        return weights.products.compressed(rows.starts, rows.indices, rows.values)
    return weights.products.dense(column.values)


def row_dots(weights: Fitted) -> Callable[[Vector], list[float]]:
    """`dots` of one row."""
    lists: list[list[float]] = weights.lists
    each, pack = weights.products.each(), packer(weights.shape[1])

    def dot(row: Vector) -> list[float]:
        if isinstance(row, SparseVector):
            return [_sparse(row, weight) for weight in lists]
        return each(pack(*row))

    return dot


def _sparse(row: SparseVector, weight: Sequence[float]) -> float:
    total = 0.0
    for slot, value in zip(row.indices, row.values, strict=True):
        total += value * weight[slot]
    return total


def rounding(column: Column, weights: Fitted, given: Numbers) -> Numbers:
    """How far each row's largest dot product may be off, where the features may be by ``given``: any order is right."""
    size = np.abs(weights.values)
    if isinstance(column.values, Csr):
        rows = column.values
        absolute = Column(column.type, Csr(rows.starts, rows.indices, np.abs(rows.values), rows.size))
        terms = dots(absolute, Fitted(size)).max(axis=1, initial=0.0)
    else:
        terms = (np.abs(column.values) @ size.T).max(axis=1, initial=0.0)
    made: Numbers = terms * EPSILON * (weights.shape[1] + 2) + given * size.sum(axis=1).max(initial=0.0)
    return made
