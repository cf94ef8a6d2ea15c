"""Spark's dot products, matrix products and softmax, in the order of additions that Spark's machine has.

Spark 4 multiplies dense vectors through netlib, and the machine that Spark runs on decides in which `Order`: on a Java
with the incubator vector module, which Spark always asks for, by VectorBLAS, elsewhere by Java11BLAS. Export asks Spark
for its order, and a bundle keeps it. Sparse rows and sparse coefficients are added one by one, everywhere alike.
Checked against both classes, and in Spark with registers of two and four doubles and without the module.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.native import dots, elementary
from skewless.native.dots import Products
from skewless.ops.op import Refused
from skewless.table import Column, Numbers
from skewless.vectors import Csr, SparseVector, Vector


@dataclass(frozen=True, slots=True)
class Order:
    """In which order Spark's Java adds the products of dense vectors.

    VectorBLAS has as many partial sums as a register has doubles (``lanes``: 4 with AVX2, 8 with AVX-512, 2 with NEON),
    each a chain of fused multiply-adds; they are added from the first on, then the slots that are left one by one.
    Java11BLAS (``fused``) has four sums whatever the machine, fuses the slots that are left as well, and multiplies a
    matrix by one sum a row.
    """

    lanes: int = 4
    fused: bool = False

    @classmethod
    def of(cls, text: str) -> Order:
        """The order that ``str`` gave. ValueError where the text is none."""
        if text == "java":
            return cls(fused=True)
        kind, _, lanes = text.partition(":")
        if kind != "vector" or lanes not in ("1", "2", "4", "8", "16", "32"):
            raise ValueError(f"{text!r} is no order of additions: vector:2, vector:4, vector:8 or java")
        return cls(int(lanes))

    def __str__(self) -> str:
        return "java" if self.fused else f"vector:{self.lanes}"


AVX2: Final = Order()
WHY_NOT_BITS: Final = (
    "Java's exp differs from the C library's by one unit in the last place now and then; and Spark's dot products of "
    "dense vectors follow the machine it runs on: the bundle keeps their order as export found it"
)
WHY_NOT_BITS_OF_SUMS: Final = (
    "Spark's dot products of dense vectors follow the machine it runs on: bit-equal in the order that export found and "
    "the bundle keeps, last bits in another"
)

LARGEST: Final = 1.7976931348623157e308
"""The largest double."""

RowDot: TypeAlias = Callable[[Vector], float]
RowGemv: TypeAlias = Callable[[Vector], list[float]]


@dataclass(frozen=True)
class Coefficients:
    """One vector of coefficients; ``sparse`` where Spark holds them so, which decides the order of additions."""

    values: tuple[float, ...]
    sparse: bool = False
    order: Order = AVX2

    @cached_property
    def products(self) -> Products:
        """The products with rows, as the kernels compute them."""
        return products_of((self,))

    @property
    def stored(self) -> list[int]:
        """The slots that take part."""
        return [slot for slot, value in enumerate(self.values) if value != 0.0 or not self.sparse]

    def row(self, *, in_matrix: bool = False) -> RowDot:
        """The dot product with one row of features; ``in_matrix`` where these coefficients are a row of a matrix."""
        products = products_of((self,), in_matrix=True) if in_matrix else self.products
        sparse, one, pack = self.with_sparse(), products.one(), packer(products.size)
        return lambda x: sparse(x) if isinstance(x, SparseVector) else one(pack(*x))

    def with_sparse(self) -> Callable[[SparseVector], float]:
        """The dot product with one sparse row."""
        values, stored = self.values, frozenset(self.stored) if self.sparse else None

        def dot(x: SparseVector) -> float:
            total = 0.0
            for slot, value in zip(x.indices, x.values, strict=True):
                if stored is None or slot in stored:
                    total += value * values[slot]
            return total

        return dot

    def batch(self, column: Column) -> Numbers:
        """The dot products with every row of a column of vectors without nulls."""
        made: Numbers = times(column, self.products)[:, 0]
        return made


def products_of(rows: Sequence[Coefficients], *, in_matrix: bool = False) -> Products:
    """The products with several vectors of one form and order; ``in_matrix`` where these are the rows of a matrix."""
    order, values = rows[0].order, np.array([row.values for row in rows])
    lanes = 0 if order.fused and in_matrix else order.lanes
    stored = values != 0.0 if rows[0].sparse else None
    return Products(values, lanes=lanes, fused=order.fused, stored=stored)


def times(column: Column, products: Products) -> Numbers:
    """The products of every row of a column of vectors, rows by vectors."""
    values = column.values
    if isinstance(values, Csr):
        return products.compressed(values.starts, values.indices, values.values, column.sparse)
    return products.dense(values, column.sparse)


def row_times(rows: Sequence[Coefficients], products: Products) -> RowGemv:
    """`times` of one row; ``products`` are those of ``rows``."""
    sparse, each, pack = [row.with_sparse() for row in rows], products.each(), packer(products.size)
    return lambda x: [dot(x) for dot in sparse] if isinstance(x, SparseVector) else each(pack(*x))


def packer(size: int) -> Callable[..., bytes]:
    """The function from the slots of a row to the bytes that the kernels take."""
    return struct.Struct(f"={size}d").pack


def pairs(x: Numbers, y: Numbers, order: Order = AVX2) -> Numbers:
    """The dot product of every row of ``x`` with its own row of ``y``: netlib's ``ddot``."""
    return dots.pairs(x, y, lanes=order.lanes, fused=order.fused)


