"""Locality-sensitive hashes of vectors: Spark's MinHashLSHModel and BucketedRandomProjectionLSHModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.blas import AVX2, Coefficients, Order, row_times, times
from skewless.ops.fitted import Matrix, decode_order, encode_order, saved_matrix
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    reads_spark,
    register,
)
from skewless.ops.rows import check, infinite, present, restored, vector_type
from skewless.ops.scale import hostile, wide
from skewless.schema import Type, vector, vectors
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import Csr, SparseVector, Vector, nonzero

_PRIME: Final = 2038074743


@register
@dataclass(frozen=True, slots=True)
class MinHashLSH(Op):
    """For each table the least of ((1 + i) × a + b) mod 2038074743 over the slots i that are not zero, in 64 bits.

    Which values stand in the slots does not matter. ``size`` is the vectors' length where it is known; no other length
    is refused. Source: Spark's MinHashLSHModel.hashFunction.
    """

    name: ClassVar[str] = "min_hash_lsh"
    bad_values: ClassVar[str] = (
        "A null vector or one of zeros alone fails; NaN and infinities count as not zero; any length is taken."
    )
    mleap: ClassVar[str] = "It multiplies in 32 bits, which overflow: most of its hashes are not Spark's."

    a: tuple[int, ...]
    b: tuple[int, ...]
    size: int | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        a, b = (attributes.integers(f"random_coefficients_{name}") for name in "ab")
        if not a or len(a) != len(b) or not all(0 <= number < 1 << 31 for number in a + b):
            raise attributes.error("its coefficients are not pairs of numbers of 31 bits")
        size = attributes.integer("input_size", -1)
        return cls(a, b, size if size >= 0 else None)

    def encode(self) -> Mapping[str, Value]:
        return {
            "random_coefficients_a": spec.longs(self.a),
            "random_coefficients_b": spec.longs(self.b),
            "input_size": spec.integer(-1 if self.size is None else self.size),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs)
        return (vectors(1),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        (column,) = inputs
        rows, slots = _nonzeros(column)
        counts = np.bincount(rows, minlength=len(column))
        bad = counts == 0 if column.nulls is None else (counts == 0) | column.nulls
        if bad.any():
            first = int(np.argmax(bad))
            _check_some(column.cell(first), first)
        made = np.zeros((len(column), len(self.a), 1))
        starts = np.cumsum(counts) - counts
        for table, (a, b) in enumerate(zip(self.a, self.b, strict=True)):
            hashes = ((1 + slots) * a + b) % _PRIME
            made[:, table, 0] = np.minimum.reduceat(hashes, starts)
        return (Column(vectors(1), made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        pairs = tuple(zip(self.a, self.b, strict=True))

        def kernel(cell: Any) -> list[list[float]]:
            _check_some(cell, 0)
            slots = [1 + slot for slot, _ in nonzero(cell)]
            return [[float(min((slot * a + b) % _PRIME for slot in slots))] for a, b in pairs]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        op = cls((1, _PRIME - 1, 1569548986), (0, _PRIME - 1, 215764588), 4)
        for column in hostile():
            yield Example(op, (column,))
        rows = [
            [math.nan, -0.0, 0.0, 0.0],
            SparseVector(4, (1, 3), (0.0, 5e-324)),
            [1.0, -math.inf, 2.0, 3.0],
        ]
        yield Example(op, (from_cells(vector(4), rows),))
        yield Example(op, (wide(),))
        yield Example(op, (from_cells(vector(1500), [SparseVector(1500, (7, 1499), (0.0, -1.0))]),))


def _nonzeros(column: Column) -> tuple[Numbers, Numbers]:
    """The row and the slot of every value that is not zero, row by row."""
    if not isinstance(column.values, Csr):
        rows, slots = np.nonzero(column.values)
        return rows, slots
    taken = column.values.values != 0.0
    every = np.repeat(np.arange(len(column)), np.diff(column.values.starts))
    return every[taken], column.values.indices[taken].astype(np.int64)


def _check_some(cell: Vector | None, position: int) -> None:
    check(cell, None, position)
    if cell is not None and next(nonzero(cell), None) is None:
        raise Refused(
            "the vector is zero in all its slots and has no hash",
            value=cell,
            position=position,
            hint="Leave the row out; Spark fails on it too.",
        )


@register
@dataclass(frozen=True, slots=True)
class BucketedRandomProjectionLSH(Op):
    """For each table the dot product with its random unit vector, times 1 / bucket length, rounded down.

    In the order of additions that ``order`` says the products are Spark's to the last bit; in another, one on the
    border of two buckets may fall into the neighbour. Source: Spark's BucketedRandomProjectionLSHModel.hashFunction.
    """

    name: ClassVar[str] = "bucketed_random_projection_lsh"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN and infinities are computed with."
    )
    mleap: ClassVar[str] = (
        "It divides by the bucket length, where Spark multiplies by its reciprocal: borders of buckets differ."
    )

    units: tuple[tuple[float, ...], ...]
    bucket_length: float
    order: Order = AVX2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        found = attributes.get("random_unit_vectors")
        if found is None or found.shape != "list" or found.base != "tensor" or not found.data:
            raise attributes.error("its random_unit_vectors are no list of tensors")
        units = tuple(tuple(map(float, unit.data)) for unit in found.data)
        (length,) = restored(attributes, "bucket_length", [attributes.double("bucket_length")])
        if not length > 0.0 or len({len(unit) for unit in units}) > 1:
            raise attributes.error(
                f"its bucket_length is {length}, or its random_unit_vectors differ in length"
            )
        return cls(units, length, decode_order(attributes))

    def encode(self) -> Mapping[str, Value]:
        units = [spec.tensor(unit, (len(unit),)) for unit in self.units]
        return {
            "random_unit_vectors": Value("list", "tensor", units),
            "bucket_length": spec.double(self.bucket_length),
            "input_size": spec.integer(self.size),
            **infinite("bucket_length", [self.bucket_length]),
            **encode_order(self.order),
        }

    @property
    def size(self) -> int:
        """The vectors' length."""
        return len(self.units[0])

    @property
    def _factor(self) -> float:
        return 1.0 / self.bucket_length

    @property
    def _matrix(self) -> Matrix:
        return Matrix(tuple(Coefficients(unit, order=self.order) for unit in self.units))

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vectors(1),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = present(inputs[0], self.size)
        made = np.zeros((len(column), len(self.units)))
        # In buckets without end Spark multiplies nothing, so that neither NaN nor infinities arise.
        if self._factor:
            with np.errstate(all="ignore"):
                places = times(column, self._matrix.products) * self._factor
            # To the product with a sparse row Spark adds a zero, which turns -0.0 into 0.0.
            places[column.sparse_rows] += 0.0
            made = np.floor(places)
        return (Column(vectors(1), made[:, :, None]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        factor, size = self._factor, self.size
        matrix = self._matrix
        dots = row_times(matrix.rows, matrix.products)
        everywhere = [[0.0]] * len(self.units)

        def kernel(cell: Any) -> list[list[float]]:
            check(cell, size)
            if not factor:
                return everywhere
            places = [dot * factor for dot in dots(cell)]
            if isinstance(cell, SparseVector):
                places = [place + 0.0 for place in places]
            return [[_floor(place)] for place in places]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        units = ((0.5, -0.5, 0.5, -0.5), (1e-3, 0.25, -0.125, 0.9), (-0.0, 1.0, 5e-324, 0.0))
        for length in (1.0, 0.3, 1e300, 5e-324, math.inf):
            for column in hostile():
                yield Example(cls(units, length), (column,))
        yield Example(cls((tuple(slot / 1500 for slot in range(1500)),), 0.1), (wide(),))


def _floor(place: float) -> float:
    """The whole number below, with the sign of a zero kept, and what is not finite too."""
    return math.copysign(float(math.floor(place)), place) if math.isfinite(place) else place


@reads_spark("org.apache.spark.ml.feature.MinHashLSHModel", ops=(MinHashLSH,), forms="every number of tables")
def _read_min_hash(stage: SparkStage) -> Sequence[Lowered]:
    saved = [int(number) for number in stage.fitted()["randCoefficients"]]
    type_ = stage.sizes(stage.columns("input")[0])
    op = MinHashLSH(tuple(saved[::2]), tuple(saved[1::2]), None if type_ is None else type_.size)
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]


@reads_spark(
    "org.apache.spark.ml.feature.BucketedRandomProjectionLSHModel",
    ops=(BucketedRandomProjectionLSH,),
    forms="every number of tables",
)
def _read_projection(stage: SparkStage) -> Sequence[Lowered]:
    matrix = saved_matrix(stage, stage.fitted()["randUnitVectors"])
    if matrix.by_columns or matrix.rows[0].sparse:
        raise UnsupportedError(
            f"{stage}: its random vectors were saved by an old Spark, by columns, which adds in another order",
            hint="Fit it again with Spark 3 or 4.",
        )
    units = tuple(row.values for row in matrix.rows)
    op = BucketedRandomProjectionLSH(units, float(stage.param("bucketLength")), Order.of(stage.blas))
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
