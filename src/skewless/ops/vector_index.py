"""Categories inside vectors: Spark's VectorIndexerModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    Skipped,
    SparkStage,
    reads_spark,
    register,
)
from skewless.ops.rows import check, each_row, infinite, is_wide, present, restored, vector_type
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Mask, Numbers
from skewless.vectors import SparseVector, Vector

INVALID = ("error", "keep", "skip")
Categories = tuple[int, tuple[tuple[float, int], ...]]


@register
@dataclass(frozen=True, slots=True)
class VectorIndexer(Op):
    """The index of a slot's value among its fitted categories; other slots pass, and the row keeps its form.

    -0.0 is the category 0.0; NaN is in none; what a sparse row leaves out is not looked up. A value in no category is
    refused, counts as one more category, or drops the row, as ``handle_invalid`` says; null is refused always.
    Source: Spark's VectorIndexerModel.transformFunc.
    """

    name: ClassVar[str] = "vector_indexer"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; a value in no fitted category, NaN among them, fails "
        "(error), counts as one more category (keep) or drops the row (skip)."
    )
    mleap: ClassVar[str] = "With skip it fails, where Spark drops the row."

    size: int
    categories: tuple[Categories, ...]
    """By slot in ascending order: values with their index."""
    handle_invalid: str = "error"

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(INVALID)}")
        size = attributes.integer("num_features")
        categories = []
        for slot in sorted(attributes.integers("keys", ())):
            name = f"key_{slot}_keys"
            values = restored(attributes, name, attributes.doubles(name, ()))
            indices = attributes.integers(f"key_{slot}_values", ())
            if len(values) != len(indices) or not 0 <= slot < size:
                raise attributes.error(f"{name} and key_{slot}_values do not fit")
            categories.append((slot, tuple(zip(values, indices, strict=True))))
        return cls(size, tuple(categories), invalid)

    def encode(self) -> Mapping[str, Value]:
        made = {
            "num_features": spec.long(self.size),
            "keys": spec.longs([slot for slot, _ in self.categories]),
            "handle_invalid": spec.string(self.handle_invalid),
        }
        for slot, categories in self.categories:
            values = [value for value, _ in categories]
            made[f"key_{slot}_keys"] = spec.doubles(values)
            made[f"key_{slot}_values"] = spec.longs([index for _, index in categories])
            made.update(infinite(f"key_{slot}_keys", values))
        return made

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def keep(self, *inputs: Column) -> Mask | None:
        column = inputs[0]
        if self.handle_invalid != "skip" or not len(column) or column.values.shape[1] != self.size:
            return None
        if not is_wide(column):
            stay: Mask = np.asarray(~self._indexed(column)[1].any(axis=1))
            # A null is no row to drop, but one to refuse.
            return stay if column.nulls is None else stay | column.nulls
        kernel, stay = self.row([column.type]), np.ones(len(column), np.bool_)
        for row in range(len(column)):
            try:
                kernel(column.cell(row))
            except Skipped:
                stay[row] = False
            except Refused:
                pass
        return stay

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if is_wide(inputs[0]):
            return (self._wide(inputs[0]),)
        nulls = inputs[0].nulls
        if nulls is not None and nulls.any() and inputs[0].values.shape[1] == self.size:
            # An invalid value may stand before the first null.
            before = inputs[0].take(np.arange(len(nulls)) < int(np.argmax(nulls)))
            self.columns(Column(before.type, before.values, None, before.sparse))
        column = present(inputs[0], self.size)
        if not len(column):
            return (column,)
        made, invalid = self._indexed(column)
        if invalid.any() and self.handle_invalid == "error":
            row = int(np.argmax(invalid.any(axis=1)))
            slot = int(np.argmax(invalid[row]))
            raise self._refusal(float(column.values[row, slot]), slot, row)
        return (Column(vector(self.size), made, None, column.sparse),)

    def _wide(self, column: Column) -> Column:
        kernel = self.row([column.type])
        try:
            return each_row(kernel, vector(self.size), column)
        except Refused:
            for row in range(len(column)):
                try:
                    kernel(column.cell(row))
                except Refused as refused:
                    refused.position = row
                    raise
            raise

    def _indexed(self, column: Column) -> tuple[Numbers, Mask]:
        """The slots with indices for categories, and which were in none."""
        slots = column.values
        made, invalid = slots.copy(), np.zeros(slots.shape, np.bool_)
        absent = column.sparse_rows[:, None] & (slots == 0.0)
        for slot, categories in self.categories:
            given = slots[:, slot]
            index = np.full(len(given), float(len(categories)))
            found = absent[:, slot].copy()
            index[found] = 0.0
            for value, position in categories:
                same = (given == value) & ~absent[:, slot]
                index[same] = float(position)
                found |= same
            made[:, slot] = index
            invalid[:, slot] = ~found
        return made, invalid

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        # NaN stands for itself in a dict, but Java's is in no category.
        maps = {
            slot: {value: float(index) for value, index in categories if value == value}
            for slot, categories in self.categories
        }
        counts = {slot: float(len(categories)) for slot, categories in self.categories}
        size, invalid = self.size, self.handle_invalid

        def indexed(slot: int, value: float) -> float:
            if slot not in maps:
                return value
            index = maps[slot].get(value)
            if index is not None:
                return index
            if invalid == "skip":
                raise Skipped
            if invalid == "error":
                raise self._refusal(value, slot, 0)
            return counts[slot]

        def kernel(cell: Any) -> Vector:
            check(cell, size)
            if isinstance(cell, SparseVector):
                pairs = zip(cell.indices, cell.values, strict=True)
                made = [indexed(slot, value) if value != 0.0 else 0.0 for slot, value in pairs]
                return SparseVector(size, cell.indices, made)
            return [indexed(slot, value) for slot, value in enumerate(cell)]

        return kernel

    def _refusal(self, value: float, slot: int, row: int) -> Refused:
        return Refused(
            f"the value {value!r} of slot {slot} is in none of its fitted categories",
            value=value,
            position=row,
            hint='Correct the value, or fit with handleInvalid="keep".',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        seen = ((0, ((0.0, 0), (1.0, 1))), (2, ((-1.0, 0), (math.inf, 1), (5e-324, 2))))
        for invalid in INVALID:
            for column in hostile():
                # A row dropped before the null would shift the null's number.
                if invalid != "skip" or column.nulls is None:
                    yield Example(cls(4, seen, invalid), (column,))
                yield Example(cls(4, (), invalid), (column,))
            yield Example(cls(1500, ((0, ((1.0, 0),)), (1499, ((-2.0, 1),))), invalid), (wide(),))


@reads_spark(
    "org.apache.spark.ml.feature.VectorIndexerModel",
    ops=(VectorIndexer,),
    forms="error, keep, skip",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    categories = tuple(
        (int(slot), tuple((float(value), int(index)) for value, index in dict(found).items()))
        for slot, found in sorted(dict(fitted["categoryMaps"]).items())
    )
    op = VectorIndexer(int(fitted["numFeatures"]), categories, str(stage.param("handleInvalid", "error")))
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
