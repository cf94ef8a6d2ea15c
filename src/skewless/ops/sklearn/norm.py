"""Rows brought to length one: Normalizer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import each_row, is_wide, vector_type
from skewless.ops.sklearn.matrix import NO_NAN, checked, hostile, matrix, wide
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import SparseVector, Vector

NORMS: Final = ("l1", "l2", "max")


@register
@dataclass(frozen=True, slots=True)
class Normalize(Op):
    """Every slot divided by the row's norm, which is 1 where it is zero. Source: sklearn.preprocessing.normalize."""

    name: ClassVar[str] = "sklearn_normalize"
    bad_values: ClassVar[str] = NO_NAN
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 32
    why_not_bits: ClassVar[str] = (
        "numpy adds a row's terms in an order that depends on how the matrix lies in memory; for max, bits are equal"
    )

    size: int
    norm: str

    @classmethod
    def decode(cls, model: Model) -> Self:
        norm = model.attributes.string("norm")
        if norm not in NORMS:
            raise model.attributes.error(f"norm is {norm!r}; it must be one of {', '.join(NORMS)}")
        return cls(model.attributes.integer("size"), norm)

    def encode(self) -> Mapping[str, Value]:
        return {"size": spec.integer(self.size), "norm": spec.string(self.norm)}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, False)
        if is_wide(column):
            return (each_row(self.row([column.type]), vector(self.size), column),)
        with np.errstate(all="ignore"):
            norms = self._norms(column.values)
            made = column.values / np.where(norms == 0.0, 1.0, norms)[:, None]
        if column.sparse is not None:
            made = np.where(column.sparse[:, None], made + 0.0, made)
        return (Column(vector(self.size), made, None, column.sparse),)

    def _norms(self, rows: Numbers) -> Numbers:
        if self.norm == "max":
            return np.asarray(np.abs(rows).max(axis=1, initial=0.0))
        total: Numbers = np.zeros(len(rows))
        for slot in rows.T:
            total = total + (np.abs(slot) if self.norm == "l1" else slot * slot)
        return total if self.norm == "l1" else np.sqrt(total)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, length = self.size, self._length

        def kernel(cell: Any) -> Vector:
            slots = checked(cell, size, False)
            norm = length(slots) or 1.0
            made = [value / norm for value in slots]
            return SparseVector(size, cell.indices, made) if isinstance(cell, SparseVector) else made

        return kernel

    def _length(self, slots: Sequence[float]) -> float:
        if self.norm == "max":
            return max(map(abs, slots), default=0.0)
        total = 0.0
        for value in slots:
            total += abs(value) if self.norm == "l1" else value * value
        return total if self.norm == "l1" else math.sqrt(total)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for norm in NORMS:
            for column in hostile():
                yield Example(cls(4, norm), (column,))
            yield Example(cls(1500, norm), (wide(),))


@reads_sklearn("preprocessing._data.Normalizer", ops=(Normalize,), forms="l1, l2 and max; dense or sparse")
def _normalizer(step: SklearnStep) -> Made:
    size = step.types[0].size if step.types[0] else None
    return step.transformed(Normalize(size or step.size, step.estimator.norm), sparse=step.sparse)
