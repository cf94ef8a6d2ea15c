"""Recommendations by matrix factors: what Spark's ALSModel.transform computes for a user and an item."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
    TypeRefused,
    reads_spark,
    register,
)
from skewless.schema import DOUBLE, FLOAT, INT, Type
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Mask, Numbers, from_cells

_COLD = ("nan", "drop")
_LEAST, _MOST = -(2**31), 2**31 - 1

Factors = tuple[tuple[float, ...], ...]


@register
@dataclass(frozen=True)
class Als(Op):
    """The dot product, in 32 bits, of a user's and an item's factors; NaN, or no row, where one of them is not known.

    Numbers of other types must be whole and fit 32 bits. Source: Spark's ALSModel.transform and checkIntegers.
    """

    name: ClassVar[str] = "als"
    bad_values: ClassVar[str] = (
        "An unknown user or item gives NaN (nan) or drops the row (drop); null, fractions and numbers beyond "
        "32 bits fail."
    )
    mleap: ClassVar[str] = "It does not know drop: such rows stay, with NaN."

    users: tuple[int, ...]
    user_factors: Factors
    items: tuple[int, ...]
    item_factors: Factors
    rank: int
    cold_start: str = "nan"

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("user", "item")

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction",)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        rank = attributes.integer("rank")
        cold = attributes.string("cold_start_strategy", "nan")
        if cold not in _COLD:
            raise attributes.error(f"cold_start_strategy is {cold!r}; it must be one of {', '.join(_COLD)}")
        users, items = attributes.integers("users"), attributes.integers("items")
        return cls(
            users,
            _factors(attributes, "user_factors", len(users), rank),
            items,
            _factors(attributes, "item_factors", len(items), rank),
            rank,
            cold,
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            "rank": spec.integer(self.rank),
            "users": spec.integers(self.users),
            "user_factors": _tensors(self.user_factors),
            "items": spec.integers(self.items),
            "item_factors": _tensors(self.item_factors),
            "cold_start_strategy": spec.string(self.cold_start),
        }

    def default_types(self) -> tuple[Type, ...]:
        return INT, INT

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for place, type_ in enumerate(inputs):
            if not type_.is_number:
                raise TypeRefused(f"users and items must be numbers, not {type_}", input=place)
        return (FLOAT,)

    @cached_property
    def _tables(self) -> tuple[tuple[dict[int, int], Numbers], tuple[dict[int, int], Numbers]]:
        """Where each stands, and the factors, with NaN behind for those not known."""
        unknown = ((math.nan,) * self.rank,)
        return (
            (
                {user: place for place, user in enumerate(self.users)},
                np.array((*self.user_factors, *unknown), np.float32),
            ),
            (
                {item: place for place, item in enumerate(self.items)},
                np.array((*self.item_factors, *unknown), np.float32),
            ),
        )

    def keep(self, *inputs: Column) -> Mask | None:
        if self.cold_start != "drop":
            return None
        stay: Mask = ~np.isnan(self._predicted(inputs))
        return stay

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return (Column(FLOAT, self._predicted(inputs)),)

    def _predicted(self, inputs: Sequence[Column]) -> Numbers:
        places: list[list[int]] = [[], []]
        for row in range(len(inputs[0])):
            for number, column in enumerate(inputs):
                identity = _whole(column.cell(row), number, row)
                table = self._tables[number]
                places[number].append(table[0].get(identity, len(table[1]) - 1))
        users, items = (
            table[1][np.array(rows, np.int64)] for table, rows in zip(self._tables, places, strict=True)
        )
        # A rank of 0 does not occur; without a known pair it is NaN whatever the others are.
        total = np.zeros(len(users), np.float32)
        with np.errstate(all="ignore"):
            for place in range(self.rank):
                total = total + users[:, place] * items[:, place]
        return total

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        (users, user_factors), (items, item_factors) = self._tables
        zero = np.float32(0.0)

        def kernel(user: Any, item: Any) -> float:
            one, other = users.get(_whole(user, 0, 0)), items.get(_whole(item, 1, 0))
            total = math.nan
            if one is not None and other is not None:
                with np.errstate(all="ignore"):
                    sum_ = zero
                    for product in user_factors[one] * item_factors[other]:
                        sum_ = sum_ + product
                total = float(sum_)
            if total != total and self.cold_start == "drop":
                raise Skipped
            return total

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        factors = ((0.1, -0.25, 3.0), (1e30, -0.0, 1e30), (-1e-30, 1e-40, 2.0))
        single = tuple(tuple(float(np.float32(value)) for value in row) for row in factors)
        for cold in _COLD:
            op = cls((1, 2, -7), single, (5, 2, 0), single, 3, cold)
            users, items = [1, 2, -7, 1, 99, 2], [5, 2, 0, 99, 5, 5]
            yield Example(op, (from_cells(INT, users), from_cells(INT, items)))
            yield Example(op, (from_cells(DOUBLE, [1.0, -0.0]), from_cells(INT, [5, 5])))
            yield Example(op, (from_cells(INT, []), from_cells(INT, [])))
            for odd in (0.5, math.nan, math.inf, 3e9):
                yield Example(
                    cls((1,), single[:1], (5,), single[:1], 3),
                    (from_cells(DOUBLE, [odd]), from_cells(INT, [5])),
                )
        yield Example(
            cls((1,), single[:1], (5,), single[:1], 3), (from_cells(INT, [1, None]), from_cells(INT, [5, 5]))
        )


def _whole(value: Any, number: int, position: int) -> int:
    if value is None or not _LEAST <= value <= _MOST or value != int(value):
        raise Refused(
            f"{'null' if value is None else repr(value)} is no whole number of 32 bits, as users and items must be",
            value=value,
            position=position,
            input=number,
            hint="Give the numbers that the model was fitted on.",
        )
    return int(value)


def _tensors(factors: Factors) -> Value:
    return Value("list", "tensor", [Value("tensor", "float", list(row), (len(row),)) for row in factors])


def _factors(attributes: Attributes, name: str, count: int, rank: int) -> Factors:
    found = attributes.get(name)
    if count == 0 and (found is None or not found.data):
        return ()
    if found is None or found.shape != "list" or found.base != "tensor" or len(found.data) != count:
        raise attributes.error(f"attribute {name!r} should be a list of {count} tensors")
    if any(len(row.data) != rank for row in found.data):
        raise attributes.error(f"attribute {name!r} should have tensors of {rank} numbers")
    return tuple(tuple(map(float, row.data)) for row in found.data)


@reads_spark("org.apache.spark.ml.recommendation.ALSModel", ops=(Als,), forms="its transform; nan, drop")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    tables = []
    for folder in ("userFactors", "itemFactors"):
        rows = sorted(stage.tables(folder), key=lambda row: int(row["id"]))
        tables.append((tuple(int(row["id"]) for row in rows), tuple(tuple(row["features"]) for row in rows)))
    (users, user_factors), (items, item_factors) = tables
    cold = str(stage.param("coldStartStrategy", "nan")).lower()
    op = Als(users, user_factors, items, item_factors, int(stage.extra["rank"]), cold)
    inputs = (str(stage.param("userCol")), str(stage.param("itemCol")))
    return [Lowered(op, inputs, (str(stage.param("predictionCol")),))]
