"""Vectors of length one: Spark's Normalizer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, reads_spark, register
from skewless.ops.rows import check, each_row, is_wide, present, vector_type
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column
from skewless.vectors import SparseVector, Vector


@register
@dataclass(frozen=True, slots=True)
class Normalizer(Op):
    """A vector divided by its p-norm, as it is where that is zero; the row keeps its form.

    The norm is summed slot by slot from the first. Source: Spark's mllib Normalizer and Vectors.norm.
    """

    name: ClassVar[str] = "normalizer"
    bad_values: ClassVar[str] = (
        "A null vector fails; one whose norm is 0 stays as it is; NaN makes all slots NaN, unless p is "
        "infinite."
    )
    mleap: ClassVar[str] = "In JSON it loses a p that is infinite."
    ulps: ClassVar[int] = 2
    why_not_bits: ClassVar[str] = (
        "Java's pow differs from the C library's by one unit in the last place now and then; bit-equal for p of 1, 2 "
        "and infinity, where there is none"
    )

    p: float = 2.0
    size: int | None = None
    """The vectors' length where the exporter knew it; MLeap wants it, and nothing depends on it."""

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        p = attributes.double("p_norm")
        # MLeap's JSON has null for infinity, and no other p is lost.
        p = math.inf if p != p else p
        if p < 1.0:
            raise attributes.error(f"p_norm is {p}; it must be 1 or more")
        return cls(p, attributes.integer("input_size", 0) or None)

    def encode(self) -> Mapping[str, Value]:
        known = {} if self.size is None else {"input_size": spec.integer(self.size)}
        return {"p_norm": spec.double(self.p), **known}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = present(inputs[0])
        type_ = vector(column.values.shape[1])
        if is_wide(column) or self.p not in (1.0, 2.0, math.inf):
            return (each_row(self.row([column.type]), type_, column),)
        slots = column.values
        with np.errstate(all="ignore"):
            norms = np.zeros(len(slots))
            for slot in range(slots.shape[1]):
                size = np.abs(slots[:, slot])
                if self.p == 1.0:
                    norms = norms + size
                elif self.p == 2.0:
                    norms = norms + size * size
                else:
                    norms = np.fmax(norms, size)
            norms = np.sqrt(norms) if self.p == 2.0 else norms
            made = np.where(norms[:, None] != 0.0, slots / norms[:, None], slots)
        if column.sparse is not None:
            made = np.where(column.sparse[:, None] & (slots == 0.0), 0.0, made)
        return (Column(type_, made, None, column.sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        p = self.p

        def kernel(cell: Any) -> Vector:
            check(cell)
            if isinstance(cell, SparseVector):
                size = norm(cell.values, p)
                if size == 0.0:
                    return cell
                made = [value / size if value else 0.0 for value in cell.values]
                return SparseVector(cell.size, cell.indices, made)
            size = norm(cell, p)
            return [value / size for value in cell] if size != 0.0 else list(cell)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for p in (1.0, 2.0, 3.0, 1.5, math.inf):
            for column in hostile():
                yield Example(cls(p, 4), (column,))
            yield Example(cls(p), (wide(),))


def norm(values: Sequence[float], p: float) -> float:
    """Spark's Vectors.norm of the stored values."""
    total = 0.0
    if p == math.inf:
        for value in values:
            # A NaN is never the largest.
            total = abs(value) if abs(value) > total else total
        return total
    if p == 2.0:
        for value in values:
            total += value * value
        return math.sqrt(total)
    if p == 1.0:
        for value in values:
            total += abs(value)
        return total
    for value in values:
        total += _power(abs(value), p)
    return _power(total, 1.0 / p)


def _power(number: float, exponent: float) -> float:
    try:
        return math.pow(number, exponent)
    except OverflowError:
        return math.inf


@reads_spark("org.apache.spark.ml.feature.Normalizer", ops=(Normalizer,), forms="any p from 1 on")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    (column,) = stage.columns("input")
    type_ = stage.sizes(column)
    op = Normalizer(float(stage.param("p", 2.0)), None if type_ is None else type_.size)
    return [Lowered(op, (column,), stage.columns("output"))]
