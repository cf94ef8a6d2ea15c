"""Shifting and scaling of single features, in the order of roundings that scikit-learn's scalers have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.ops.op import Example, register
from skewless.ops.rows import fitted_tensor, tensor
from skewless.ops.sklearn.matrix import BAD_VALUES, SlotFunction, SlotOp, hostile, wide, with_nan
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Csr

Clip: TypeAlias = tuple[float, float] | None
Fitted: TypeAlias = tuple[float, ...] | None


@register
@dataclass(frozen=True, slots=True)
class ShiftDivide(SlotOp):
    """(x - shift) / divisor, either of them left out where it is not fitted, and then cut off at a range.

    Source: StandardScaler, RobustScaler and MaxAbsScaler of dense matrices.
    """

    name: ClassVar[str] = "sklearn_shift_divide"
    bad_values: ClassVar[str] = BAD_VALUES
    mleap: ClassVar[str] = "absent"

    width: int
    shift: tuple[float, ...] | None = None
    divisor: tuple[float, ...] | None = None
    clip: Clip = None

    @property
    def size(self) -> int:
        return self.width

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        width = attributes.integer("size")
        shift, divisor = (optional(attributes, name, width) for name in ("shift", "divisor"))
        if divisor is not None and 0.0 in divisor:
            raise attributes.error("divisor has a zero")
        return cls(width, shift, divisor, decode_clip(attributes))

    def encode(self) -> Mapping[str, Value]:
        fitted = {"shift": self.shift, "divisor": self.divisor}
        parts = [tensor(name, values) for name, values in fitted.items() if values is not None]
        made: dict[str, Value] = {"size": spec.integer(self.width), **encode_clip(self.clip)}
        for part in parts:
            made.update(part)
        return made

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        factor = max((1.0 / abs(by) for by in self.divisor or (1.0,) if by == by), default=1.0)
        return [stretched(inputs[0], given[0], factor, max(map(abs, self.shift or (0.0,))))]

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        if self.shift is not None:
            values = values - np.array(self.shift)[slots]
        if self.divisor is not None:
            values = values / np.array(self.divisor)[slots]
        return values if self.clip is None else np.clip(values, *self.clip)

    def slot(self) -> SlotFunction:
        shift, divisor, cut = self.shift, self.divisor, clipper(self.clip)

        def function(value: float, slot: int) -> float:
            if shift is not None:
                value -= shift[slot]
            if divisor is not None:
                value /= divisor[slot]
            return cut(value)

        return function

    @classmethod
    def examples(cls) -> Iterable[Example]:
        shift, divisor = (0.1, -0.0, 1e300, -2.5), (0.3, 5e-324, 1.0, math.nan)
        for op in (
            cls(4, shift, divisor),
            cls(4, None, divisor),
            cls(4, shift),
            cls(4),
            cls(4, None, (0.7,) * 4, (-1.0, 1.0)),
        ):
            for column in (*hostile(), with_nan()):
                yield Example(op, (column,))
        yield Example(cls(1500, (0.1,) * 1500, (0.3,) * 1500), (wide(),))


@register
@dataclass(frozen=True, slots=True)
class MultiplyAdd(SlotOp):
    """x × factor + offset, the offset left out where it is not fitted, and then cut off at a range.

    Source: MinMaxScaler, and the scalers of sparse matrices, which multiply by one over the divisor.
    """

    name: ClassVar[str] = "sklearn_multiply_add"
    bad_values: ClassVar[str] = BAD_VALUES
    mleap: ClassVar[str] = "absent"

    factor: tuple[float, ...]
    offset: tuple[float, ...] | None = None
    clip: Clip = None

    @property
    def size(self) -> int:
        return len(self.factor)

    @classmethod
    def decode(cls, model: Model) -> Self:
        factor = fitted_tensor(model.attributes, "factor")
        return cls(factor, optional(model.attributes, "offset", len(factor)), decode_clip(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        offset = {} if self.offset is None else tensor("offset", self.offset)
        return {**tensor("factor", self.factor), **offset, **encode_clip(self.clip)}

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        shift = max(map(abs, self.offset or (0.0,)))
        return [stretched(inputs[0], given[0], max(map(abs, self.factor)), shift)]

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        values = values * np.array(self.factor)[slots]
        if self.offset is not None:
            values = values + np.array(self.offset)[slots]
        return values if self.clip is None else np.clip(values, *self.clip)

    def slot(self) -> SlotFunction:
        factor, offset, cut = self.factor, self.offset, clipper(self.clip)

        def function(value: float, slot: int) -> float:
            value *= factor[slot]
            if offset is not None:
                value += offset[slot]
            return cut(value)

        return function

    @classmethod
    def examples(cls) -> Iterable[Example]:
        factor, offset = (0.3, 5e-324, 1e300, math.nan), (-0.0, 1e300, 0.1, -3.0)
        for op in (cls(factor, offset), cls(factor), cls((0.5, math.inf, 0.1, -0.7), offset, (-0.0, 1.0))):
            for column in (*hostile(), with_nan()):
                yield Example(op, (column,))
        yield Example(cls((0.3,) * 1500, (1.0,) * 1500), (wide(),))


def stretched(column: Column, given: Numbers, factor: float, shift: float = 0.0) -> Numbers:
    """How far a column's numbers may lie apart once they are shifted and multiplied, with their own rounding."""
    slots = column.values.values if isinstance(column.values, Csr) else column.values
    largest = np.abs(np.where(np.isfinite(slots), slots, 0.0)).max(initial=0.0) + shift
    return np.asarray(np.where(given > 0.0, (given + largest * 2.0**-51) * factor, 0.0))


