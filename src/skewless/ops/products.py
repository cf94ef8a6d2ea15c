"""Products of slots: Spark's ElementwiseProduct and PolynomialExpansion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.ops.rows import (
    check,
    each_row,
    fitted_tensor,
    is_wide,
    multiply,
    multiply_row,
    present,
    saved_vector,
    tensor,
    vector_type,
)
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import WIDE, SparseVector, Vector, nonzero


@register
@dataclass(frozen=True, slots=True)
class ElementwiseProduct(Op):
    """Each slot times its weight; the row keeps its form. Source: Spark's ElementwiseProduct."""

    name: ClassVar[str] = "elementwise_product"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN and infinities are multiplied like any number."
    )
    mleap: ClassVar[str] = ""

    weights: tuple[float, ...]

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(fitted_tensor(model.attributes, "scaling_vec"))

    def encode(self) -> Mapping[str, Value]:
        return tensor("scaling_vec", self.weights)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(len(self.weights)),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, len(self.weights)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (multiply(present(inputs[0], len(self.weights)), np.array(self.weights)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        weights = self.weights

        def kernel(cell: Any) -> Vector:
            check(cell, len(weights))
            return multiply_row(cell, weights)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for op in (cls((0.5, -0.0, 5e-324, 1e300)), cls((math.inf, -math.inf, 0.1, -1.0))):
            for column in hostile():
                yield Example(op, (column,))
        yield Example(cls((0.3,) * 1500), (wide(),))


@register
@dataclass(frozen=True, slots=True)
class PolynomialExpansion(Op):
    """All products of slots up to a degree, the constant left out; the row keeps its form.

    They stand in the order of the last slot's power, then of the one before; each is multiplied from the last slot
    down, and is 0.0 as soon as it is zero, whatever follows. Source: Spark's PolynomialExpansion.
    """

    name: ClassVar[str] = "polynomial_expansion"
    bad_values: ClassVar[str] = (
        "A null vector fails; a product that has become 0 stays 0, whatever NaN or infinity follows."
    )
    mleap: ClassVar[str] = ""

    degree: int = 2
    size: int | None = None
    """The vectors' length where the exporter knew it; MLeap wants it, and nothing depends on it."""

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        degree = attributes.integer("degree")
        if degree < 1:
            raise attributes.error(f"degree is {degree}; it must be 1 or more")
        return cls(degree, attributes.integer("input_size", 0) or None)

    def encode(self) -> Mapping[str, Value]:
        known = {} if self.size is None else {"input_size": spec.long(self.size)}
        return {"degree": spec.long(self.degree), **known}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        size = vector_type(inputs).size
        if size is not None and _count(size, self.degree) > 2**31:
            raise TypeRefused(f"the expansion of a {inputs[0]} has more slots than Spark takes")
        return (vector(None if size is None else _count(size, self.degree) - 1),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = present(inputs[0])
        width = column.values.shape[1]
        size = _count(width, self.degree) - 1
        if is_wide(column) or size > WIDE:
            return (each_row(self.row([column.type]), vector(size), column),)
        slots = column.values
        made: list[Numbers] = []
        with np.errstate(all="ignore"):
            absent = column.sparse_rows[:, None] & (slots == 0.0)
            _expand(slots, absent, width - 1, self.degree, np.ones(len(slots)), made)
        # The first is the constant.
        whole = np.stack(made[1:], axis=1) if len(made) > 1 else np.zeros((len(slots), 0))
        return (Column(vector(size), whole, None, column.sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        degree = self.degree

        def kernel(cell: Any) -> Vector:
            check(cell)
            size = _count(len(cell), degree) - 1
            sparse = isinstance(cell, SparseVector)
            stored = list(nonzero(cell)) if sparse else list(enumerate(cell))
            indices, values = [slot for slot, _ in stored], [value for _, value in stored]
            pairs: list[tuple[int, float]] = []
            _expand_row(indices, values, (len(indices) - 1, len(cell) - 1, degree), 1.0, -1, pairs)
            if sparse:
                return SparseVector(size, [slot for slot, _ in pairs], [value for _, value in pairs])
            made = [0.0] * size
            for slot, value in pairs:
                made[slot] = value
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for degree in (1, 2, 3):
            for column in hostile():
                yield Example(cls(degree, 4), (column,))
        rows: list[Vector] = [
            SparseVector(60, (0, 3, 59), (2.0, -0.5, math.inf)),
            [slot / 7 for slot in range(60)],
        ]
        yield Example(cls(2), (from_cells(vector(60), rows),))


def _count(slots: int, degree: int) -> int:
    """How many products of so many slots there are, the constant among them."""
    return math.comb(slots + degree, degree)


def _expand(
    slots: Numbers, absent: Numbers, last: int, degree: int, product: Numbers, made: list[Numbers]
) -> None:
    """All products of the slots up to the last, times ``product``, for whole columns.

    What a sparse row leaves out makes 0.0 even of NaN.
    """
    if degree == 0 or last < 0:
        made.append(product)
        return
    for power in range(degree + 1):
        _expand(slots, absent, last - 1, degree - power, product, made)
        if power < degree:
            further = product * slots[:, last]
            product = np.where((product == 0.0) | (further == 0.0) | absent[:, last], 0.0, further)


def _expand_row(
    indices: Sequence[int],
    values: Sequence[float],
    at: tuple[int, int, int],
    product: float,
    start: int,
    pairs: list[tuple[int, float]],
) -> int:
    """Spark's expandSparse: ``at`` has the last stored slot, the last slot, and the degree; gives the next place."""
    last, slot, degree = at
    if product == 0.0:
        pass
    elif degree == 0 or last < 0:
        if start >= 0:
            pairs.append((start, product))
    else:
        here, place, power = product, start, 0
        while power <= degree and here != 0.0:
            below = (last - 1, indices[last] - 1, degree - power)
            place = _expand_row(indices, values, below, here, place, pairs)
            power += 1
            here *= values[last]
    return start + _count(slot + 1, degree)


@reads_spark("org.apache.spark.ml.feature.ElementwiseProduct", ops=(ElementwiseProduct,), forms="one column")
def _read_product(stage: SparkStage) -> Sequence[Lowered]:
    op = ElementwiseProduct(saved_vector(stage.params["scalingVec"]))
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]


@reads_spark(
    "org.apache.spark.ml.feature.PolynomialExpansion",
    ops=(PolynomialExpansion,),
    forms="one column",
)
def _read_polynomial(stage: SparkStage) -> Sequence[Lowered]:
    (column,) = stage.columns("input")
    type_ = stage.sizes(column)
    op = PolynomialExpansion(int(stage.param("degree", 2)), None if type_ is None else type_.size)
    return [Lowered(op, (column,), stage.columns("output"))]
