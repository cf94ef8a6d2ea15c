"""Products of features, one of each input: Spark's Interaction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.assemble import shape_of, size_of
from skewless.ops.ml_attributes import NUMERIC, MLAttributes, group, number_of_values, slots_of
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
from skewless.ops.rows import check, each_row
from skewless.schema import DOUBLE, INT, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Mask, Numbers, from_cells
from skewless.vectors import WIDE, Csr, SparseVector, Vector, is_sparse, nonzero


@dataclass(frozen=True, slots=True)
class Factor:
    """One input: how many values each of its features has, 1 for a number; ``single`` where it is no vector."""

    values: tuple[int, ...]
    single: bool = True

    @property
    def width(self) -> int:
        """How many slots it takes."""
        return sum(self.values)

    @property
    def type(self) -> Type:
        """What the input is where nothing else says so."""
        return DOUBLE if self.single else vector(len(self.values))


@register
@dataclass(frozen=True, slots=True)
class Interaction(Op):
    """Every product of one slot of each input, the last input's slots varying fastest.

    A number is a slot; an index among n values is n slots, one of which is 1. The products are made from the last input
    to the first. A row is sparse where that takes less room. Source: Spark's Interaction.transform.
    """

    name: ClassVar[str] = "interaction"
    bad_values: ClassVar[str] = (
        "Null fails, and so does an index that is not one of the fitted values; NaN and infinities are multiplied."
    )
    mleap: ClassVar[str] = (
        "It counts the slots of a sparse vector by their position among those that are not zero."
    )

    factors: tuple[Factor, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.factors)))

    @property
    def width(self) -> int:
        """How many slots the outcome has."""
        return math.prod(factor.width for factor in self.factors)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        count = attributes.integer("num_inputs")
        shapes = attributes.shapes("input_shapes")
        if count < 1 or len(shapes) != count:
            raise attributes.error(f"it has {len(shapes)} input_shapes for {count} inputs")
        factors = []
        for position, shape in enumerate(shapes):
            values = attributes.integers(f"num_features{position}")
            size = size_of(shape, attributes)
            if (
                min(values, default=0) < 1
                or (size or len(values)) != len(values)
                or (size is None) > (len(values) == 1)
            ):
                raise attributes.error(
                    f"num_features{position} is {list(values)}, which does not fit its shape"
                )
            factors.append(Factor(values, size is None))
        return cls(tuple(factors))

    def encode(self) -> Mapping[str, Value]:
        factors = enumerate(self.factors)
        return {
            "num_inputs": spec.integer(len(self.factors)),
            **{f"num_features{position}": spec.integers(factor.values) for position, factor in factors},
            "input_shapes": spec.shapes([shape_of(f.type.size) for f in self.factors]),
        }

    def default_types(self) -> tuple[Type, ...]:
        return tuple(factor.type for factor in self.factors)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (type_, factor) in enumerate(zip(inputs, self.factors, strict=True)):
            fits = type_.is_number if factor.single else type_.is_vector
            if not fits or (type_.is_vector and type_.size not in (None, factor.type.size)):
                raise TypeRefused(f"a {factor.type} was fitted here, not a {type_}", input=position)
        return (vector(self.width),)

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        return (group([NUMERIC] * self.width),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if not all(factor.single for factor in self.factors):
            return (each_row(self.row([column.type for column in inputs]), vector(self.width), *inputs),)
        rows, width = len(inputs[0]), self.width
        slots, products, stride = np.zeros(rows, np.int64), np.ones(rows), 1
        self._check(inputs)
        with np.errstate(all="ignore"):
            for column, factor in reversed(list(zip(inputs, self.factors, strict=True))):
                if factor.width == 1:
                    products = products * column.numbers()
                else:
                    slots += column.numbers().astype(np.int64) * stride
                stride *= factor.width
        return (_one_slot(slots, products, width),)

    def _check(self, inputs: Sequence[Column]) -> None:
        """Refuse the first bad row, and in it the last bad input, as the row kernel would."""
        worst: tuple[int, int] | None = None
        for position, (column, factor) in enumerate(zip(inputs, self.factors, strict=True)):
            bad = _invalid(column, factor)
            if bad.any():
                found = (int(np.argmax(bad)), -position)
                worst = found if worst is None else min(worst, found)
        if worst is not None:
            row, position = worst[0], -worst[1]
            raise _refusal(inputs[position].cell(row), self.factors[position].width, position, row)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        steps = list(enumerate(self.factors))[::-1]
        starts = [tuple(accumulate(factor.values, initial=0)) for factor in self.factors]
        width = self.width

        def kernel(*cells: Any) -> Vector:
            pairs, stride = [(0, 1.0)], 1
            for position, factor in steps:
                if factor.single:
                    active: Iterable[tuple[int, float]] = ((0, cells[position]),)
                else:
                    check(cells[position], len(factor.values), input=position)
                    active = _active(cells[position])
                encoded = list(_encoded(active, factor, starts[position], position))
                pairs = [(i + slot * stride, x * value) for slot, value in encoded for i, x in pairs]
                stride *= factor.width
            return _compressed(width, pairs)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        numbers = from_cells(DOUBLE, [-0.0, math.nan, math.inf, 5e-324, 1e300, 2.0])
        index = from_cells(INT, [0, 1, 2, 0, 1, 2])
        sparse, none = SparseVector(2, (1,), (3.0,)), SparseVector(2, (), ())
        vectors = from_cells(vector(2), [[-0.0, 1.0], [math.nan, 0.0], sparse, none, [1e300, 3.0], sparse])
        one, three, mixed = Factor((1,)), Factor((3,)), Factor((1, 4), single=False)
        yield Example(cls((one,)), (numbers,))
        yield Example(cls((three, one, one)), (index, numbers, numbers))
        yield Example(cls((one, three, three)), (numbers, index, index))
        yield Example(cls((three, Factor((700,)))), (index, index))
        yield Example(cls((one, mixed, three)), (numbers, vectors, index))
        yield Example(cls((mixed, one)), (from_cells(vector(2), []), from_cells(DOUBLE, [])))
        yield Example(cls((three, one)), (from_cells(DOUBLE, []), from_cells(DOUBLE, [])))
        for bad in (None, -1.0, 0.5, 3.0, math.nan, math.inf):
            yield Example(
                cls((three, three)), (from_cells(DOUBLE, [0.0, bad]), from_cells(DOUBLE, [0.0, bad]))
            )
        yield Example(cls((one, one)), (from_cells(DOUBLE, [1.0, None]), from_cells(DOUBLE, [1.0, 1.0])))
        for cell in (None, [0.0, 4.0], [0.0, math.nan], SparseVector(2, (1,), (-1.0,))):
            yield Example(
                cls((mixed, one)), (from_cells(vector(2), [sparse, cell]), from_cells(DOUBLE, [1.0, 2.0]))
            )


def _active(cell: Vector) -> Iterator[tuple[int, float]]:
    """Spark's foreachActive: all slots of a dense row, zeros too, and those stored of a sparse one."""
    return nonzero(cell) if isinstance(cell, SparseVector) else enumerate(cell)


