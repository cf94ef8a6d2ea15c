"""Spark's dot products, matrix products and softmax, in the order of additions that Spark's machine has.

Spark 4 multiplies dense vectors through netlib, and the machine that Spark runs on decides in which `Order`: on a Java
with the incubator vector module, which Spark always asks for, by VectorBLAS, elsewhere by Java11BLAS. Export asks Spark
for its order, and a bundle keeps it. Sparse rows and sparse coefficients are added one by one, everywhere alike.
Checked against both classes, and in Spark with registers of two and four doubles and without the module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np

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

_SPLIT: Final = 134217729.0  # 2**27 + 1
_LARGE: Final = 2.0**480
_SMALL: Final = 2.0**-480

RowDot: TypeAlias = Callable[[Vector], float]
RowGemv: TypeAlias = Callable[[Vector], list[float]]


def fma(a: float, b: float, c: float) -> float:
    """a × b + c, rounded once, as Java's ``Math.fma``."""
    product = a * b
    size = abs(product)
    if not (_SMALL < size < _LARGE and abs(a) < _LARGE and abs(b) < _LARGE and abs(c) < _LARGE):
        return _fma_slow(a, b, c)
    t = _SPLIT * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLIT * b
    bh = t - (t - b)
    bl = b - bh
    low = ((ah * bh - product) + ah * bl + al * bh) + al * bl
    total = product + c
    t = total - product
    rest = (product - (total - t)) + (c - t)
    small = rest + low
    t = small - rest
    lost = (rest - (small - t)) + (low - t)
    made = total + small
    if lost != 0.0:
        # A second rounding harms only where the rest that was cut stands in the middle of two numbers.
        cut = 2.0 * (small - (made - total))
        if cut != 0.0 and (made + cut) - made == cut:
            return _fma_slow(a, b, c)
    return made if abs(total) > _SMALL else _fma_slow(a, b, c)


