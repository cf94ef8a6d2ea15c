"""Lists out of lists and vectors: MLeap's word_filter and multinomial_labeler, which Spark has not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from skewless import spec
from skewless.ops.op import Example, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import check, infinite, restored, vector_type
from skewless.ops.tokens import TOKENS, null_refused
from skewless.schema import Base, Struct, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import SparseVector, Vector, dense

_DOUBLES: Final = Type(Base.DOUBLE, Struct.ARRAY)


@register
@dataclass(frozen=True, slots=True)
class WordFilter(Op):
    """Tokens of letters alone that are longer than ``length``. Source: MLeap's WordLengthFilterModel.

    A letter beyond Unicode's first plane counts as none, as it is two units in Java of which neither is a letter.
    """

    name: ClassVar[str] = "word_filter"
    bad_values: ClassVar[str] = "Null fails, as a list and among the tokens."
    mleap: ClassVar[str] = ""

    length: int = 3

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(model.attributes.integer("length"))

    def encode(self) -> Mapping[str, Value]:
        return {"length": spec.integer(self.length)}

    def default_types(self) -> tuple[Type, ...]:
        return (TOKENS,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0] != TOKENS:
            raise TypeRefused(f"it takes {TOKENS}, not {inputs[0]}")
        return (TOKENS,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        cells = inputs[0].values.to_pylist()
        return (from_cells(TOKENS, [self._kept(tokens, row) for row, tokens in enumerate(cells)]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return lambda tokens: self._kept(tokens, 0)

    def _kept(self, tokens: list[str | None] | None, position: int) -> list[str]:
        if tokens is None:
            raise null_refused(position)
        kept = []
        for token in tokens:
            if token is None:
                raise Refused("a token is null", value=tokens, position=position, hint="Leave it out.")
            is_word = not token or (token.isalpha() and max(token) <= "\uffff")
            if is_word and len(token) > self.length:
                kept.append(token)
        return kept

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["word", "über", "a1bc", "", "the", "naïve", "don't", "ΣΑΣΑ", "𝒜𝒷𝒸𝒹", "ªªªª"], []]
        for length in (3, 0, -1):
            yield Example(cls(length), (from_cells(TOKENS, tokens),))
        for cells in ([], [["word"], None], [["word"], ["a", None]]):
            yield Example(cls(), (from_cells(TOKENS, cells),))


@register
@dataclass(frozen=True, slots=True)
class MultinomialLabeler(Op):
    """The probabilities that reach a threshold, and their labels, in the labels' order.

    Source: MLeap's MultinomialLabelerModel.
    """

    name: ClassVar[str] = "multinomial_labeler"
    bad_values: ClassVar[str] = "A null vector fails, and one of another length; NaN reaches no threshold."
    mleap: ClassVar[str] = ""

    threshold: float
    labels: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("features",)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("probabilities", "labels")

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        (threshold,) = restored(attributes, "threshold", (attributes.double("threshold"),))
        return cls(threshold, attributes.strings("labels"))

    def encode(self) -> Mapping[str, Value]:
        return {
            "threshold": spec.double(self.threshold),
            "labels": spec.strings(self.labels),
            **infinite("threshold", (self.threshold,)),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(len(self.labels)),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, len(self.labels))
        return (_DOUBLES, TOKENS)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        made = [self._made(inputs[0].cell(row), row) for row in range(len(inputs[0]))]
        probabilities, labels = zip(*made, strict=True) if made else ((), ())
        return from_cells(_DOUBLES, probabilities), from_cells(TOKENS, labels)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return lambda cell: self._made(cell, 0)

    def _made(self, cell: Any, position: int) -> tuple[list[float], list[str]]:
        check(cell, len(self.labels), position)
        found = [pair for pair in zip(dense(cell), self.labels, strict=True) if pair[0] >= self.threshold]
        return [probability for probability, _ in found], [label for _, label in found]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        rows: list[Vector] = [
            [0.2, 0.3, 0.5],
            [math.nan, -0.0, math.inf],
            SparseVector(3, (1,), (0.7,)),
            [5e-324, 0.0, -math.inf],
        ]
        for threshold in (0.3, 0.0, -0.0, math.inf, -math.inf, math.nan):
            yield Example(cls(threshold, ("ü", "", "ü")), (from_cells(vector(3), rows),))
        yield Example(cls(0.3, ("a", "b")), (from_cells(vector(2), [[0.5, 0.1], None]),))
        yield Example(cls(0.3, ("a", "b")), (from_cells(vector(2), []),))
