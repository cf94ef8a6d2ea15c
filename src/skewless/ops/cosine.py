"""Discrete cosine transforms: Spark's DCT."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    UlpsOfLargest,
    reads_spark,
    register,
)
from skewless.ops.rows import check, each_row, present, vector_type
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import SparseVector, Vector, dense

_LARGE: Final = 1e300
"""Beyond, sums overflow in the one order of additions and not in the other."""


@register
@dataclass(frozen=True, slots=True)
class DCT(Op):
    """The scaled cosine transform (DCT-II, or its inverse, DCT-III) whose matrix is orthonormal; rows come out dense.

    It is computed through the Fourier transform of the row followed by its mirror image. Source: Spark's DCT, which
    calls JTransforms' DoubleDCT_1D.
    """

    name: ClassVar[str] = "dct"
    ulps: ClassVar[int] = UlpsOfLargest(8192)
    why_not_bits: ClassVar[str] = (
        "a cosine transform's last bits follow its order of additions, which in JTransforms is another one for every "
        "length. Where terms cancel, no number of ulps holds for a slot by itself: these are ulps of the vector's "
        "largest slot. At most 5 were seen for lengths of the factors 2, 3 and 5; up to 3,843 for lengths with a prime "
        "factor from 7 to 199, where JTransforms itself is as far from the exact numbers"
    )
    bad_values: ClassVar[str] = (
        "A null or empty vector fails; one with NaN becomes all NaN. Slots beyond 1e300 and infinities are refused, "
        "although Spark answers: what it answers follows the order of its additions."
    )

    mleap: ClassVar[str] = ""

    inverse: bool = False
    size: int | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(attributes.boolean("inverse"), attributes.integer("input_size", 0) or None)

    def encode(self) -> Mapping[str, Value]:
        known = {} if self.size is None else {"input_size": spec.integer(self.size)}
        return {"inverse": spec.boolean(self.inverse), **known}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = present(inputs[0], self.size)
        # Row by row, since a transform of many rows at once may add in another order.
        return (each_row(self.row([column.type]), vector(column.values.shape[1]), column),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, transform = self.size, _backward if self.inverse else _forward

        def kernel(cell: Vector | None) -> list[float]:
            check(cell, size)
            slots = dense(cell) if cell is not None else []
            _check_slots(slots)
            if len(slots) == 1:
                return list(slots)
            made: list[float] = transform(np.array(slots)).tolist()
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for inverse in (False, True):
            yield Example(cls(inverse, 3), (from_cells(vector(3), []),))
            rows: list[Any] = [[-0.0, 5e-324, 1e299], SparseVector(3, (1,), (2.5,)), SparseVector(3, (), ())]
            yield Example(cls(inverse), (from_cells(vector(3), [*rows, [math.nan, 1.0, 1.0], [7.0] * 3]),))
            yield Example(
                cls(inverse), (from_cells(vector(1), [[-0.0], [math.nan], SparseVector(1, (), ())]),)
            )
            for bad in (None, [1.0, math.inf, 0.0], [0.0, 0.0, -1e301]):
                yield Example(cls(inverse, 3), (from_cells(vector(3), [rows[1], bad]),))
            wide = [SparseVector(1500, (2, 1400), (1.0, -2.0)), [0.1] * 1500]
            yield Example(cls(inverse), (from_cells(vector(1500), wide),))
        yield Example(cls(), (from_cells(vector(0), [[]]),))


def _check_slots(slots: Sequence[float]) -> None:
    if not slots:
        raise Refused(
            "the vector has no slots, and cannot be transformed", value=slots, hint="Spark fails on it too."
        )
    large = next((slot for slot in slots if abs(slot) > _LARGE), None)
    if large is not None:
        raise Refused(
            f"the vector has a slot of {large}, too large for a cosine transform that equals Spark's",
            value=large,
            hint="Correct the row, or scale the features before this stage.",
        )


@lru_cache(maxsize=64)
def _turns(size: int) -> Numbers:
    """What each slot of the mirrored row's Fourier transform is turned and scaled by."""
    turns: Numbers = np.exp(-0.5j * math.pi / size * np.arange(size)) * math.sqrt(0.5 / size)
    turns[0] = 0.5 / math.sqrt(size)
    return turns


def _forward(row: Numbers) -> Numbers:
    spectrum = np.fft.rfft(np.concatenate([row, row[::-1]]))[: len(row)]
    turns = _turns(len(row))
    made: Numbers = spectrum.real * turns.real - spectrum.imag * turns.imag
    return made


def _backward(row: Numbers) -> Numbers:
    turns = _turns(len(row))
    # The real spectrum's last slot is zero: the mirror image has no such wave.
    spectrum = np.append(row / turns, 0.0)
    made: Numbers = np.fft.irfft(spectrum, 2 * len(row))[: len(row)]
    return made


@reads_spark("org.apache.spark.ml.feature.DCT", ops=(DCT,), forms="forward and inverse")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    (column,), (output,) = stage.columns("input"), stage.columns("output")
    type_ = stage.sizes(column)
    op = DCT(bool(stage.param("inverse", False)), None if type_ is None else type_.size)
    return [Lowered(op, (column,), (output,))]