def _fma_slow(a: float, b: float, c: float) -> float:
    if a == 0.0 or b == 0.0 or not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c if a * b != 0.0 else c + 0.0
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def fma_all(a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    """`fma` of whole arrays."""
    a, b, c = np.broadcast_arrays(a, b, c)
    product = a * b
    size = np.abs(product)
    safe = (size > _SMALL) & (size < _LARGE) & (np.abs(a) < _LARGE) & (np.abs(b) < _LARGE)
    safe &= np.abs(c) < _LARGE
    t = _SPLIT * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLIT * b
    bh = t - (t - b)
    bl = b - bh
    low = ((ah * bh - product) + ah * bl + al * bh) + al * bl
    total = product + c
    t = total - product
    rest = (product - (total - t)) + (c - t)
    small = rest + low
    t = small - rest
    lost = (rest - (small - t)) + (low - t)
    made: Numbers = total + small
    cut = 2.0 * (small - (made - total))
    hard = ~safe | ((lost != 0.0) & (cut != 0.0) & ((made + cut) - made == cut)) | (np.abs(total) < _SMALL)
    # Zeros are the commonest of them, and need no more than the plain sum.
    plain = hard & ((a == 0.0) | (b == 0.0))
    made[plain] = total[plain]
    for place in zip(*np.nonzero(hard & ~plain), strict=True):
        made[place] = _fma_slow(float(a[place]), float(b[place]), float(c[place]))
    return made


def dot_dense(
    x: Sequence[float], y: Sequence[float], order: Order = AVX2, *, in_matrix: bool = False
) -> float:
    """netlib's ``ddot``; ``in_matrix``, one row of its ``dgemv`` of a matrix by rows."""
    width = order.lanes
    whole = 0 if order.fused and in_matrix else len(x) - len(x) % width
    lanes = [0.0] * width
    for start in range(0, whole, width):
        for lane in range(width):
            lanes[lane] = fma(x[start + lane], y[start + lane], lanes[lane])
    total = 0.0
    for part in lanes:
        total += part
    for slot in range(whole, len(x)):
        total = fma(x[slot], y[slot], total) if order.fused else total + x[slot] * y[slot]
    return total


def dots_dense(x: Numbers, y: Numbers, order: Order, in_matrix: bool = False) -> Numbers:
    """`dot_dense` of every row of ``x`` with ``y``, or with its own row of ``y``."""
    width = order.lanes
    whole = 0 if order.fused and in_matrix else y.shape[-1] - y.shape[-1] % width
    lanes = np.zeros((len(x), width))
    for start in range(0, whole, width):
        lanes = fma_all(x[:, start : start + width], y[..., start : start + width], lanes)
    total = np.zeros(len(x))
    for lane in range(width):
        total = total + lanes[:, lane]
    for slot in range(whole, y.shape[-1]):
        total = fma_all(x[:, slot], y[..., slot], total) if order.fused else total + x[:, slot] * y[..., slot]
    return total


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One vector of coefficients; ``sparse`` where Spark holds them so, which decides the order of additions."""

    values: tuple[float, ...]
    sparse: bool = False
    order: Order = AVX2

    @property
    def stored(self) -> list[int]:
        """The slots that take part."""
        return [slot for slot, value in enumerate(self.values) if value != 0.0 or not self.sparse]

    def row(self, *, in_matrix: bool = False) -> RowDot:
        """The dot product with one row of features; ``in_matrix`` where these are a row of a matrix."""
        values, stored, order = self.values, self.stored, self.order
        members = frozenset(stored) if self.sparse else None

        def dot(x: Vector) -> float:
            total = 0.0
            if isinstance(x, SparseVector):
                for slot, value in zip(x.indices, x.values, strict=True):
                    if members is None or slot in members:
                        total += value * values[slot]
            elif members is None:
                return dot_dense(x, values, order, in_matrix=in_matrix)
            else:
                for slot in stored:
                    total += x[slot] * values[slot]
            return total

        return dot

    def batch(self, column: Column, *, in_matrix: bool = False) -> Numbers:
        """The dot products with every row of a column of vectors without nulls."""
        made = np.zeros(len(column))
        if isinstance(column.values, Csr):
            dot = self.row(in_matrix=in_matrix)
            for row in range(len(column)):
                made[row] = dot(column.cell(row))
            return made
        values, sparse = np.array(self.values), column.sparse_rows
        with np.errstate(all="ignore"):
            if sparse.any():
                made[sparse] = self._sparse(column.values[sparse], values)
            if not sparse.all():
                x = column.values[~sparse]
                made[~sparse] = (
                    self._stored(x, values) if self.sparse else dots_dense(x, values, self.order, in_matrix)
                )
        return made

    def _sparse(self, x: Numbers, values: Numbers) -> Numbers:
        rows, slots = np.nonzero(x)
        taken = np.isin(slots, self.stored)
        rows, slots = rows[taken], slots[taken]
        # bincount adds one by one, in this order.
        return np.bincount(rows, x[rows, slots] * values[slots], len(x)).astype(np.float64)

    def _stored(self, x: Numbers, values: Numbers) -> Numbers:
        total = np.zeros(len(x))
        for slot in self.stored:
            total = total + x[:, slot] * values[slot]
        return total


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


def exp(power: float) -> float:
    """The exponential; infinite where it is too large for a double."""
    try:
        return math.exp(power)
    except OverflowError:
        return math.inf


def log(number: float) -> float:
    """Java's ``Math.log``: -Infinity of zero, NaN of negative numbers."""
    if number > 0.0 or number != number:
        return math.log(number)
    return -math.inf if number == 0.0 else math.nan


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
    largest = -1.7976931348623157e308
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


def argmax(values: Sequence[float]) -> int:
    """The first of the largest; a NaN in front stays the largest. Source: Spark's DenseVector.argmax."""
    best = 0
    for position, value in enumerate(values):
        if value > values[best]:
            best = position
    return best


def each_row(function: Callable[..., Any], *arrays: Numbers) -> list[Any]:
    """The row kernel's own function over whole columns, where numpy's last bits are not Python's."""
    return [function(*cells) for cells in zip(*(array.tolist() for array in arrays), strict=True)]
