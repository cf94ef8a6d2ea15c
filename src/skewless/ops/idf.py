"""Counts weighed by how rare their words are: Spark's IDFModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.fitted import saved_vector
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    TypeRefused,
    reads_spark,
    register,
)
from skewless.ops.rows import restored, tensor
from skewless.ops.tokens import null_refused
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import Csr, SparseVector, Vector


@register
@dataclass(frozen=True, slots=True)
class Idf(Op):
    """Each slot times its weight; of a sparse vector the stored slots only.

    A shorter vector is weighed too, and a longer one as long as nothing beyond the weights is stored: Spark looks no
    further. Source: Spark's IDFModel.transform, mllib's IDFModel.transformDense and transformSparse.
    """

    name: ClassVar[str] = "idf"
    bad_values: ClassVar[str] = (
        "A null vector fails, and one with anything stored beyond the fitted slots; NaN and infinities are "
        "multiplied like any number."
    )
    mleap: ClassVar[str] = ""

    weights: tuple[float, ...]
    documents: tuple[int, ...] = ()
    total: int = 0

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        weights = attributes.tensor("idf")
        if len(weights.dims) != 1:
            raise attributes.error(f"idf has {len(weights.dims)} dimensions; it must be a vector")
        return cls(
            restored(attributes, "idf", [float(weight) for weight in weights.data]),
            attributes.integers("docFreq", ()),
            attributes.integer("numDocs", 0),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            **tensor("idf", self.weights),
            "docFreq": spec.longs(self.documents),
            "numDocs": spec.long(self.total),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(len(self.weights)),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if not inputs[0].is_vector:
            raise TypeRefused(f"it takes a vector, not {inputs[0]}")
        return (vector(inputs[0].size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = inputs[0]
        self._check(column)
        size = column.values.shape[1]
        type_ = vector(size)
        if isinstance(column.values, Csr):
            csr = column.values
            weighed = csr.values * np.array(self.weights)[csr.indices]
            made = Csr(csr.starts, csr.indices, weighed, csr.size)
            return (Column(type_, made, None, column.sparse),)
        slots = column.values[:, : len(self.weights)]
        product = np.zeros(column.values.shape)
        with np.errstate(invalid="ignore", over="ignore"):
            product[:, : slots.shape[1]] = slots * np.array(self.weights[:size], np.float64)
        if column.sparse is not None:
            # What is not stored is not weighed.
            product[column.sparse[:, None] & (column.values == 0.0)] = 0.0
        return (Column(type_, product, None, column.sparse),)

    def _check(self, column: Column) -> None:
        """Refuse the first row that is null or reaches beyond the weights."""
        nulls = column.null_mask
        if column.values.shape[1] > len(self.weights):
            for row in range(len(column)):
                self._reach(column.cell(row), row)
        elif nulls is not None and nulls.any():
            raise null_refused(int(np.argmax(nulls)))

    def _reach(self, cell: Vector | None, position: int) -> None:
        if cell is None:
            raise null_refused(position)
        length = max(cell.indices, default=-1) + 1 if isinstance(cell, SparseVector) else len(cell)
        if length > len(self.weights):
            raise Refused(
                f"the vector has slot {length - 1}, but only {len(self.weights)} were fitted",
                value=cell,
                position=position,
                hint="Count with the same vocabulary or number of slots as when fitting.",
            )

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        weights = self.weights

        def kernel(cell: Vector | None) -> Any:
            self._reach(cell, 0)
            if isinstance(cell, SparseVector):
                made = [
                    value * weights[index] for index, value in zip(cell.indices, cell.values, strict=True)
                ]
                return SparseVector(cell.size, cell.indices, made)
            return [value * weight for value, weight in zip(cell or (), weights, strict=False)]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        rows = [
            [1.0, -0.0, math.inf],
            SparseVector(3, (0, 2), (2.0, math.nan)),
            SparseVector(3, (), ()),
            [5e-324, 1e308, math.nan],
        ]
        for weights in ((0.5, 0.0, 10.0), (-1.0, math.inf, 1.0)):
            op = cls(weights, (1, 2, 0), 3)
            yield Example(op, (from_cells(vector(3), rows),))
            yield Example(op, (from_cells(vector(3), []),))
            yield Example(op, (from_cells(vector(3), [rows[0], None]),))
            yield Example(op, (from_cells(vector(2), [[1.0, 2.0], SparseVector(2, (1,), (3.0,))]),))
            yield Example(op, (from_cells(vector(4), [SparseVector(4, (1,), (3.0,)), [0.0] * 4]),))
        wide = cls(tuple(1.0 / (slot + 1) for slot in range(2000)))
        cells = [SparseVector(2000, (0, 1999), (1.0, -3.0)), [1.0] * 2000, SparseVector(2000, (), ())]
        yield Example(wide, (from_cells(vector(2000), cells),))
        yield Example(wide, (from_cells(vector(2000), [cells[0], None]),))


@reads_spark("org.apache.spark.ml.feature.IDFModel", ops=(Idf,), forms="one column")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    weights = saved_vector(stage, fitted["idf"]).values
    # Spark 2 saved no counts.
    documents = tuple(int(count) for count in fitted.get("docFreq") or ())
    op = Idf(weights, documents, int(fitted.get("numDocs") or 0))
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
