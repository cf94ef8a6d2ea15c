"""Tokens to the mean of their words' vectors: Spark's Word2VecModel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import divide
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.ops.tokens import TOKENS, null_refused
from skewless.schema import Field, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells, vectors_of
from skewless.vectors import SparseVector, Vector


@register
@dataclass(frozen=True, slots=True)
class Word2Vec(Op):
    """The known words' vectors, added in the tokens' order, times one over the number of all tokens.

    MLeap's other kernel, sqrt, which gensim's exporter uses, divides the sum by its length instead.

    No tokens make a sparse vector of nothing. ``vectors`` are doubles, one word after the other, as bytes: there may
    be millions. Source: Spark's Word2VecModel.transform.
    """

    name: ClassVar[str] = "word_to_vector"
    bad_values: ClassVar[str] = (
        "A null list fails; null and unknown tokens add nothing, but count in the mean; no tokens give zeros."
    )
    mleap: ClassVar[str] = ""

    words: tuple[str, ...]
    vectors: bytes
    size: int
    kernel: str = "default"

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        words = attributes.strings("words")
        whole = attributes.get("word_vectors")
        flat = (
            attributes.tensor("word_vectors").data
            if whole is not None and whole.shape == "tensor"
            else attributes.doubles("word_vectors")
        )
        kernel = attributes.string("kernel", "default")
        if kernel not in ("default", "sqrt"):
            raise attributes.error(f"its kernel is {kernel!r}; it must be default or sqrt")
        size = len(flat) // len(words) if words else attributes.integer("vector_size", 0)
        indices = attributes.integers("indices", tuple(range(len(words))))
        if len(flat) != size * len(words) or sorted(indices) != list(range(len(words))):
            raise attributes.error(f"{len(flat)} numbers do not make a vector for each of {len(words)} words")
        table = np.array(flat, "<f8").reshape(len(words), size)
        return cls(words, table[list(indices)].tobytes(), size, kernel)

    def encode(self) -> Mapping[str, Value]:
        return {
            "words": spec.strings(self.words),
            "indices": spec.longs(range(len(self.words))),
            "word_vectors": spec.doubles(self._table().reshape(-1).tolist()),
            "kernel": spec.string(self.kernel),
            "vector_size": spec.integer(self.size),
        }

    def _table(self) -> Numbers:
        return np.frombuffer(self.vectors, "<f8").reshape(len(self.words), self.size)

    def default_types(self) -> tuple[Type, ...]:
        return (TOKENS,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0] != TOKENS:
            raise TypeRefused(f"it takes {TOKENS}, not {inputs[0]}")
        return (vector(self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        index, table = self._index(), self._table()
        lists = inputs[0].values.to_pylist()
        cells = [self._mean(tokens, index, table, row) for row, tokens in enumerate(lists)]
        return (vectors_of(cells, Field("output", vector(self.size))),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        index, table = self._index(), self._table()
        return lambda tokens: self._mean(tokens, index, table, 0)

    def _index(self) -> dict[str | None, int]:
        return {word: place for place, word in enumerate(self.words)}

    def _mean(
        self, tokens: list[str | None] | None, index: Mapping[str | None, int], table: Numbers, position: int
    ) -> Vector:
        if tokens is None:
            raise null_refused(position)
        if not tokens:
            return SparseVector(self.size, (), ())
        total: Any = np.zeros(self.size)
        with np.errstate(all="ignore"):
            for token in tokens:
                place = index.get(token)
                if place is not None:
                    total += table[place]
            made: list[float] = (total * (1.0 / len(tokens))).tolist()
        return made if self.kernel == "default" else _by_length(total.tolist())

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["a", "b", "a", None, "unseen"], [], ["ü"], [""], ["unseen"], ["b", "ü", "a"]]
        values = [0.1, -0.0, np.inf, 0.7, 5e-324, -np.inf, -0.3, 1e308, 1.0]
        op = cls(("a", "b", "ü"), np.array(values, "<f8").tobytes(), 3)
        yield Example(op, (from_cells(TOKENS, tokens),))
        yield Example(op, (from_cells(TOKENS, []),))
        yield Example(op, (from_cells(TOKENS, [["a"], None]),))
        yield Example(cls((), b"", 2), (from_cells(TOKENS, tokens),))
        yield Example(cls(op.words, op.vectors, 3, "sqrt"), (from_cells(TOKENS, tokens),))
        wide = np.linspace(-1, 1, 1500).astype("<f8")
        yield Example(cls(("a",), wide.tobytes(), 1500), (from_cells(TOKENS, tokens),))


def _by_length(vector: list[float]) -> list[float]:
    total = 0.0
    for slot in vector:
        total += slot * slot
    length = math.sqrt(total)
    return [divide(slot, length) for slot in vector]


@reads_spark("org.apache.spark.ml.feature.Word2VecModel", ops=(Word2Vec,), forms="one column")
def _read(stage: SparkStage) -> Sequence[Lowered]:
    size = int(stage.param("vectorSize", 100))
    rows = stage.tables("data")
    # Spark saves floats, and adds them up as doubles.
    table = np.array([row["vector"] for row in rows], "<f8").reshape(len(rows), size)
    op = Word2Vec(tuple(row["word"] for row in rows), table.tobytes(), size)
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
