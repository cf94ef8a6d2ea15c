"""Sums of products in a compiled row path: Spark's dot products where a vector is seen in parts."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from skewless.ops.blas import Coefficients
from skewless.ops.compiling import Cell, Slots, Source, Symbol, as_slots
from skewless.schema import DOUBLE
from skewless.vectors import dense


def dot(
    source: Source, coefficients: Coefficients, features: Symbol, *, in_matrix: bool = False
) -> str | None:
    """The expression of `Coefficients.row`'s dot product; None where the row function must be called.

    Of a sparse row only the nonzero slots are added, one by one. The products of the others change nothing: they are
    zeros, and a sum that starts at 0.0 is never -0.0.
    """
    slots, values = as_slots(features), coefficients.values
    if slots is None or slots.size != len(values) or not all(map(isfinite, values)):
        return None
    sparse = True if coefficients.sparse else slots.sparse(source)
    if sparse is False:
        return _called(source, coefficients, slots, in_matrix)
    stored = set(coefficients.stored)
    terms = []
    for start, part in slots.placed:
        if isinstance(part, Cell):
            if start in stored:
                terms.append(f"{part.name} * {source.number(values[start])}")
            continue
        if any(_nonzeros(vector) > 1 for vector in part.values):
            return None
        here = values[start : start + (part.type.size or 0)]
        terms.append(source.value(part.map(lambda vector, here=here: _product(vector, here), DOUBLE)))  # type: ignore[misc]
    total = source.total(terms, "0.0")
    if sparse is True:
        return total
    return f"({total} if {sparse} else {_called(source, coefficients, slots, in_matrix)})"


def _called(source: Source, coefficients: Coefficients, slots: Slots, in_matrix: bool) -> str:
    return f"{source.constant(coefficients.row(in_matrix=in_matrix))}({slots.dense(source)})"


def _nonzeros(vector: Any) -> int:
    return sum(value != 0.0 for value in dense(vector))


def _product(vector: Any, values: Sequence[float]) -> float:
    """Of the one slot that is not zero, if there is one."""
    return next((slot * value for slot, value in zip(dense(vector), values, strict=True) if slot != 0.0), 0.0)
