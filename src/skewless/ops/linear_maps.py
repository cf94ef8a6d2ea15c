"""Vectors times a fitted matrix: Spark's PCAModel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import AVX2, WHY_NOT_BITS_OF_SUMS, Coefficients, Order
from skewless.ops.fitted import Matrix, decode_order, encode_order
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, reads_spark, register
from skewless.ops.rows import check, infinite, present, restored, vector_type
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column


@register
@dataclass(frozen=True, slots=True)
class PCA(Op):
    """The dot products with the principal components, always dense; nothing is centred.

    Source: Spark's PCAModel.transform, which multiplies with the components' transposed matrix.
    """

    name: ClassVar[str] = "pca"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN and infinities are computed with."
    )
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = WHY_NOT_BITS_OF_SUMS

    components: tuple[tuple[float, ...], ...]
    size: int
    order: Order = AVX2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        value = attributes.tensor("principal_components")
        if len(value.dims) != 2:
            raise attributes.error(f"principal_components have {len(value.dims)} dimensions instead of 2")
        size, count = value.dims
        values = restored(attributes, "principal_components", [float(number) for number in value.data])
        components = tuple(values[place * size : (place + 1) * size] for place in range(count))
        return cls(components, size, decode_order(attributes))

    def encode(self) -> Mapping[str, Value]:
        values = [value for component in self.components for value in component]
        return {
            "principal_components": spec.tensor(values, (self.size, len(self.components))),
            **infinite("principal_components", values),
            **encode_order(self.order),
        }

    @property
    def _matrix(self) -> Matrix:
        return Matrix(tuple(Coefficients(component, order=self.order) for component in self.components))

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vector(len(self.components)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        count = len(self.components)
        if not len(inputs[0]):
            return (Column(vector(count), np.zeros((0, count))),)
        made = self._matrix.batch(present(inputs[0], self.size), [0.0] * count)
        return (Column(vector(count), made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        product, size = self._matrix.add_to([0.0] * len(self.components)), self.size

        def kernel(cell: Any) -> list[float]:
            check(cell, size)
            return product(cell)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile():
            yield Example(cls(((0.1, -0.7, 0.3, 1e-300), (1.0, 0.0, -0.0, 5e-324)), 4), (column,))
        yield Example(cls((tuple(slot / 7 for slot in range(1500)),), 1500), (wide(),))


@reads_spark("org.apache.spark.ml.feature.PCAModel", ops=(PCA,), forms="one column")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    saved: Mapping[str, Any] = stage.fitted()["pc"]
    size, count, values = int(saved["numRows"]), int(saved["numCols"]), saved["values"]
    components = [
        [
            values[slot * count + place if saved["isTransposed"] else place * size + slot]
            for slot in range(size)
        ]
        for place in range(count)
    ]
    op = PCA(tuple(map(tuple, components)), size, Order.of(stage.blas))
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
