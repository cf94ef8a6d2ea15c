"""Columns side by side in one vector: Spark's VectorAssembler."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.coded import Coded, Joined
from skewless.errors import UnsupportedError
from skewless.ops.compiling import Cell, Slots, Source, Symbol, as_slots, positive
from skewless.ops.ml_attributes import NUMERIC, MLAttributes, group, slots_of
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
from skewless.schema import DOUBLE, INT, Base, Field, Struct, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Mask, Numbers, from_cells, vectors_of
from skewless.vectors import WIDE, Vector, compressed, nonzero

INVALID = ("error", "keep", "skip")


@register
@dataclass(frozen=True, slots=True)
class VectorAssembler(Op):
    """Numbers, booleans and vectors side by side in one vector of doubles; -0.0 becomes 0.0, as in Spark.

    ``sizes`` has a vector input's length, 0 where it is not known, and None for a single value. Null (and NaN in a
    single value) is refused, drops the row, or with ``handle_invalid`` keep fills its slots with NaN. NaN inside a
    vector passes. Source: Spark's VectorAssembler.transform and assemble.
    """

    name: ClassVar[str] = "vector_assembler"
    bad_values: ClassVar[str] = (
        "Null, and NaN in a single number, fail (error), fill their slots with NaN (keep) or drop the row "
        "(skip); NaN inside a vector passes."
    )
    mleap: ClassVar[str] = "It does not know handleInvalid: null fails and NaN passes, in every mode."

    sizes: tuple[int | None, ...]
    handle_invalid: str = "error"

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.sizes)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        shapes = attributes.shapes("input_shapes", ())
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(INVALID)}")
        if not shapes:
            raise attributes.error("it has no input_shapes, so its inputs are not known")
        return cls(tuple(size_of(shape, attributes) for shape in shapes), invalid)

    def encode(self) -> Mapping[str, Value]:
        return {
            "input_shapes": spec.shapes([shape_of(size) for size in self.sizes]),
            "handle_invalid": spec.string(self.handle_invalid),
        }

    def default_types(self) -> tuple[Type, ...]:
        return tuple(DOUBLE if size is None else vector(size or None) for size in self.sizes)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        total: int | None = 0
        for position, (type_, size) in enumerate(zip(inputs, self.sizes, strict=True)):
            if type_.is_vector:
                if size and type_.size is not None and type_.size != size:
                    raise TypeRefused(f"a {vector(size)} was fitted here, not a {type_}", input=position)
                if size is None:
                    raise TypeRefused(f"a single number was fitted here, not a {type_}", input=position)
                length = type_.size or size or None
                if length is None and self.handle_invalid == "keep":
                    raise TypeRefused("a vector of unknown length cannot be filled", input=position)
                total = None if total is None or length is None else total + length
            elif type_.is_number or (type_.base is Base.BOOLEAN and type_.struct is Struct.BASIC):
                if size is not None:
                    raise TypeRefused(f"a {vector(size)} was fitted here, not a {type_}", input=position)
                total = None if total is None else total + 1
            else:
                raise TypeRefused(f"only numbers and vectors can be assembled, not {type_}", input=position)
        return (vector(total),)

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        parts = [_slots(given, type_) for given, type_ in zip(inputs, types, strict=True)]
        known = [part for part in parts if part is not None]
        return (group([slot for part in known for slot in part]) if len(known) == len(parts) else None,)

    def keep(self, *inputs: Column) -> Mask | None:
        if self.handle_invalid != "skip" or not inputs:
            return None
        stay = np.ones(len(inputs[0]), np.bool_)
        for column in inputs:
            stay &= ~_invalid(column)
        return stay

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if self.handle_invalid == "error":
            self._check(inputs)
        joined = Joined(inputs, len(inputs[0]) if inputs else 0)
        return (self._wide(inputs, joined.width) if joined.width > WIDE else joined,)

    def _wide(self, inputs: Sequence[Column], width: int) -> Column:
        """Wide vectors never stand in memory with all their slots: the row kernel's rows, put together."""
        types = [column.type for column in inputs]
        kernel = self.row(types)
        cells = [kernel(*[column.cell(row) for column in inputs]) for row in range(len(inputs[0]))]
        return vectors_of(cells, Field("output", vector(width)))

    def _check(self, inputs: Sequence[Column]) -> None:
        """Refuse the first bad row, and in it the first bad input, as the row kernel would."""
        worst: tuple[int, int] | None = None
        for position, column in enumerate(inputs):
            invalid = _invalid(column)
            if invalid.any():
                found = (int(np.argmax(invalid)), position)
                worst = found if worst is None else min(worst, found)
        if worst is not None:
            row, position = worst
            raise self._refusal(inputs[position].cell(row), position, row)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        vectors = tuple(type_.is_vector for type_ in inputs)
        mode = self.handle_invalid
        sizes = tuple(type_.size or size or 1 for type_, size in zip(inputs, self.sizes, strict=True))

        def kernel(*values: Any) -> Vector:
            pairs: list[tuple[int, float]] = []
            start = 0
            for position, value in enumerate(values):
                if value is None or (not vectors[position] and value != value):
                    if mode == "skip":
                        raise Skipped
                    if mode == "error":
                        raise self._refusal(value, position, 0)
                    pairs += [(slot, math.nan) for slot in range(start, start + sizes[position])]
                    start += sizes[position]
                elif vectors[position]:
                    pairs += [(start + index, slot) for index, slot in nonzero(value)]
                    start += len(value)
                else:
                    if value != 0.0:
                        pairs.append((start, float(value)))
                    start += 1
            return compressed(start, pairs)

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        (type_,) = self.types([value.type for value in inputs])
        given = [
            as_slots(value, any_form=True) if value.type.is_vector else source.cell(value) for value in inputs
        ]
        if type_.size is None or type_.size > WIDE or None in given:
            return None
        # Null and NaN are refused or dropped, or filled in, which is left to the row kernel as well.
        source.no_bad([value for value in given if isinstance(value, Cell)])
        parts = [
            value.parts if isinstance(value, Slots) else (value,) for value in given if value is not None
        ]
        return [Slots(tuple(positive(one) for several in parts for one in several), type_)]

    def _refusal(self, value: Any, position: int, row: int) -> Refused:
        return Refused(
            f"the value is {'null' if value is None else 'NaN'} and cannot be assembled",
            value=value,
            position=row,
            input=position,
            hint='Fill it in before this stage, or fit with handleInvalid="keep".',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for invalid in INVALID:
            op = cls((None, 2, None), invalid)
            ints = from_cells(INT, [1, -2, 3, None])
            vectors = from_cells(vector(2), [[-0.0, math.nan], [math.inf, 5e-324], None, [0.0, 1.0]])
            doubles = from_cells(DOUBLE, [-0.0, math.nan, math.inf, None])
            yield Example(op, (ints, vectors, doubles))
            empty = (from_cells(INT, []), from_cells(vector(2), []), from_cells(DOUBLE, []))
            yield Example(op, empty)
            flags = from_cells(Type(Base.BOOLEAN), [True, False, None])
            yield Example(cls((None,), invalid), (flags,))


def _slots(given: MLAttributes | None, type_: Type) -> list[MLAttributes] | None:
    """The ML attributes of the slots that an input takes; None where they are not known."""
    if not type_.is_vector:
        # Spark looks at the attributes of doubles and vectors only.
        return [NUMERIC] if type_.base is not Base.DOUBLE else None if given is None else [given]
    if given is None or type_.size is None:
        return None
    return slots_of(given) or [NUMERIC] * type_.size


def _invalid(column: Column) -> Mask:
    """Null rows, and NaN in single numbers."""
    bad: Numbers
    if isinstance(column, Coded):
        bad = _invalid(column.distinct)
        return bad[column.codes] if bad.any() else np.zeros(len(column), np.bool_)
    if column.type.is_vector or column.type.base not in (Base.DOUBLE, Base.FLOAT):
        bad = np.zeros(len(column), np.bool_)
    else:
        bad = np.isnan(column.values)
    return bad if column.nulls is None else bad | column.nulls


def size_of(shape: Mapping[str, Any], attributes: Attributes) -> int | None:
    if shape.get("base") == "scalar":
        return None
    dims = (shape.get("tensorShape") or {}).get("dimensions", [])
    if shape.get("base") != "tensor" or len(dims) > 1:
        raise attributes.error("an input shape is neither a single value nor a vector")
    return max(int(dims[0]["size"]), 0) if dims else 0


def shape_of(size: int | None) -> Mapping[str, Any]:
    if size is None:
        return {"base": "scalar", "isNullable": False}
    dims = [{"size": size or -1, "name": ""}]
    return {"base": "tensor", "isNullable": False, "tensorShape": {"dimensions": dims}}


@reads_spark(
    "org.apache.spark.ml.feature.VectorAssembler",
    ops=(VectorAssembler,),
    forms="numbers, booleans and vectors; error, keep, skip",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    columns = stage.columns("input")
    sizes: list[int | None] = []
    for column in columns:
        type_ = stage.sizes(column)
        if type_ is not None and type_.is_vector and type_.size is None:
            raise UnsupportedError(
                f"{stage}: the length of the vectors in column {column!r} is not known",
                hint="Export with sample=df, or put a VectorSizeHint before it.",
            )
        sizes.append((type_.size or 0) if type_ is not None and type_.is_vector else None)
    op = VectorAssembler(tuple(sizes), str(stage.param("handleInvalid", "error")))
    return [Lowered(op, columns, stage.columns("output"))]
