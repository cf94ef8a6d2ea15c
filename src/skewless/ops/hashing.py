"""Columns of any kind hashed into one sparse vector: Spark's FeatureHasher."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.javatext import value_text
from skewless.ops.murmur3 import hash_one
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.schema import BOOLEAN, DOUBLE, INT, NUMBERS, STRING, Base, Field, Struct, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells, vectors_of
from skewless.vectors import SparseVector


@register
@dataclass(frozen=True, slots=True)
class FeatureHasher(Op):
    """A number is added to the slot of its column's name, anything else counts in the slot of ``name=value``.

    Null counts nowhere. Numbers come first, then the rest, each in the columns' order: so Spark adds them up.
    Source: Spark's FeatureHasher.transform.
    """

    name: ClassVar[str] = "feature_hasher"
    bad_values: ClassVar[str] = "Null counts nowhere; NaN and infinities are added like any number."
    mleap: ClassVar[str] = "It takes a byte for a category, where Spark takes it for a number."

    size: int
    names: tuple[str, ...]
    bases: tuple[Base, ...]
    categorical: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.names)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size, names = attributes.integer("num_features"), attributes.strings("input_names")
        types = attributes["basic_types"].data if "basic_types" in attributes else []
        if not 0 < size < 2**31:
            raise attributes.error(f"num_features is {size}; it must be 1 or more")
        known = {str(base) for base in Base}
        if len(types) != len(names) or not known.issuperset(types):
            raise attributes.error(f"basic_types {types} do not tell what its {len(names)} inputs are")
        return cls(
            size, names, tuple(Base(base) for base in types), attributes.strings("categorical_cols", ())
        )

    def encode(self) -> Mapping[str, Value]:
        shape = {"base": "scalar", "isNullable": True}
        return {
            "num_features": spec.long(self.size),
            "categorical_cols": spec.strings(self.categorical),
            "input_shapes": spec.shapes([shape] * len(self.names)),
            "basic_types": Value("list", "basic_type", [str(base) for base in self.bases]),
            "input_names": spec.strings(self.names),
        }

    def default_types(self) -> tuple[Type, ...]:
        return tuple(Type(base) for base in self.bases)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (type_, base) in enumerate(zip(inputs, self.bases, strict=True)):
            if type_.struct is not Struct.BASIC or type_.base is not base:
                raise TypeRefused(f"{Type(base)} is hashed here, not {type_}", input=position)
        return (vector(self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        # Sums need the row's order, and the slots of texts are found once each: rows are what there is to do.
        kernel = self.row([column.type for column in inputs])
        cells = [[column.cell(row) for row in range(len(column))] for column in inputs]
        made = [kernel(*row) for row in zip(*cells, strict=True)]
        return (vectors_of(made, Field("output", vector(self.size))),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        names, bases, size = self.names, self.bases, self.size
        real = [
            position
            for position, base in enumerate(bases)
            if base in NUMBERS and names[position] not in self.categorical
        ]
        rest = [position for position in range(len(names)) if position not in real]
        slots = {position: hash_one(names[position].encode()) % size for position in real}

        def kernel(*values: Any) -> SparseVector:
            sums: dict[int, float] = {}
            for position in real:
                if values[position] is not None:
                    slot, number = slots[position], float(values[position])
                    sums[slot] = sums[slot] + number if slot in sums else number
            for position in rest:
                if values[position] is not None:
                    text = f"{names[position]}={value_text(values[position], bases[position])}"
                    slot = hash_one(text.encode()) % size
                    sums[slot] = sums.get(slot, 0.0) + 1.0
            stored = sorted(sums)
            return SparseVector(size, stored, [sums[slot] for slot in stored])

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        doubles = from_cells(DOUBLE, [1.5, -0.0, math.nan, math.inf, None, 1e308, 1e-5])
        texts = from_cells(STRING, ["a", "", None, "ü=😀", "a", None, "日本"])
        flags = from_cells(BOOLEAN, [True, None, False, True, False, True, False])
        ints = from_cells(INT, [1, -2, None, 3, 2**31 - 1, 0, 7])
        inputs = (doubles, texts, flags, ints)
        names, bases = ("real", "täxt", "flag", "int"), tuple(column.type.base for column in inputs)
        for size in (1, 3, 1 << 18):
            for categorical in ((), ("int", "real")):
                yield Example(cls(size, names, bases, categorical), inputs)
        empty = tuple(from_cells(column.type, []) for column in inputs)
        yield Example(cls(8, names, bases), empty)


@reads_spark(
    "org.apache.spark.ml.feature.FeatureHasher",
    ops=(FeatureHasher,),
    forms="any number of columns, whose types must be known; categoricalCols",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    columns = stage.columns("input")
    bases = []
    for column in columns:
        type_ = stage.sizes(column)
        if type_ is None:
            raise UnsupportedError(
                f"{stage}: it hashes column {column!r} by its type, which is not known",
                hint="Export with sample=df, or convert with inputs=….",
            )
        bases.append(type_.base)
    categorical = tuple(str(name) for name in stage.param("categoricalCols") or ())
    op = FeatureHasher(int(stage.param("numFeatures", 1 << 18)), columns, tuple(bases), categorical)
    return [Lowered(op, columns, stage.columns("output"))]