def clipper(clip: Clip) -> Callable[[float], float]:
    """`numpy.clip` of one number: NaN stays, and a zero keeps its sign."""
    if clip is None:
        return lambda value: value
    low, high = clip

    def cut(value: float) -> float:
        return low if value < low else high if value > high else value

    return cut


def optional(attributes: Attributes, name: str, size: int) -> tuple[float, ...] | None:
    """A fitted vector of this length, where there is one."""
    if name not in attributes:
        return None
    found = fitted_tensor(attributes, name)
    if len(found) != size:
        raise attributes.error(f"{name} has {len(found)} values where {size} are expected")
    return found


def exactly(attributes: Attributes, name: str, size: int) -> tuple[float, ...]:
    """A fitted vector of this length, which must be there."""
    found = optional(attributes, name, size)
    if found is None:
        raise attributes.error(
            f"attribute {name!r} is missing", "Export the pipeline again, or repair the file."
        )
    return found


def encode_clip(clip: Clip) -> Mapping[str, Value]:
    """The range as an attribute, where there is one."""
    return {} if clip is None else tensor("clip", clip)


def decode_clip(attributes: Attributes) -> Clip:
    """The range. ArtifactError where it is none."""
    found = optional(attributes, "clip", 2)
    if found is None:
        return None
    if not found[0] <= found[1]:
        raise attributes.error(f"clip is {list(found)}, which is no range")
    return found[0], found[1]


def _scaled(step: SklearnStep, shift: Fitted, divisor: Fitted, clip: Clip = None) -> Made:
    if divisor is not None and 0.0 in divisor:
        raise step.refused("its scale_ has a zero, which fit never gives")
    if step.sparse and divisor is not None:
        with np.errstate(all="ignore"):
            factors = (1.0 / np.array(divisor)).tolist()
        return step.transformed(MultiplyAdd(tuple(factors), None, clip), sparse=True)
    return step.transformed(ShiftDivide(step.size, shift, divisor, clip), sparse=step.sparse)


@reads_sklearn(
    "preprocessing._data.StandardScaler",
    ops=(ShiftDivide, MultiplyAdd),
    forms="with_mean, with_std, both or neither",
)
def _standard(step: SklearnStep) -> Made:
    fitted = step.estimator
    shift = step.floats("mean_") if fitted.with_mean else None
    return _scaled(step, shift, step.floats("scale_") if fitted.with_std else None)


@reads_sklearn(
    "preprocessing._data.RobustScaler",
    ops=(ShiftDivide, MultiplyAdd),
    forms="with_centering, with_scaling, both or neither; any quantiles",
)
def _robust(step: SklearnStep) -> Made:
    fitted = step.estimator
    shift = step.floats("center_") if fitted.with_centering else None
    return _scaled(step, shift, step.floats("scale_") if fitted.with_scaling else None)


@reads_sklearn("preprocessing._data.MaxAbsScaler", ops=(ShiftDivide, MultiplyAdd), forms="clip too")
def _max_abs(step: SklearnStep) -> Made:
    return _scaled(
        step, None, step.floats("scale_"), (-1.0, 1.0) if getattr(step.estimator, "clip", False) else None
    )


@reads_sklearn("preprocessing._data.MinMaxScaler", ops=(MultiplyAdd,), forms="any feature_range; clip too")
def _min_max(step: SklearnStep) -> Made:
    low, high = step.estimator.feature_range
    clip = (float(low), float(high)) if step.estimator.clip else None
    return step.transformed(MultiplyAdd(step.floats("scale_"), step.floats("min_"), clip))
