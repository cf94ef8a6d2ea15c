"""Vectors and matrices of fitted coefficients: as Spark saves them, and as a bundle's attributes.

MLeap writes them dense. Whether Spark holds them sparse, and a matrix by rows or by columns, decides in which order it
adds, so attributes that MLeap does not read say so where it is not the common case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skewless import spec
from skewless.ops.blas import AVX2, Coefficients, Order, RowGemv, fma, fma_all
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


@dataclass(frozen=True, slots=True)
class Matrix:
    """Coefficients of several classes, one row each; ``by_columns`` where Spark stores them column by column."""

    rows: tuple[Coefficients, ...]
    by_columns: bool = False

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.rows[0].values) if self.rows else 0

    def add_to(self, start: Sequence[float]) -> RowGemv:
        """The function from a row to this matrix times it, plus ``start``. Source: Spark's BLAS.gemv."""
        dots = [row.row(in_matrix=True) for row in self.rows]
        if self.by_columns and self.rows[0].sparse:
            return lambda x: self._sparse_columns(x, start)
        if not self.by_columns:
            return lambda x: [dot(x) + first for dot, first in zip(dots, start, strict=True)]

        def dense_columns(x: Vector) -> list[float]:
            if isinstance(x, SparseVector):
                return [dot(x) + first for dot, first in zip(dots, start, strict=True)]
            return self._dense_columns(x, start)

        return dense_columns

    def _sparse_columns(self, x: Vector, start: Sequence[float]) -> list[float]:
        made = list(start)
        pairs = zip(x.indices, x.values, strict=True) if isinstance(x, SparseVector) else enumerate(x)
        for slot, value in pairs:
            for position, row in enumerate(self.rows):
                if row.values[slot] != 0.0:
                    made[position] += row.values[slot] * value
        return made

    def _dense_columns(self, x: Sequence[float], start: Sequence[float]) -> list[float]:
        """netlib's ``dgemv`` of a matrix by columns: four columns at a time, the last of them innermost."""
        made, order = list(start), self.rows[0].order
        lanes = len(made) if order.fused else len(made) - len(made) % order.lanes
        blocks = len(x) - len(x) % 4
        for first in [*range(0, blocks, 4), *range(blocks, len(x))]:
            slots = range(first, first + 4) if first < blocks else range(first, first + 1)
            for position, row in enumerate(self.rows):
                if position < lanes:
                    for slot in reversed(slots):
                        made[position] = fma(x[slot], row.values[slot], made[position])
                else:
                    total = x[first] * row.values[first]
                    for slot in slots[1:]:
                        total += x[slot] * row.values[slot]
                    made[position] += total
        return made

    def batch(self, column: Column, start: Sequence[float]) -> Numbers:
        """`add_to` for a column of vectors: rows by classes."""
        if not self.by_columns:
            with np.errstate(all="ignore"):
                parts = [
                    row.batch(column, in_matrix=True) + first
                    for row, first in zip(self.rows, start, strict=True)
                ]
            return np.stack(parts, axis=1)
        function = self.add_to(start)
        made = np.zeros((len(column), len(self.rows)))
        dense = np.zeros(len(column), np.bool_)
        if not self.rows[0].sparse and not isinstance(column.values, Csr):
            dense = ~column.sparse_rows
            made[dense] = self._dense_rows(column.values[dense], start)
        for row in np.flatnonzero(~dense).tolist():
            made[row] = function(column.cell(row))
        return made

    def _dense_rows(self, x: Numbers, start: Sequence[float]) -> Numbers:
        """`_dense_columns` of many rows at once."""
        order, weights = self.rows[0].order, np.array([row.values for row in self.rows])
        made = np.repeat(np.array([start], np.float64), len(x), axis=0)
        lanes = made.shape[1] if order.fused else made.shape[1] - made.shape[1] % order.lanes
        blocks = x.shape[1] - x.shape[1] % 4
        with np.errstate(all="ignore"):
            for first in [*range(0, blocks, 4), *range(blocks, x.shape[1])]:
                slots = range(first, first + 4) if first < blocks else range(first, first + 1)
                for slot in reversed(slots):
                    made[:, :lanes] = fma_all(x[:, slot, None], weights[:lanes, slot], made[:, :lanes])
                total = x[:, first, None] * weights[lanes:, first]
                for slot in slots[1:]:
                    total = total + x[:, slot, None] * weights[lanes:, slot]
                made[:, lanes:] += total
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
