"""Vectors shifted and multiplied: Spark's StandardScaler, RobustScaler, MaxAbsScaler and MinMaxScaler."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.compiling import Source, Symbol, as_slots
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, reads_spark, register
from skewless.ops.rows import (
    check,
    each_row,
    fitted_tensor,
    infinite,
    is_wide,
    multiply,
    multiply_row,
    present,
    restored,
    saved_vector,
    tensor,
    vector_type,
)
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector, Vector, compressed, dense, is_sparse

Numbers = tuple[float, ...]


@register
@dataclass(frozen=True, slots=True)
class StandardScaler(Op):
    """(x - mean) × (1 / std), either of which may be absent; a slot whose std is zero is multiplied by zero.

    With a mean the outcome is dense; without, sparse rows stay sparse. Spark's RobustScaler is this one too, with the
    median and the quantile range. Source: Spark's StandardScalerModel.getTransformFunc.
    """

    name: ClassVar[str] = "standard_scaler"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN stays, and where the deviation is 0 everything "
        "becomes 0 but NaN and infinities, which become NaN."
    )
    mleap: ClassVar[str] = (
        "Where the deviation is 0, NaN and infinities become 0 too; without mean and deviation it does not "
        "load."
    )

    mean: Numbers | None
    std: Numbers | None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        mean, std = (
            fitted_tensor(attributes, name) if name in attributes else None for name in ("mean", "std")
        )
        if mean is not None and std is not None and len(mean) != len(std):
            raise attributes.error(f"mean has {len(mean)} values and std {len(std)}")
        return cls(mean, std)

    def encode(self) -> Mapping[str, Value]:
        mean = {} if self.mean is None else tensor("mean", self.mean)
        return {**mean, **({} if self.std is None else tensor("std", self.std))}

    @property
    def size(self) -> int | None:
        """The fitted vectors' length, where anything was fitted."""
        some = self.std if self.mean is None else self.mean
        return None if some is None else len(some)

    @property
    def factors(self) -> Numbers | None:
        """What slots are multiplied by."""
        return None if self.std is None else tuple(0.0 if std == 0.0 else 1.0 / std for std in self.std)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if self.size is None:
            return inputs
        column = present(inputs[0], self.size)
        factors = None if self.factors is None else np.array(self.factors)
        if self.mean is None and factors is not None:
            return (multiply(column, factors),)
        if is_wide(column):
            return (each_row(self.row([column.type]), vector(self.size), column),)
        with np.errstate(all="ignore"):
            made = column.values - np.array(self.mean)
            return (Column(vector(self.size), made if factors is None else made * factors),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        mean, factors, size = self.mean, self.factors, self.size

        def kernel(cell: Any) -> Any:
            if size is None:
                return cell
            check(cell, size)
            if mean is None:
                return multiply_row(cell, factors or ())
            shifted = [value - by for value, by in zip(dense(cell), mean, strict=True)]
            if factors is None:
                return shifted
            return [value * factor for value, factor in zip(shifted, factors, strict=True)]

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        mean, factors = self.mean, self.factors or (1.0,) * (self.size or 0)
        if mean is None:
            return _multiplied(source, inputs[0], factors)
        slots = as_slots(inputs[0])
        if slots is None or slots.counted or slots.size != self.size or not _finite(mean, factors):
            return None
        shifted = [f"{{}} - {source.number(by)}" for by in mean]
        if self.factors is not None:
            shifted = [f"({text}) * {source.number(by)}" for text, by in zip(shifted, factors, strict=True)]
        return [
            slots.mapped(
                source,
                lambda place, name: shifted[place].format(name),
                # Multiplying by 1.0 changes nothing.
                lambda place, value: (value - mean[place]) * factors[place],
                always_dense=True,
            )
        ]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        mean, std = (1.5, -0.0, 1e300, -2.0), (0.5, 0.0, 5e-324, 1e300)
        for op in (
            cls(mean, std),
            cls(mean, None),
            cls(None, std),
            cls(None, None),
            cls(mean, (math.inf,) * 4),
        ):
            for column in hostile():
                yield Example(op, (column,))
        for op in (cls((0.5,) * 1500, None), cls(None, (0.3,) * 1500)):
            yield Example(op, (wide(),))


def hostile() -> Iterator[Column]:
    """Rows of four slots for what takes any numbers, in both forms."""
    yield from_cells(vector(4), [])
    yield from_cells(vector(4), [[1.0, 2.0, 3.0, 4.0], None])
    yield from_cells(
        vector(4),
        [
            [0.0, -0.0, 1.0, -2.5],
            SparseVector(4, (1, 3), (math.nan, 1e300)),
            [math.nan, math.inf, -math.inf, 1.0],
            SparseVector(4, (), ()),
            SparseVector(4, (0,), (-math.inf,)),
            [5e-324, -5e-324, 1e300, -1e300],
            [0.0, 0.0, 0.0, 0.0],
        ],
    )


def wide() -> Column:
    """Rows that are kept in sparse storage."""
    rows: list[Vector] = [SparseVector(1500, (0, 1499), (math.nan, -2.0)), SparseVector(1500, (), ())]
    return from_cells(vector(1500), [*rows, [slot / 7 - 100.0 for slot in range(1500)]])


@register
@dataclass(frozen=True, slots=True)
class MaxAbsScaler(Op):
    """x × (1 / largest absolute value), or x where that is zero; the row keeps its form.

    Unlike MLeap's, nothing is cut off at 1. Source: Spark's MaxAbsScalerModel.transform.
    """

    name: ClassVar[str] = "max_abs_scaler"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN and infinities are multiplied like any number."
    )
    mleap: ClassVar[str] = "It cuts what is beyond the fitted range off at -1 and 1."

    largest: Numbers

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(fitted_tensor(model.attributes, "maxAbs"))

    def encode(self) -> Mapping[str, Value]:
        return tensor("maxAbs", self.largest)

    @property
    def factors(self) -> Numbers:
        """What slots are multiplied by."""
        return tuple(1.0 if largest == 0.0 else 1.0 / largest for largest in self.largest)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(len(self.largest)),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, len(self.largest)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (multiply(present(inputs[0], len(self.largest)), np.array(self.factors)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        factors = self.factors

        def kernel(cell: Any) -> Vector:
            check(cell, len(factors))
            return multiply_row(cell, factors)

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        return _multiplied(source, inputs[0], self.factors)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for op in (cls((3.0, 0.0, 5e-324, 1e300)), cls((math.inf, 1.0, 0.1, 0.7))):
            for column in hostile():
                yield Example(op, (column,))
        yield Example(cls((0.3,) * 1500), (wide(),))


@register
@dataclass(frozen=True, slots=True)
class MinMaxScaler(Op):
    """From the fitted range of each slot to one common range; a constant slot goes to its middle, NaN stays.

    The outcome is dense or sparse, whichever is smaller. Source: Spark's MinMaxScalerModel.transform.
    """

    name: ClassVar[str] = "min_max_scaler"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN stays, and a slot that was constant goes to the "
        "middle of the range."
    )
    mleap: ClassVar[str] = "Its outcome is always dense."

    lowest: Numbers
    highest: Numbers
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        lowest, highest = fitted_tensor(attributes, "min"), fitted_tensor(attributes, "max")
        if len(lowest) != len(highest):
            raise attributes.error(f"min has {len(lowest)} values and max {len(highest)}")
        (low,) = restored(attributes, "minValue", (attributes.double("minValue", 0.0),))
        (high,) = restored(attributes, "maxValue", (attributes.double("maxValue", 1.0),))
        return cls(lowest, highest, low, high)

    def encode(self) -> Mapping[str, Value]:
        return {
            **tensor("min", self.lowest),
            **tensor("max", self.highest),
            "minValue": spec.double(self.low),
            "maxValue": spec.double(self.high),
            **infinite("minValue", (self.low,)),
            **infinite("maxValue", (self.high,)),
        }

    @property
    def factors(self) -> Numbers:
        """What slots are multiplied by; 0 stands for a constant slot."""
        ranges = [highest - lowest for lowest, highest in zip(self.lowest, self.highest, strict=True)]
        return tuple((self.high - self.low) / width if width != 0.0 else 0.0 for width in ranges)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(len(self.lowest)),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, len(self.lowest)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        size = len(self.lowest)
        column = present(inputs[0], size)
        if is_wide(column):
            return (each_row(self.row([column.type]), vector(size), column),)
        factors, slots = np.array(self.factors), column.values
        with np.errstate(all="ignore"):
            made = (slots - np.array(self.lowest)) * factors + self.low
        made = np.where(factors == 0.0, (self.low + self.high) / 2.0, made)
        made = np.where(np.isnan(slots), slots, made)
        sparse = is_sparse(np.count_nonzero(made, axis=1), size)
        # What a sparse row leaves out is 0.0, whichever zero was computed.
        made = np.where(sparse[:, None] & (made == 0.0), 0.0, made)
        return (Column(vector(size), made, None, sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, low, middle = len(self.lowest), self.low, (self.low + self.high) / 2.0
        fitted = list(zip(self.lowest, self.factors, strict=True))

        def scaled(value: float, lowest: float, factor: float) -> float:
            if value != value:
                return value
            return (value - lowest) * factor + low if factor != 0.0 else middle

        def kernel(cell: Any) -> Vector:
            check(cell, size)
            made = [scaled(value, *slot) for value, slot in zip(dense(cell), fitted, strict=True)]
            pairs = [(slot, value) for slot, value in enumerate(made) if value != 0.0]
            return compressed(size, pairs) if is_sparse(len(pairs), size) else made

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        slots, low, middle = as_slots(inputs[0]), self.low, (self.low + self.high) / 2.0
        lowest, factors = self.lowest, self.factors
        if slots is None or slots.counted or slots.size != len(lowest):
            return None
        # No slot becomes -0.0, which a dense vector would keep, and the sum that is written here too.
        if not _finite(lowest, factors, (low, middle)) or "-0.0" in map(str, (low, middle)):
            return None

        def slot(place: int, value: float) -> float:
            if value != value:
                return value
            return (value - lowest[place]) * factors[place] + low if factors[place] != 0.0 else middle

        def cell(place: int, name: str) -> str:
            number = source.number
            if factors[place] == 0.0:
                return f"{number(middle)} if {name} == {name} else {name}"
            return f"({name} - {number(lowest[place])}) * {number(factors[place])} + {number(low)}"

        return [slots.mapped(source, cell, slot)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        lowest, highest = (-1.0, 2.0, 0.0, -1e300), (1.0, 2.0, 5e-324, 1e300)
        for op in (
            cls(lowest, highest),
            cls(lowest, highest, -3.0, 0.1),
            cls((0.0,) * 4, (1.0,) * 4),
            cls((0.0, -math.inf, 0.0, 0.0), (math.inf,) * 4, 0.0, 1.0),
            cls(lowest, highest, -0.0, 0.0),
        ):
            for column in hostile():
                yield Example(op, (column,))
        yield Example(cls((0.0,) * 1500, (3.0,) * 1500), (wide(),))


def _finite(*several: Numbers) -> bool:
    return all(math.isfinite(number) for numbers in several for number in numbers)


def _multiplied(source: Source, value: Symbol, factors: Numbers) -> Sequence[Symbol] | None:
    """`multiply_row` in a compiled row path; None where it must be called."""
    slots = as_slots(value)
    if slots is None or slots.counted or slots.size != len(factors) or not factors:
        return None
    # Of any other factors a zero would become -0.0 or NaN in a dense vector, and in a sparse one it would not.
    if not _finite(factors) or any(math.copysign(1.0, factor) < 0.0 for factor in factors):
        return None
    return [
        slots.mapped(
            source,
            lambda place, name: f"{name} * {source.number(factors[place])}",
            lambda place, value: value * factors[place],
            counted=slots,
            always_dense=slots.always_dense,
        )
    ]


@reads_spark(
    "org.apache.spark.ml.feature.StandardScalerModel",
    ops=(StandardScaler,),
    forms="withMean, withStd, both or neither",
)
def _read_standard(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    mean = saved_vector(fitted["mean"]) if stage.param("withMean", False) else None
    std = saved_vector(fitted["std"]) if stage.param("withStd", True) else None
    return _lowered(stage, StandardScaler(mean, std))


@reads_spark(
    "org.apache.spark.ml.feature.RobustScalerModel",
    ops=(StandardScaler,),
    forms="withCentering, withScaling, both or neither",
)
def _read_robust(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    median = saved_vector(fitted["median"]) if stage.param("withCentering", False) else None
    width = saved_vector(fitted["range"]) if stage.param("withScaling", True) else None
    return _lowered(stage, StandardScaler(median, width))


@reads_spark("org.apache.spark.ml.feature.MaxAbsScalerModel", ops=(MaxAbsScaler,), forms="one column")
def _read_max_abs(stage: SparkStage) -> Sequence[Lowered]:
    return _lowered(stage, MaxAbsScaler(saved_vector(stage.fitted()["maxAbs"])))


@reads_spark("org.apache.spark.ml.feature.MinMaxScalerModel", ops=(MinMaxScaler,), forms="any min and max")
def _read_min_max(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    lowest, highest = saved_vector(fitted["originalMin"]), saved_vector(fitted["originalMax"])
    low, high = float(stage.param("min", 0.0)), float(stage.param("max", 1.0))
    return _lowered(stage, MinMaxScaler(lowest, highest, low, high))


def _lowered(stage: SparkStage, op: Op) -> Sequence[Lowered]:
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
