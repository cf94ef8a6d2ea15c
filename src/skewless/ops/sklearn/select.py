"""Some features of many: what every selector comes down to, once it has chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import vector_type
from skewless.ops.sklearn.matrix import checked, hostile, matrix, wide
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.ops.slots import VectorSlicer
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells

_SELECTORS = (
    "feature_selection._variance_threshold.VarianceThreshold",
    "feature_selection._univariate_selection.SelectKBest",
    "feature_selection._univariate_selection.SelectPercentile",
    "feature_selection._univariate_selection.SelectFpr",
    "feature_selection._univariate_selection.SelectFdr",
    "feature_selection._univariate_selection.SelectFwe",
    "feature_selection._univariate_selection.GenericUnivariateSelect",
    "feature_selection._from_model.SelectFromModel",
    "feature_selection._sequential.SequentialFeatureSelector",
)


@register
@dataclass(frozen=True, slots=True)
class Select(Op):
    """The chosen slots in order; ``finite`` ones are checked before. Source: SelectorMixin.transform."""

    name: ClassVar[str] = "sklearn_select"
    bad_values: ClassVar[str] = (
        "NaN and infinities in any slot fail, but for selectors whose model takes NaN; a null vector or one of another "
        "length fails."
    )
    mleap: ClassVar[str] = "absent"

    size: int
    slots: tuple[int, ...]
    finite: bool = True

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size, slots = attributes.integer("size"), attributes.integers("slots", ())
        if any(not 0 <= slot < size for slot in slots) or list(slots) != sorted(set(slots)):
            raise attributes.error(f"slots do not ascend from 0 to below {size}")
        return cls(size, slots, attributes.boolean("finite", False))

    def encode(self) -> Mapping[str, Value]:
        return {
            "size": spec.integer(self.size),
            "slots": spec.integers(self.slots),
            "finite": spec.boolean(self.finite),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vector(len(self.slots)),)

    @property
    def _slicer(self) -> VectorSlicer:
        return VectorSlicer(self.slots, size=self.size)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        return given

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, False) if self.finite else inputs[0]
        return self._slicer.columns(column)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        pick, size, finite = self._slicer.row(inputs), self.size, self.finite

        def kernel(cell: Any) -> Any:
            if finite:
                checked(cell, size, False)
            return pick(cell)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile():
            yield Example(cls(4, (1, 3)), (column,))
            yield Example(cls(4, ()), (column,))
        yield Example(cls(4, (0, 2), False), (from_cells(vector(4), [[math.nan, -0.0, math.inf, 1.0]]),))
        yield Example(cls(1500, (0, 7, 1499)), (wide(),))


@reads_sklearn(*_SELECTORS, ops=(Select,), forms="whatever chose the features; dense or sparse")
def _selector(step: SklearnStep) -> Made:
    chosen = np.flatnonzero(step.estimator.get_support()).tolist()
    if not chosen:
        raise step.refused("it chose no feature", "Fit it so that at least one is chosen.")
    tags = step.estimator.__sklearn_tags__()
    op = Select(step.size, tuple(chosen), not tags.input_tags.allow_nan)
    return step.transformed(op, sparse=step.sparse)


@reads_sklearn(
    "feature_selection._rfe.RFE",
    "feature_selection._rfe.RFECV",
    ops=(Select,),
    forms="before other steps, as which it chooses features; as the last step it would predict, and is refused",
)
def _elimination(step: SklearnStep) -> Made:
    return _selector(step)
