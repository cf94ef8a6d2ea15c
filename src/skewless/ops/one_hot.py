"""Category index to unit vector: Spark's OneHotEncoderModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.coded import Coded
from skewless.ops.compiling import Source, Symbol, tabled
from skewless.ops.ml_attributes import BINARY, MLAttributes, group
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
from skewless.schema import DOUBLE, INT, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import WIDE, Csr, SparseVector

INVALID = ("error", "keep")


@register
@dataclass(frozen=True, slots=True)
class OneHotEncoder(Op):
    """A unit vector for each column's index; a fraction is cut off, null stays null.

    With ``drop_last`` the last category is all zeros. An index outside the fitted categories is refused, or, with
    ``handle_invalid`` keep, counts as one more category. Source: Spark's OneHotEncoderModel.transform.
    """

    name: ClassVar[str] = "one_hot_encoder"
    bad_values: ClassVar[str] = (
        "Null stays null, a fraction is cut off; any other number that is no fitted category, NaN among "
        "them, fails (error) or counts as one more category (keep)."
    )
    mleap: ClassVar[str] = "A fraction fails, where Spark cuts it off."

    categories: tuple[int, ...]
    drop_last: bool = True
    handle_invalid: str = "error"

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.categories)))

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"output{position}" for position in range(len(self.categories)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        drop_last = attributes.boolean("drop_last", True)
        if "category_sizes" in attributes:
            sizes = attributes.integers("category_sizes")
            invalid = attributes.string("handle_invalid", "error")
        else:
            # Before MLeap 0.12: one ``size``; where nothing else is said, a dropped last category takes all others.
            sizes = (attributes.integer("size"),)
            invalid = attributes.string("handle_invalid", "keep" if drop_last else "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be error or keep")
        if not sizes or min(sizes) < 0:
            raise attributes.error(f"category sizes {list(sizes)} are not whole numbers from 0")
        return cls(sizes, drop_last, invalid)

    def encode(self) -> Mapping[str, Value]:
        return {
            "category_sizes": spec.integers(self.categories),
            "drop_last": spec.boolean(self.drop_last),
            "handle_invalid": spec.string(self.handle_invalid),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,) * len(self.categories)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, type_ in enumerate(inputs):
            if not type_.is_number:
                raise TypeRefused(f"a category index must be a number, not {type_}", input=position)
        return tuple(vector(self.width(size)) for size in self.categories)

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        return [group([BINARY] * self.width(size)) for size in self.categories]

    def width(self, categories: int) -> int:
        """The vector's length for so many categories."""
        return max(categories - self.drop_last + (self.handle_invalid == "keep"), 0)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return tuple(self._coded(column, position) for position, column in enumerate(inputs))

    def _coded(self, column: Column, position: int) -> Column:
        """A vector for each distinct index, where those are told apart; a bad one may be in no row."""
        if isinstance(column, Coded):
            try:
                return Coded(self._column(column.distinct, position), column.codes)
            except Refused:
                pass
        return self._column(column, position)

    def _column(self, column: Column, position: int) -> Column:
        size, width = self.categories[position], self.width(self.categories[position])
        index = column.numbers()
        nulls = column.null_mask
        outside = ~((index >= 0) & (index < size))
        if nulls is not None:
            outside &= ~nulls
        if outside.any():
            if self.handle_invalid == "error":
                first = int(np.argmax(outside))
                raise self._refusal(float(index[first]), size, position, first)
            index = np.where(outside, size, index)
        slots = np.where(np.isnan(index), width, index).astype(np.int64)
        if width > WIDE:
            inside = slots < width
            starts = np.concatenate([[0], np.cumsum(inside)]).astype(np.int64)
            picked = slots[inside].astype(np.int32)
            return Column(vector(width), Csr(starts, picked, np.ones(len(picked)), width), nulls)
        hot = np.zeros((len(index), width))
        rows = np.flatnonzero(slots < width)
        hot[rows, slots[rows]] = 1.0
        if nulls is not None:
            hot[nulls] = np.nan
        return Column(vector(width), hot, nulls, np.ones(len(hot), np.bool_))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        single = [self._row_of(position) for position in range(len(self.categories))]
        if len(single) == 1:
            return single[0]
        return lambda *indices: tuple(kernel(index) for kernel, index in zip(single, indices, strict=True))

    def _row_of(self, position: int) -> RowKernel:
        size, width = self.categories[position], self.width(self.categories[position])
        keep = self.handle_invalid == "keep"

        units = [SparseVector(width, (slot,), (1.0,)) for slot in range(min(width, WIDE))]
        zero = SparseVector(width, (), ())

        def kernel(index: Any) -> SparseVector | None:
            if index is None:
                return None
            if not 0 <= index < size:
                if not keep:
                    raise self._refusal(float(index), size, position, 0)
                index = size
            if index >= width:
                return zero
            slot = int(index)
            return units[slot] if slot < WIDE else SparseVector(width, (slot,), (1.0,))

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        units = [
            tabled(index, map(float, range(size)), self._row_of(position), vector(self.width(size)))
            for position, (index, size) in enumerate(zip(inputs, self.categories, strict=True))
        ]
        return None if None in units else units

    def _refusal(self, index: float, size: int, position: int, row: int) -> Refused:
        return Refused(
            f"category index {index} is outside the {size} fitted categories",
            value=index,
            position=row,
            input=position,
            hint='Correct the value, or fit with handleInvalid="keep".',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        inside = [0.0, -0.0, 1.0, 1.5, 2.0, None]
        for drop_last in (True, False):
            for invalid in INVALID:
                op = cls((3,), drop_last, invalid)
                yield Example(op, (from_cells(DOUBLE, inside),))
                yield Example(op, (from_cells(DOUBLE, []),))
                for outside in (3.0, -1.0, math.nan, math.inf, -math.inf):
                    yield Example(op, (from_cells(DOUBLE, [0.0, outside]),))
                two = cls((3, 1), drop_last, invalid)
                yield Example(two, (from_cells(DOUBLE, [0.0, 2.0]), from_cells(INT, [0, None])))


@reads_spark(
    "org.apache.spark.ml.feature.OneHotEncoderModel",
    "org.apache.spark.ml.feature.OneHotEncoderEstimatorModel",
    ops=(OneHotEncoder,),
    forms="one or several columns; error, keep; dropLast",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    op = OneHotEncoder(
        tuple(int(size) for size in stage.fitted()["categorySizes"]),
        bool(stage.param("dropLast", True)),
        str(stage.param("handleInvalid", "error")),
    )
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
