"""Vectors and matrices of fitted coefficients: as Spark saves them, and as a bundle's attributes.

MLeap writes them dense. Whether Spark holds them sparse, and a matrix by rows or by columns, decides in which order it
adds, so attributes that MLeap does not read say so where it is not the common case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skewless import spec
from skewless.native.dots import Products
from skewless.ops.blas import (
    AVX2,
    Coefficients,
    Order,
    RowGemv,
    packer,
    products_of,
    row_times,
    times,
)
from skewless.ops.op import SparkStage
from skewless.spec import Attributes, Value
from skewless.table import Column, Numbers
from skewless.vectors import Csr, SparseVector, Vector

_ORDER = "blas"
_FORMS = ("dense_rows", "dense_columns", "sparse_rows", "sparse_columns")


def encode_order(order: Order) -> dict[str, Value]:
    """The order of additions, where it is not the common one."""
    return {} if order == AVX2 else {_ORDER: spec.string(str(order))}


def decode_order(attributes: Attributes) -> Order:
    """The order of additions. ArtifactError where there is none of that name."""
    try:
        return Order.of(attributes.string(_ORDER, str(AVX2)))
    except ValueError as error:
        raise attributes.error(f"attribute {_ORDER!r}: {error}") from None


def saved_vector(stage: SparkStage, saved: Mapping[str, Any]) -> Coefficients:
    """A vector as a saved Spark model has it: type 0 is sparse."""
    order = Order.of(stage.blas)
    if saved["type"] == 1:
        return Coefficients(tuple(saved["values"]), order=order)
    slots = SparseVector(saved["size"], saved["indices"], saved["values"]).dense()
    return Coefficients(tuple(slots), sparse=True, order=order)


def encode_vector(name: str, coefficients: Coefficients) -> dict[str, Value]:
    """A tensor, and where it is sparse a word of it."""
    made = {name: spec.tensor(coefficients.values, [len(coefficients.values)])}
    made |= encode_order(coefficients.order)
    return {**made, f"sparse_{name}": spec.boolean(True)} if coefficients.sparse else made


def decode_vector(attributes: Attributes, name: str) -> Coefficients:
    """The coefficients; ArtifactError where they are no tensor of numbers."""
    return Coefficients(
        tuple(map(float, attributes.tensor(name).data)),
        attributes.boolean(f"sparse_{name}", False),
        decode_order(attributes),
    )


@dataclass(frozen=True)
class Matrix:
    """Coefficients of several classes, one row each; ``by_columns`` where Spark stores them column by column.

    Source: Spark's BLAS.gemv.
    """

    rows: tuple[Coefficients, ...]
    by_columns: bool = False

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.rows[0].values) if self.rows else 0

    @cached_property
    def products(self) -> Products:
        """The products with rows, as the kernels compute them."""
        return products_of(self.rows, in_matrix=True)

    def add_to(self, start: Sequence[float]) -> RowGemv:
        """The function from a row to this matrix times it, plus ``start``."""
        if self.by_columns and self.rows[0].sparse:
            return lambda x: self._sparse_columns(x, start)
        dots = row_times(self.rows, self.products)
        if not self.by_columns:
            return lambda x: [dot + first for dot, first in zip(dots(x), start, strict=True)]
        columns, pack = self.products.each_by_columns(start, self._fused), packer(self.width)

        def multiply(x: Vector) -> list[float]:
            if isinstance(x, SparseVector):
                return [dot + first for dot, first in zip(dots(x), start, strict=True)]
            return columns(pack(*x))

        return multiply

    @property
    def _fused(self) -> int:
        """Of how many classes netlib's ``dgemv`` of a matrix by columns fuses the products."""
        order, classes = self.rows[0].order, len(self.rows)
        return classes if order.fused else classes - classes % order.lanes

    def _sparse_columns(self, x: Vector, start: Sequence[float]) -> list[float]:
        made = list(start)
        pairs = zip(x.indices, x.values, strict=True) if isinstance(x, SparseVector) else enumerate(x)
        for slot, value in pairs:
            for position, row in enumerate(self.rows):
                if row.values[slot] != 0.0:
                    made[position] += row.values[slot] * value
        return made

    def batch(self, column: Column, start: Sequence[float]) -> Numbers:
        """`add_to` for a column of vectors: rows by classes."""
        with np.errstate(all="ignore"):
            if not self.by_columns:
                dots: Numbers = times(column, self.products) + np.array(start)
                return dots
            if self.rows[0].sparse:
                return self._all_sparse_columns(column, start)
            made, sparse = np.empty((len(column), len(self.rows))), column.sparse_rows
            made[sparse] = times(column.take(sparse), self.products) + np.array(start)
            made[~sparse] = self.products.by_columns(column.take(~sparse).dense(), start, self._fused)
        return made

    def _all_sparse_columns(self, column: Column, start: Sequence[float]) -> Numbers:
        """`_sparse_columns` of many rows at once."""
        made = np.repeat(np.array([start], np.float64), len(column), axis=0)
        if isinstance(column.values, Csr):
            for place in range(len(column)):
                made[place] = self._sparse_columns(column.cell(place), start)
            return made
        for slot in range(self.width):
            x = column.values[:, slot]
            taken = (x != 0.0) | ~column.sparse_rows
            for position, row in enumerate(self.rows):
                if row.values[slot] != 0.0:
                    made[taken, position] += row.values[slot] * x[taken]
        return made


def saved_matrix(stage: SparkStage, saved: Mapping[str, Any]) -> Matrix:
    """A matrix as a saved Spark model has it: type 0 is sparse, by rows where it is transposed."""
    shape = (int(saved["numRows"]), int(saved["numCols"]))
    by_rows, sparse = bool(saved["isTransposed"]), saved["type"] == 0
    whole = np.zeros(shape)
    if sparse:
        outer = np.repeat(np.arange(len(saved["colPtrs"]) - 1), np.diff(saved["colPtrs"]))
        inner = np.array(saved["rowIndices"], np.int64)
        whole[(outer, inner) if by_rows else (inner, outer)] = saved["values"]
    else:
        whole = np.array(saved["values"], np.float64).reshape(shape, order="C" if by_rows else "F")
    return _matrix(whole, sparse, not by_rows, Order.of(stage.blas))


def encode_matrix(name: str, matrix: Matrix) -> dict[str, Value]:
    """A tensor in column-major order, as MLeap writes it, and the form where it is not dense by rows."""
    flat = np.array([row.values for row in matrix.rows]).reshape(len(matrix.rows), -1)
    made = {name: spec.tensor(flat.ravel(order="F").tolist(), flat.shape)}
    made |= encode_order(matrix.rows[0].order)
    form = _FORMS[2 * matrix.rows[0].sparse + matrix.by_columns]
    return made if form == _FORMS[0] else {**made, f"{name}_form": spec.string(form)}


def decode_matrix(attributes: Attributes, name: str) -> Matrix:
    """The matrix; ArtifactError where it is no tensor of two dimensions."""
    value = attributes.tensor(name)
    form = attributes.string(f"{name}_form", _FORMS[0])
    if len(value.dims) != 2 or form not in _FORMS:
        raise attributes.error(
            f"attribute {name!r} is no matrix: dimensions {list(value.dims)}, form {form!r}"
        )
    whole = np.array(value.data, np.float64).reshape(value.dims, order="F")
    return _matrix(whole, form.startswith("sparse"), form.endswith("columns"), decode_order(attributes))


def _matrix(whole: Numbers, sparse: bool, by_columns: bool, order: Order) -> Matrix:
    return Matrix(tuple(Coefficients(tuple(row.tolist()), sparse, order) for row in whole), by_columns)
