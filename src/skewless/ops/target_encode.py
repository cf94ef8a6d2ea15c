"""Categories to what their label was on average: Spark's TargetEncoderModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.javatext import double_text
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
from skewless.schema import DOUBLE, INT, Type
from skewless.spec import Model, Value
from skewless.table import Column, from_cells

# Where Spark keeps what it found for null, and for all rows together.
_NULL: Final = -1.0
_ALL: Final = float(2**31 - 1)


@register
@dataclass(frozen=True, slots=True)
class TargetEncoder(Op):
    """The encoding of a category; an unknown one, or a null where none was fitted, is refused or given ``unseen``.

    The encodings already hold Spark's smoothing: there is nothing to compute. Source: Spark's TargetEncoderModel.
    """

    name: ClassVar[str] = "target_encoder"
    bad_values: ClassVar[str] = (
        "An unseen category, NaN among them, fails (error) or gets the average of all rows (keep); so does "
        "null, unless it was fitted."
    )
    mleap: ClassVar[str] = "absent"

    categories: tuple[float, ...]
    encodings: tuple[float, ...]
    null: float | None = None
    unseen: float | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        categories, encodings = attributes.doubles("categories"), attributes.doubles("encodings")
        if len(categories) != len(encodings):
            raise attributes.error(f"{len(categories)} categories have {len(encodings)} encodings")
        null = attributes.double("null_encoding") if "null_encoding" in attributes else None
        unseen = attributes.double("unseen_encoding") if "unseen_encoding" in attributes else None
        return cls(categories, encodings, null, unseen)

    def encode(self) -> Mapping[str, Value]:
        made = {"categories": spec.doubles(self.categories), "encodings": spec.doubles(self.encodings)}
        if self.null is not None:
            made["null_encoding"] = spec.double(self.null)
        if self.unseen is not None:
            made["unseen_encoding"] = spec.double(self.unseen)
        return made

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if not inputs[0].is_number:
            raise TypeRefused(f"a category must be a number, not {inputs[0]}")
        return (DOUBLE,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        encoded = self._encoded()
        numbers, where = np.unique(inputs[0].numbers(), return_inverse=True)
        found = [encoded.get(number, self.unseen) for number in numbers.tolist()]
        unknown = np.array([value is None for value in found], np.bool_)[where]
        values = np.array([math.nan if value is None else value for value in found], np.float64)[where]
        nulls = inputs[0].null_mask
        if nulls is not None:
            null = self.unseen if self.null is None else self.null
            unknown[nulls] = null is None
            values[nulls] = math.nan if null is None else null
        if unknown.any():
            first = int(np.argmax(unknown))
            raise self._refusal(inputs[0].cell(first), first)
        return (Column(DOUBLE, values),)

    def _encoded(self) -> Mapping[float, float]:
        return dict(zip(self.categories, self.encodings, strict=True))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        encoded, unseen = self._encoded(), self.unseen
        null = unseen if self.null is None else self.null

        def kernel(category: Any) -> float:
            value = null if category is None else encoded.get(category, unseen)
            if value is None:
                raise self._refusal(category, 0)
            return value

        return kernel

    def _refusal(self, category: float | None, position: int) -> Refused:
        shown = ", ".join(map(double_text, self.categories[:8])) + (", …" if len(self.categories) > 8 else "")
        what = "the value is null" if category is None else f"unseen category {double_text(float(category))}"
        return Refused(
            f"{what}; the fitted categories are {shown or 'none'}",
            value=category,
            position=position,
            hint='Correct the value, or fit with handleInvalid="keep".',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        known = [0.0, -0.0, 1.0, 7.0]
        for null in (None, -0.5):
            for unseen in (None, 0.25):
                op = cls((1.0, 0.0, 7.0), (0.1, -0.0, 5e-324), null, unseen)
                yield Example(op, (from_cells(DOUBLE, known),))
                yield Example(op, (from_cells(DOUBLE, []),))
                for other in (None, math.nan, math.inf, -1.0, 0.5, float(2**31 - 1)):
                    yield Example(op, (from_cells(DOUBLE, [1.0, other]),))
                yield Example(op, (from_cells(INT, [1, None, 0, 2]),))
        yield Example(cls((), ()), (from_cells(DOUBLE, [1.0]),))


@reads_spark(
    "org.apache.spark.ml.feature.TargetEncoderModel",
    ops=(TargetEncoder,),
    forms="one or several columns; binary and continuous targets; error, keep",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    smoothing, binary = float(stage.param("smoothing", 0.0)), stage.param("targetType", "binary") == "binary"
    keep = stage.param("handleInvalid", "error") == "keep"
    saved = {int(row["index"]): row for row in stage.tables("data")}
    lowered = []
    for index, (column, output) in enumerate(
        zip(stage.columns("input"), stage.columns("output"), strict=True)
    ):
        row = saved[index]
        encoded = _encodings(row["categories"], row["counts"], row["stats"], smoothing, binary)
        unseen, null = encoded.pop(_ALL), encoded.pop(_NULL, None)
        op = TargetEncoder(tuple(encoded), tuple(encoded.values()), null, unseen if keep else None)
        lowered.append(Lowered(op, (column,), (output,)))
    return lowered


def _encodings(
    categories: Sequence[float],
    counts: Sequence[float],
    stats: Sequence[float],
    smoothing: float,
    binary: bool,
) -> dict[float, float]:
    """Each category's own average and that of all rows, weighed by its count: Spark's arithmetic, step by step."""
    found = dict(zip(categories, zip(counts, stats, strict=True), strict=True))
    all_count, all_stat = found[_ALL]
    general = all_stat / all_count if binary else all_stat
    encoded = {}
    for category, (count, stat) in found.items():
        weight = count / (count + smoothing)
        own = stat / count if binary else stat
        encoded[category] = weight * own + (1 - weight) * general
    return encoded
