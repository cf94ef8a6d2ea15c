"""Products of powers of slots: scikit-learn's PolynomialFeatures, as its exporter names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.ops.arithmetic import power
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import check, each_row, is_wide, present, vector_type
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import WIDE, dense

_TERM: Final = re.compile(r"x([0-9]{1,9})(?:\^([0-9]{1,9}))?")

Product: TypeAlias = tuple[tuple[int, int], ...]
"""Slots with their powers."""


@register
@dataclass(frozen=True, slots=True)
class PolynomialFeatures(Op):
    """Products of powers of slots, multiplied from the left; a name without a slot in it, as 1, is the constant.

    ``combinations`` are the names of all products, such as ``[x0,x0^2,x0 x1]``. Source: MLeap's
    PolynomialFeaturesModel. scikit-learn multiplies slot by slot, so that its last bits may differ from the third
    degree on.
    """

    name: ClassVar[str] = "sklearn_polynomial_expansion"
    bad_values: ClassVar[str] = "A null vector fails, and one of another length; NaN goes on."
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = (
        "Java's pow differs from the C library's by one unit in the last place now and then, for each slot that is "
        "multiplied"
    )

    combinations: str

    @classmethod
    def decode(cls, model: Model) -> Self:
        op = cls(model.attributes.string("combinations"))
        if not op.size:
            raise model.attributes.error(
                f"its combinations {op.combinations[:80]!r} name no slot x0, x1 …",
                "Export the pipeline again.",
            )
        if op.size > 1 << 20:
            raise model.attributes.error(f"its combinations name slot x{op.size - 1}")
        return op

    def encode(self) -> Mapping[str, Value]:
        return {"combinations": spec.string(self.combinations)}

    @property
    def products(self) -> tuple[Product, ...]:
        """The products in order."""
        return tuple(
            tuple((int(slot), int(degree or "1")) for slot, degree in _TERM.findall(item))
            for item in self.combinations.split(",")
        )

    @property
    def size(self) -> int:
        """How many slots go in."""
        return 1 + max((slot for product in self.products for slot, _ in product), default=-1)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vector(len(self.products)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column, type_ = present(inputs[0], self.size), vector(len(self.products))
        if is_wide(column) or len(self.products) > WIDE:
            return (each_row(self.row([column.type]), type_, column),)
        powers: dict[tuple[int, int], Numbers] = {}
        made = np.ones((len(column), len(self.products)))
        with np.errstate(all="ignore"):
            for place, product in enumerate(self.products):
                for slot, degree in product:
                    if (slot, degree) not in powers:
                        slots = column.values[:, slot]
                        powers[slot, degree] = slots if degree == 1 else _powers(slots, float(degree))
                    made[:, place] *= powers[slot, degree]
        return (Column(type_, made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        products, size = self.products, self.size

        def kernel(cell: Any) -> list[float]:
            check(cell, size)
            slots = dense(cell)
            made = []
            for product in products:
                total = 1.0
                for slot, degree in product:
                    total *= power(slots[slot], float(degree))
                made.append(total)
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for combinations in ("[x0,x1,x2,x3,x0^2,x0 x1,x1 x2^3,x3^17]", "[1,x3]", "x3^0,x0"):
            for column in hostile():
                yield Example(cls(combinations), (column,))
        names = ",".join(f"x{slot}" for slot in range(1500))
        yield Example(cls(f"[{names}]"), (wide(),))


def _powers(slots: Numbers, degree: float) -> Numbers:
    """One by one, since numpy's power has other last bits."""
    return np.array([power(slot, degree) for slot in slots.tolist()], np.float64)
