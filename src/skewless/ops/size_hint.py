"""Vectors of a promised length: Spark's VectorSizeHint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Lowered, Op, RowKernel, Skipped, SparkStage, reads_spark, register
from skewless.ops.rows import check, present, vector_type
from skewless.ops.scale import hostile
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Mask

INVALID = ("error", "skip", "optimistic")


@register
@dataclass(frozen=True, slots=True)
class VectorSizeHint(Op):
    """Looks at the vectors of a column and leaves it as it is; it makes no column.

    A null or a vector of another length is refused, drops the row, or passes, as ``handle_invalid`` says. MLeap has
    no such op. Source: Spark's VectorSizeHint.transform.
    """

    name: ClassVar[str] = "vector_size_hint"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails (error), drops the row (skip) or passes (optimistic)."
    )
    mleap: ClassVar[str] = "absent"

    size: int
    handle_invalid: str = "error"

    @property
    def outputs(self) -> tuple[str, ...]:
        return ()

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(INVALID)}")
        return cls(attributes.integer("size"), invalid)

    def encode(self) -> Mapping[str, Value]:
        return {"size": spec.integer(self.size), "handle_invalid": spec.string(self.handle_invalid)}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return ()

    def narrowed(self, inputs: Sequence[Type]) -> Sequence[Type]:
        return (vector(self.size),)

    def keep(self, *inputs: Column) -> Mask | None:
        if self.handle_invalid != "skip":
            return None
        nulls, size = inputs[0].null_mask, inputs[0].values.shape[1]
        fits = np.full(len(inputs[0]), size == self.size)
        return fits if nulls is None else fits & ~nulls

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if self.handle_invalid == "error":
            present(inputs[0], self.size)
        return ()

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, invalid = self.size, self.handle_invalid

        def kernel(cell: Any) -> tuple[()]:
            if invalid == "error":
                check(cell, size)
            elif invalid == "skip" and (cell is None or len(cell) != size):
                raise Skipped
            return ()

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for invalid in INVALID:
            for column in hostile():
                yield Example(cls(4, invalid), (column,))


@reads_spark(
    "org.apache.spark.ml.feature.VectorSizeHint",
    ops=(VectorSizeHint,),
    forms="error, skip, optimistic",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    op = VectorSizeHint(int(stage.params["size"]), str(stage.param("handleInvalid", "error")))
    return [Lowered(op, stage.columns("input"), ())]
