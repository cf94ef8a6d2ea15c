"""Some slots of a vector: Spark's VectorSlicer and its feature selectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.ops.rows import check, each_row, is_wide, present
from skewless.schema import Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import WIDE, SparseVector, Vector


@dataclass(frozen=True, slots=True)
class _Picked:
    """Slots at these positions, in this order; the row keeps its form."""

    slots: tuple[int, ...]

    def type(self, inputs: Sequence[Type]) -> Type:
        """The outcome's type, the input's checked."""
        type_ = inputs[0]
        if not type_.is_vector:
            raise TypeRefused(f"the input must be a vector, not {type_}")
        if type_.size is not None and type_.size <= max(self.slots, default=-1):
            raise TypeRefused(f"a {type_} has no slot {max(self.slots)}")
        return vector(len(self.slots))

    def column(self, given: Column) -> Column:
        """The batch kernel."""
        column, made = present(given), vector(len(self.slots))
        if not len(column):
            return Column(made, np.zeros((0, len(self.slots))))
        if is_wide(column) or len(self.slots) > WIDE:
            return each_row(self.row(), made, column)
        if column.values.shape[1] <= max(self.slots, default=-1):
            self.row()(column.cell(0))
        return Column(made, column.values[:, np.array(self.slots, np.int64)], None, column.sparse)

    def row(self) -> RowKernel:
        """The row kernel."""
        slots, least = self.slots, max(self.slots, default=-1) + 1

        def kernel(cell: Any) -> Vector:
            check(cell)
            if len(cell) < least:
                check(cell, least)
            if isinstance(cell, SparseVector):
                stored = dict(zip(cell.indices, cell.values, strict=True))
                found = [(place, stored[slot]) for place, slot in enumerate(slots) if slot in stored]
                return SparseVector(len(slots), [place for place, _ in found], [value for _, value in found])
            return [cell[slot] for slot in slots]

        return kernel


def _examples() -> Iterable[Column]:
    yield from_cells(vector(3), [])
    yield from_cells(vector(3), [[1.0, 2.0, 3.0], None])
    rows = [[-0.0, math.nan, math.inf], SparseVector(3, (1,), (5e-324,)), SparseVector(3, (), ())]
    yield from_cells(vector(3), rows)
    yield from_cells(vector(1500), [SparseVector(1500, (2, 7), (1.0, 2.0)), [0.0] * 1499 + [1.0]])


@register
@dataclass(frozen=True, slots=True)
class VectorSlicer(Op):
    """The slots that are named by position and then those by name; the row keeps its form.

    Source: Spark's VectorSlicer.transform.
    """

    name: ClassVar[str] = "vector_slicer"
    bad_values: ClassVar[str] = "A null vector, or one that lacks a slot, fails; NaN and infinities pass."
    mleap: ClassVar[str] = ""

    indices: tuple[int, ...]
    names: tuple[str, ...] = ()
    named: tuple[int, ...] = ()
    size: int | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        indices, named = _positions(attributes, "indices"), _positions(attributes, "named_indices")
        names = attributes.strings("names", ())
        if len(names) != len(named):
            raise attributes.error(f"it has {len(names)} names and {len(named)} named_indices")
        return cls(indices, names, named, attributes.integer("input_size", 0) or None)

    def encode(self) -> Mapping[str, Value]:
        known = {} if self.size is None else {"input_size": spec.integer(self.size)}
        return {
            "indices": spec.longs(self.indices),
            "names": spec.strings(self.names),
            "named_indices": spec.integers(self.named),
            **known,
        }

    @property
    def _picked(self) -> _Picked:
        return _Picked(self.indices + self.named)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (self._picked.type(inputs),)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        return given

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (self._picked.column(inputs[0]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return self._picked.row()

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in _examples():
            yield Example(cls((2, 0)), (column,))
            yield Example(cls((1,), ("ü",), (0,), column.type.size), (column,))


@register
@dataclass(frozen=True, slots=True)
class ChiSqSelector(Op):
    """The selected slots in order; the row keeps its form. All of Spark's selectors come down to this.

    Source: Spark's SelectorModel.transform.
    """

    name: ClassVar[str] = "chi_sq_selector"
    bad_values: ClassVar[str] = "A null vector, or one that lacks a slot, fails; NaN and infinities pass."
    mleap: ClassVar[str] = ""

    selected: tuple[int, ...]
    size: int | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(_positions(attributes, "filter_indices"), attributes.integer("input_size", 0) or None)

    def encode(self) -> Mapping[str, Value]:
        known = {} if self.size is None else {"input_size": spec.integer(self.size)}
        return {"filter_indices": spec.longs(self.selected), **known}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (_Picked(self.selected).type(inputs),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (_Picked(self.selected).column(inputs[0]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return _Picked(self.selected).row()

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in _examples():
            yield Example(cls((0, 2), column.type.size), (column,))
            yield Example(cls(()), (column,))


def _positions(attributes: Attributes, name: str) -> tuple[int, ...]:
    found = attributes.integers(name, ())
    if any(position < 0 for position in found):
        raise attributes.error(f"{name} has {min(found)}; slots are counted from 0")
    return found


@reads_spark(
    "org.apache.spark.ml.feature.VectorSlicer",
    ops=(VectorSlicer,),
    forms="by positions, and by names that a sample tells",
)
def _read_slicer(stage: SparkStage) -> Sequence[Lowered]:
    (column,), (output,) = stage.columns("input"), stage.columns("output")
    names = tuple(stage.param("names", ()))
    positions = _by_name(stage.metadata(column).get("attrs", {})) if names else {}
    unknown = [name for name in names if name not in positions]
    if unknown:
        raise UnsupportedError(
            f"{stage}: slots are named {', '.join(map(repr, unknown))}, "
            f"and column {column!r} carries no such names that are known here",
            hint="Export with sample=df whose column has the names, or slice by indices.",
        )
    type_ = stage.sizes(column)
    named = tuple(positions[name] for name in names)
    indices = tuple(int(index) for index in stage.param("indices", ()))
    op = VectorSlicer(indices, names, named, None if type_ is None else type_.size)
    return [Lowered(op, (column,), (output,))]


def _by_name(attrs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Mapping[str, int]:
    return {str(one["name"]): int(one["idx"]) for kind in attrs.values() for one in kind if "name" in one}


@reads_spark(
    "org.apache.spark.ml.feature.ChiSqSelectorModel",
    "org.apache.spark.ml.feature.UnivariateFeatureSelectorModel",
    "org.apache.spark.ml.feature.VarianceThresholdSelectorModel",
    ops=(ChiSqSelector,),
    forms="whatever chose the features",
)
def _read_selector(stage: SparkStage) -> Sequence[Lowered]:
    column = str(stage.param("featuresCol", "features"))
    # Saved in the order of their scores, and sorted by Spark whenever it transforms.
    selected = tuple(sorted(int(index) for index in stage.fitted()["selectedFeatures"]))
    type_ = stage.sizes(column)
    op = ChiSqSelector(selected, None if type_ is None else type_.size)
    return [Lowered(op, (column,), stage.columns("output"))]
