"""Missing numbers filled in: Spark's ImputerModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.ops.rows import infinite, restored
from skewless.schema import DOUBLE, FLOAT, INT, INTEGERS, LONG, Base, Type
from skewless.spec import Model, Value
from skewless.table import DTYPES, Column, from_cells

_BITS: Final = {Base.BYTE: 8, Base.SHORT: 16, Base.INT: 32, Base.LONG: 64}


@register
@dataclass(frozen=True, slots=True)
class Imputer(Op):
    """The surrogate for null and for what equals ``missing`` (as in SQL, NaN equals NaN); other numbers pass.

    ``nan_is_missing`` and ``keeps_type`` are what MLeap does not store: its own op fills NaN in any case and gives
    doubles, Spark's only where NaN is the missing value, and casts back to the column's type, by way of a double.
    Source: Spark's ImputerModel.transform.
    """

    name: ClassVar[str] = "imputer"
    bad_values: ClassVar[str] = (
        "Null, and what equals missingValue, are filled; NaN is filled only where it is the missing value, "
        "and otherwise stays."
    )
    mleap: ClassVar[str] = (
        "It fills NaN whatever the missing value is, and gives doubles for numbers of any type."
    )

    surrogate: float
    missing: float | None
    """None for NaN."""
    strategy: str = "mean"
    nan_is_missing: bool = True
    keeps_type: bool = True

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        (surrogate,) = restored(attributes, "surrogate_value", (attributes.double("surrogate_value"),))
        (missing,) = restored(attributes, "missing_value", (attributes.double("missing_value", math.nan),))
        return cls(
            surrogate,
            None if math.isnan(missing) else missing,
            attributes.string("strategy", "mean"),
            attributes.boolean("nan_is_missing", True),
            attributes.boolean("keeps_type", False),
        )

    def encode(self) -> Mapping[str, Value]:
        missing = math.nan if self.missing is None else self.missing
        return {
            "surrogate_value": spec.double(self.surrogate),
            "missing_value": spec.double(missing),
            "strategy": spec.string(self.strategy),
            "nan_is_missing": spec.boolean(self.nan_is_missing),
            "keeps_type": spec.boolean(self.keeps_type),
            **infinite("surrogate_value", (self.surrogate,)),
            **infinite("missing_value", (missing,)),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        type_ = inputs[0]
        if not type_.is_number:
            raise TypeRefused(f"only numbers can be filled in, not {type_}")
        if not self.keeps_type:
            return (DOUBLE,)
        limit = 2.0 ** (_BITS[type_.base] - 1) if type_.base in INTEGERS else math.inf
        if type_.base in INTEGERS and not -limit <= self.surrogate < limit:
            raise TypeRefused(f"the surrogate {self.surrogate!r} is not a {type_}")
        return (type_,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = inputs[0]
        numbers = column.numbers()
        gone = np.zeros(len(numbers), np.bool_) if column.nulls is None else column.nulls.copy()
        if self.missing is not None:
            gone |= numbers == self.missing
        if self.nan_is_missing:
            gone |= np.isnan(numbers)
        made = np.where(gone, self.surrogate, numbers)
        base = column.type.base if self.keeps_type else Base.DOUBLE
        if base in INTEGERS:
            # A long beyond 2^53 comes back from its double, the largest from one that is too large.
            whole = [_whole(number, _BITS[base]) for number in made.tolist()]
            return (Column(column.type, np.array(whole, DTYPES[base])),)
        with np.errstate(all="ignore"):
            return (Column(Type(base), made.astype(DTYPES[base])),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        base = inputs[0].base if self.keeps_type else Base.DOUBLE
        bits = _BITS.get(base)
        missing, nan_is_missing = self.missing, self.nan_is_missing
        surrogate: Any = self.surrogate
        if bits is not None:
            surrogate = _whole(surrogate, bits)
        elif base is Base.FLOAT:
            with np.errstate(all="ignore"):
                surrogate = float(np.float32(surrogate))

        def kernel(given: Any) -> Any:
            if given is None:
                return surrogate
            number = float(given)
            if number == missing or (nan_is_missing and number != number):
                return surrogate
            return number if bits is None else _whole(number, bits)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cells = [1.0, None, math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324]
        longs = [2**63 - 1, -(2**63), 2**53 + 1, None, 0]
        for missing in (None, 0.0, -0.0, math.inf):
            for nan in (True, False):
                for keeps in (True, False):
                    op = cls(-2.75, missing, "median", nan, keeps)
                    yield Example(op, (from_cells(DOUBLE, cells),))
                    yield Example(op, (from_cells(FLOAT, cells),))
                    yield Example(op, (from_cells(INT, [1, None, 0, -(2**31)]),))
                    yield Example(op, (from_cells(LONG, longs),))
                    yield Example(op, (from_cells(DOUBLE, []),))
        yield Example(cls(1e300, None), (from_cells(FLOAT, [None, 1.0]),))


def _whole(number: float, bits: int) -> int:
    """Java's cast to a whole number."""
    limit = 1 << (bits - 1)
    return min(max(math.trunc(number), -limit), limit - 1)


@reads_spark(
    "org.apache.spark.ml.feature.ImputerModel",
    ops=(Imputer,),
    forms="one or several columns; every strategy, any missingValue",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    missing = float(stage.param("missingValue", math.nan))
    strategy = str(stage.param("strategy", "mean"))
    lowered = []
    for column, output in zip(stage.columns("input"), stage.columns("output"), strict=True):
        surrogate = fitted.get(column)
        if surrogate is None:
            raise UnsupportedError(
                f"{stage}: it has no surrogate for column {column!r}",
                hint="Fit it on this column.",
            )
        nan = math.isnan(missing)
        op = Imputer(float(surrogate), None if nan else missing, strategy, nan)
        lowered.append(Lowered(op, (column,), (output,)))
    return lowered