def _encoded(
    active: Iterable[tuple[int, Any]], factor: Factor, starts: Sequence[int], position: int
) -> Iterator[tuple[int, float]]:
    for slot, value in active:
        count = factor.values[slot]
        if value is None or (count > 1 and not (0 <= value < count and value == int(value))):
            raise _refusal(value, count, position, 0)
        yield (starts[slot] + int(value), 1.0) if count > 1 else (starts[slot], float(value))


def _invalid(column: Column, factor: Factor) -> Mask:
    """Null rows, and of an index what is none."""
    bad: Numbers = np.zeros(len(column), np.bool_)
    if factor.width > 1:
        index = column.numbers()
        bad = ~((index >= 0) & (index < factor.width) & (index == np.trunc(index)))
    return bad if column.nulls is None else bad | column.nulls


def _refusal(value: Any, count: int, position: int, row: int) -> Refused:
    what = "the value is null" if value is None else f"{float(value)} is no index among {count} values"
    return Refused(
        f"{what} and cannot be multiplied",
        value=value,
        position=row,
        input=position,
        hint="Fill it in or correct it before this stage; Spark fails on it too.",
    )


def _one_slot(slots: Numbers, products: Numbers, width: int) -> Column:
    """Vectors with one stored slot each."""
    sparse = np.asarray(is_sparse(products != 0.0, width)) & np.ones(len(slots), np.bool_)
    if width > WIDE:
        stored = products != 0.0
        starts = np.concatenate([[0], np.cumsum(stored)]).astype(np.int64)
        csr = Csr(starts, slots[stored].astype(np.int32), products[stored], width)
        return Column(vector(width), csr)
    whole = np.zeros((len(slots), width))
    whole[np.arange(len(slots)), slots] = np.where(sparse & (products == 0.0), 0.0, products)
    return Column(vector(width), whole, None, sparse)


def _compressed(width: int, pairs: Sequence[tuple[int, float]]) -> Vector:
    """Spark's ``compressed`` of stored slots, in which a dense row keeps -0.0."""
    stored = [(slot, value) for slot, value in pairs if value != 0.0]
    if is_sparse(len(stored), width):
        return SparseVector(width, [slot for slot, _ in stored], [value for _, value in stored])
    slots = [0.0] * width
    for slot, value in pairs:
        slots[slot] = value
    return slots


@reads_spark(
    "org.apache.spark.ml.feature.Interaction",
    ops=(Interaction,),
    forms="numbers, indices and vectors, as their ML attributes tell",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    columns = stage.columns("input")
    op = Interaction(tuple(_factor(stage, column) for column in columns))
    if op.width >= 2**31:
        raise UnsupportedError(
            f"{stage}: its vectors have {op.width} slots, more than Spark can have",
            hint="Interact columns of fewer values.",
        )
    return [Lowered(op, columns, stage.columns("output"))]


def _factor(stage: SparkStage, column: str) -> Factor:
    """What the column's ML attributes say of its features."""
    attributes, type_ = stage.attributes(column), stage.sizes(column)
    if attributes is None or type_ is None:
        raise UnsupportedError(
            f"{stage}: the ML attributes of column {column!r} are not known here, "
            "and they say how many values it has",
            hint="Export from the live model with sample=df, or give convert the inputs.",
        )
    slots = slots_of(attributes) if type_.is_vector else [attributes]
    if slots is None:
        raise UnsupportedError(
            f"{stage}: the vectors in column {column!r} have no ML attributes; Spark's Interaction fails on them too",
            hint="Make them with a VectorAssembler.",
        )
    values = [number_of_values(slot) for slot in slots]
    if None in values:
        raise UnsupportedError(
            f"{stage}: column {column!r} is nominal, and its ML attributes do not say of how many values",
            hint="Make it with a StringIndexer.",
        )
    return Factor(tuple(value for value in values if value is not None), not type_.is_vector)