def dot_dense(x: Sequence[float], y: Sequence[float], order: Order = AVX2) -> float:
    """`pairs` of one row."""
    return float(pairs(np.array([x]), np.array([y]), order)[0])


def checked(column: Column, size: int) -> Column:
    """The column of feature vectors; Refused where one is null or of another length, as Spark fails there."""
    nulls = column.null_mask
    wrong = column.values.shape[1] != size
    if len(column) and (wrong or (nulls is not None and nulls.any())):
        first = 0 if wrong or nulls is None else int(np.argmax(nulls))
        check_row(column.cell(first), size, first)
    return column


def check_row(vector: Vector | None, size: int, position: int = 0) -> None:
    """Refused where a feature vector is null or of another length."""
    if vector is None:
        raise Refused(
            "the vector is null",
            value=None,
            position=position,
            hint="Fill it in before this stage; Spark fails on it too.",
        )
    if len(vector) != size:
        raise Refused(
            f"the vector has {len(vector)} slots where {size} are expected",
            value=vector,
            position=position,
            hint="Give the features that the model was fitted on.",
        )


def sigmoid(margin: float) -> float:
    """1 / (1 + exp(-margin)), without an overflow."""
    return 1.0 / (1.0 + exp(-margin))


def sigmoid_all(margins: Numbers) -> Numbers:
    """`sigmoid` of whole arrays."""
    with np.errstate(all="ignore"):
        made: Numbers = 1.0 / (1.0 + exp_all(-margins))
    return made


def exp(power: float) -> float:
    """The exponential; infinite where it is too large for a double."""
    try:
        return math.exp(power)
    except OverflowError:
        return math.inf


def exp_all(powers: Numbers) -> Numbers:
    """`exp` of whole arrays."""
    return elementary.exp(powers)


def log(number: float) -> float:
    """Java's ``Math.log``: -Infinity of zero, NaN of negative numbers."""
    if number > 0.0 or number != number:
        return math.log(number)
    return -math.inf if number == 0.0 else math.nan


def log_all(numbers: Numbers) -> Numbers:
    """`log` of whole arrays."""
    return elementary.log(numbers)


def divide(number: float, by: float) -> float:
    """Java's division, by zero too."""
    if by != 0.0:
        return number / by
    if number == 0.0 or number != number:
        return math.nan
    return math.copysign(math.inf, number) * math.copysign(1.0, by)


def softmax(raw: Sequence[float]) -> list[float]:
    """Probabilities in proportion to the exponentials, scaled by the reciprocal of their sum.

    An infinite slot has it all, and the others are multiplied by zero. Source: Spark's ml.impl.Utils.softmax.
    """
    largest = -LARGEST
    for position, value in enumerate(raw):
        if value == math.inf:
            return [1.0 if other == position else 0.0 * beside for other, beside in enumerate(raw)]
        largest = max(largest, value) if value == value else largest
    powers = [exp(value - largest) for value in raw]
    total = 0.0
    for power in powers:
        total += power
    scale = divide(1.0, total)
    return [scale * power for power in powers]


def softmax_all(raws: Numbers) -> Numbers:
    """`softmax` of every row."""
    with np.errstate(all="ignore"):
        largest = np.fmax.reduce(raws, axis=1, initial=-LARGEST)
        powers = exp_all(raws - largest[:, None])
        made: Numbers = powers * (1.0 / added(powers))[:, None]
        infinite = raws == np.inf
        rows = np.flatnonzero(infinite.any(axis=1))
        if len(rows):
            made[rows] = 0.0 * raws[rows]
            made[rows, np.argmax(infinite[rows], axis=1)] = 1.0
    return made


def added(terms: Numbers) -> Numbers:
    """The sum of each row, one after the other: numpy's own adds in pairs."""
    total = np.zeros(len(terms))
    for place in range(terms.shape[1]):
        total = total + terms[:, place]
    return total


def argmax(values: Sequence[float]) -> int:
    """The first of the largest; a NaN in front stays the largest. Source: Spark's DenseVector.argmax."""
    best = 0
    for position, value in enumerate(values):
        if value > values[best]:
            best = position
    return best


def argmax_all(values: Numbers) -> Numbers:
    """`argmax` of every row, as doubles."""
    nan = np.isnan(values)
    shown = np.where(nan, -np.inf, values) if nan.any() else values
    return np.where(nan[:, 0], 0.0, np.argmax(shown, axis=1))


def each_row(function: Callable[..., Any], *arrays: Numbers) -> list[Any]:
    """The row kernel's own function over whole columns, where numpy's last bits are not Python's."""
    return [function(*cells) for cells in zip(*(array.tolist() for array in arrays), strict=True)]
