"""The names of classes: what a classifier's index stands for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops.op import Example, Lowered, Op, Refused, RowKernel, TypeRefused, register
from skewless.schema import BOOLEAN, DOUBLE, LONG, STRING, Type
from skewless.spec import Attributes, Model, Value
from skewless.table import DTYPES, Column, from_cells

Label: TypeAlias = str | int | float | bool

KINDS: Mapping[type, Type] = {str: STRING, bool: BOOLEAN, int: LONG, float: DOUBLE}


def type_of_labels(labels: Sequence[Any]) -> Type | None:
    """The one type that all labels have, or None where they have several or none that a column can hold."""
    kinds = {type(label) for label in labels}
    return KINDS.get(kinds.pop()) if len(kinds) == 1 else None


@register
@dataclass(frozen=True, slots=True)
class Classes(Op):
    """The class with this index: a string, a whole number, a double or a boolean, as the classifier was fitted on."""

    name: ClassVar[str] = "sklearn_classes"
    bad_values: ClassVar[str] = "Null, NaN, and what is no index of a class, fail."
    mleap: ClassVar[str] = "absent"

    labels: tuple[Label, ...]

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(decode_labels(model.attributes, "classes"))

    def encode(self) -> Mapping[str, Value]:
        return encode_labels("classes", self.labels)

    @property
    def type(self) -> Type:
        """What the classes are."""
        return type_of_labels(self.labels) or STRING

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0] != DOUBLE:
            raise TypeRefused(f"the index of a class must be a double, not a {inputs[0]}")
        return (self.type,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        numbers = inputs[0].numbers()
        wrong = ~np.isin(numbers, np.arange(len(self.labels)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self._refusal(inputs[0].cell(row), row)
        places = numbers.astype(np.int64)
        if self.type == STRING:
            return (Column(STRING, pa.array(self.labels, pa.string()).take(pa.array(places))),)
        return (Column(self.type, np.array(self.labels, DTYPES[self.type.base])[places]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        labels = {float(place): label for place, label in enumerate(self.labels)}

        def kernel(cell: Any) -> Label:
            if cell not in labels:
                raise self._refusal(cell, 0)
            return labels[cell]

        return kernel

    def _refusal(self, cell: Any, row: int) -> Refused:
        return Refused(
            f"{cell!r} is the index of none of the {len(self.labels)} classes",
            value=cell,
            position=row,
            hint="Export the pipeline again from the fitted model.",
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for labels in (("", "ü", "no"), (-3, 0, 2**40), (False, True), (-0.5, 1e300, 3.0)):
            yield Example(cls(labels), (from_cells(DOUBLE, [0.0, 1.0, -0.0, 1.0]),))
        for cells in ([], [0.0, None], [math.nan], [1.0, 0.5], [7.0], [-1.0], [math.inf]):
            yield Example(cls(("a", "b")), (from_cells(DOUBLE, cells),))


def decoded(index: str, classes: Any, output: str, where: str) -> Lowered:
    """The op that makes the class of an index. UnsupportedError where a column cannot hold the classes.

    ``where`` names the step.
    """
    labels = tuple(value.item() if isinstance(value, np.generic) else value for value in classes)
    if type_of_labels(labels) is None:
        raise UnsupportedError(
            f"{where} cannot be exported: its classes are not all strings, whole numbers, floats or booleans",
            hint="Fit it on labels of one such type.",
        )
    return Lowered(Classes(labels), (index,), (output,))


def encode_labels(name: str, labels: Sequence[Any]) -> Mapping[str, Value]:
    """Values of one type as attributes, with the type; NaN and infinities have their own text."""
    type_ = type_of_labels(labels) or STRING
    kind = {f"{name}_type": spec.string(str(type_.base))}
    if type_ == DOUBLE:
        # As text, since JSON has no NaN and no infinities.
        return {name: spec.strings([value.hex() for value in labels]), **kind}
    if type_ == STRING:
        return {name: spec.strings(labels), **kind}
    return {name: spec.longs([int(value) for value in labels]), **kind}


def decode_labels(attributes: Attributes, name: str) -> tuple[Any, ...]:
    """What `encode_labels` wrote. ArtifactError where it is no such thing."""
    kind = attributes.string(f"{name}_type")
    if kind == "string":
        return attributes.strings(name, ())
    if kind == "double":
        try:
            return tuple(float.fromhex(text) for text in attributes.strings(name, ()))
        except (ValueError, OverflowError):
            raise attributes.error(f"{name} has a text that is no number") from None
    if kind not in ("long", "boolean"):
        raise attributes.error(f"{name}_type is {kind!r}; it must be string, long, double or boolean")
    found = attributes.integers(name, ())
    return tuple(map(bool, found)) if kind == "boolean" else found
