"""Tokens to counts, always sparse: Spark's CountVectorizerModel and HashingTF."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.arrow import pc
from skewless.errors import UnsupportedError
from skewless.ops import murmur3
from skewless.ops.op import Example, Lowered, Op, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.ops.tokens import TOKENS, null_refused
from skewless.schema import Base, Struct, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import WIDE, Csr, SparseVector


def sparse_column(csr: Csr) -> Column:
    """A column whose rows are all in sparse form, kept with all slots where these are few."""
    if csr.size > WIDE:
        return Column(vector(csr.size), csr)
    return Column(vector(csr.size), csr.dense(), None, np.ones(len(csr), np.bool_))


def _flat(column: Column) -> tuple[pa.Array, Numbers]:
    """All tokens, and the row of each. Refused at a null row."""
    nulls = column.null_mask
    if nulls is not None:
        raise null_refused(int(np.argmax(nulls)))
    lengths = pc.list_value_length(column.values).to_numpy(zero_copy_only=False)
    return column.values.flatten(), np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)


def _counted(rows: Numbers, slots: Numbers, length: int, size: int) -> Csr:
    """How often each slot stands in each row."""
    keys, counts = np.unique(rows * max(size, 1) + slots, return_counts=True)
    return _csr(keys, counts.astype(np.float64), length, size)


def _csr(keys: Numbers, counts: Numbers, length: int, size: int) -> Csr:
    found, slots = np.divmod(keys, max(size, 1))
    starts = np.concatenate([[0], np.cumsum(np.bincount(found, minlength=length))]).astype(np.int64)
    return Csr(starts, slots.astype(np.int32), counts, size)


@register
@dataclass(frozen=True, slots=True)
class CountVectorizer(Op):
    """How often each word of the vocabulary stands among the tokens; 1 for all with ``binary``.

    Counts below ``minimum`` are left out; one below 1 is a share of all tokens, unknown ones included.
    Source: Spark's CountVectorizerModel.transform.
    """

    name: ClassVar[str] = "count_vectorizer"
    bad_values: ClassVar[str] = (
        "A null list fails; null and unknown tokens are not counted, but belong to the total that a minTF "
        "below 1 is a share of."
    )
    mleap: ClassVar[str] = ""

    vocabulary: tuple[str, ...]
    binary: bool = False
    minimum: float = 1.0

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        vocabulary = attributes.strings("vocabulary")
        if len(set(vocabulary)) != len(vocabulary):
            raise attributes.error("a word stands twice in its vocabulary")
        return cls(
            vocabulary,
            attributes.boolean("binary", False),
            attributes.double("min_tf", 1.0),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            "vocabulary": spec.strings(self.vocabulary),
            "binary": spec.boolean(self.binary),
            "min_tf": spec.double(self.minimum),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (TOKENS,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0] != TOKENS:
            raise TypeRefused(f"it takes {TOKENS}, not {inputs[0]}")
        return (vector(len(self.vocabulary)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        tokens, rows = _flat(inputs[0])
        index = self._index()
        words = pa.array(index, pa.string())
        place = pc.fill_null(pc.index_in(tokens, value_set=words), -1).to_numpy(zero_copy_only=False)
        known = place >= 0
        slots = np.array([*index.values(), 0], np.int64)[place[known]]
        length, size = len(inputs[0]), len(self.vocabulary)
        csr = _counted(rows[known], slots, length, size)
        least: Any = self.minimum
        if self.minimum < 1.0:
            least = np.repeat(np.bincount(rows, minlength=length) * self.minimum, np.diff(csr.starts))
        enough = csr.values >= least
        keys = np.repeat(np.arange(length, dtype=np.int64), np.diff(csr.starts)) * max(size, 1) + csr.indices
        counts = np.ones_like(csr.values) if self.binary else csr.values
        return (sparse_column(_csr(keys[enough], counts[enough], length, size)),)

    def _index(self) -> dict[str, int]:
        return {word: slot for slot, word in enumerate(self.vocabulary)}

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        index, size, minimum = self._index(), len(self.vocabulary), self.minimum

        def kernel(tokens: list[str | None] | None) -> SparseVector:
            if tokens is None:
                raise null_refused(0)
            counts = Counter(index[token] for token in tokens if token in index)
            least = minimum if minimum >= 1.0 else len(tokens) * minimum
            slots = sorted(slot for slot, count in counts.items() if count >= least)
            return SparseVector(size, slots, [1.0 if self.binary else float(counts[slot]) for slot in slots])

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["b", "a", "b", "unseen", None, ""], [], ["x"], ["ü", "b"], ["a"]]
        wide = tuple(f"w{number}" for number in range(1500))
        for vocabulary in (("a", "b", "", "ü"), wide, ()):
            for binary, minimum in ((False, 1.0), (True, 2.0), (False, 0.3), (False, math.nan)):
                yield Example(cls(vocabulary, binary, minimum), (from_cells(TOKENS, tokens),))
        yield Example(cls(wide), (from_cells(TOKENS, [["w1499", "w0", "w1499"], []]),))
        yield Example(cls(("a",)), (from_cells(TOKENS, []),))
        yield Example(cls(("a",)), (from_cells(TOKENS, [["a"], None]),))


@register
@dataclass(frozen=True, slots=True)
class HashingTF(Op):
    """How many tokens fall in each slot by their hash; 1 for all with ``binary``. Null has the hash of nothing, 42.

    ``version`` 1 is Spark 2's hash, 2 that of Spark 3 and later. Source: Spark's HashingTF.transform.
    """

    name: ClassVar[str] = "hashing_term_frequency"
    bad_values: ClassVar[str] = (
        "A null list fails; a null among the tokens falls in a slot of its own, that of the hash 42."
    )
    mleap: ClassVar[str] = "It takes lists of strings only."

    size: int
    binary: bool = False
    version: int = 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size = attributes.integer("num_features")
        # Before MLeap 0.18 there was but Spark 2's.
        version = attributes.integer("hashUnsafeBytesVersion", 1)
        if not 0 < size < 2**31:
            raise attributes.error(f"num_features is {size}; it must be 1 or more")
        if version not in (1, 2):
            raise attributes.error(f"hashUnsafeBytesVersion is {version}; it must be 1 or 2")
        return cls(size, attributes.boolean("binary", False), version)

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_features": spec.long(self.size),
            "binary": spec.boolean(self.binary),
            "hashUnsafeBytesVersion": spec.integer(self.version),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (TOKENS,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0].struct is not Struct.ARRAY:
            raise TypeRefused(f"it takes an array, not {inputs[0]}")
        return (vector(self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        tokens, rows = _flat(inputs[0])
        # Each different token is hashed once; the last slot is null's.
        encoded = tokens.dictionary_encode()
        if inputs[0].type.base is Base.STRING:
            items = encoded.dictionary.cast(pa.binary())
        else:
            cells = [murmur3.bytes_of(item, inputs[0].type.base) for item in encoded.dictionary.to_pylist()]
            items = pa.array(cells, pa.binary())
        hashes = np.append(murmur3.hash_many(items, self.version).astype(np.int64), murmur3.SEED)
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        csr = _counted(rows, hashes[codes] % self.size, len(inputs[0]), self.size)
        if self.binary:
            csr = Csr(csr.starts, csr.indices, np.ones_like(csr.values), csr.size)
        return (sparse_column(csr),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        base = inputs[0].base

        def slot(token: Any) -> int:
            if token is None:
                return murmur3.SEED % self.size
            return murmur3.hash_one(murmur3.bytes_of(token, base), self.version) % self.size

        def kernel(tokens: list[Any] | None) -> SparseVector:
            if tokens is None:
                raise null_refused(0)
            counts = Counter(map(slot, tokens))
            slots = sorted(counts)
            return SparseVector(self.size, slots, [1.0 if self.binary else float(counts[s]) for s in slots])

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["b", "a", "b", None, ""], [], ["ü", "日本語", "😀x", "abcde", "abcdefg"], ["a" * 1001]]
        for size in (1, 7, 1 << 18):
            for binary, version in ((False, 2), (True, 2), (False, 1)):
                yield Example(cls(size, binary, version), (from_cells(TOKENS, tokens),))
        yield Example(cls(5), (from_cells(TOKENS, []),))
        yield Example(cls(5), (from_cells(TOKENS, [["a"], None]),))
        yield Example(cls(50), (from_cells(Type(Base.LONG, Struct.ARRAY), [[1, -1, None, 2**62], [0]]),))
        floats = [[0.5, -0.0, math.nan, math.inf], [], [-math.nan]]
        yield Example(cls(50), (from_cells(Type(Base.FLOAT, Struct.ARRAY), floats),))
        yield Example(cls(50), (from_cells(Type(Base.BOOLEAN, Struct.ARRAY), [[True, False, None]]),))


@reads_spark(
    "org.apache.spark.ml.feature.CountVectorizerModel",
    ops=(CountVectorizer,),
    forms="one column; binary, minTF",
)
def _read_count_vectorizer(stage: SparkStage) -> Sequence[Lowered]:
    vocabulary = tuple(stage.fitted()["vocabulary"])
    if len(set(vocabulary)) != len(vocabulary):
        raise UnsupportedError(
            f"{stage}: a word stands twice in its vocabulary, so that Spark itself counts beyond its slots",
            hint="Make the model from a vocabulary of different words.",
        )
    op = CountVectorizer(
        vocabulary,
        bool(stage.param("binary", False)),
        float(stage.param("minTF", 1.0)),
    )
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]


@reads_spark(
    "org.apache.spark.ml.feature.HashingTF",
    ops=(HashingTF,),
    forms="arrays of strings, numbers or booleans; binary; the hash of Spark 2 and of Spark 3",
)
def _read_hashing(stage: SparkStage) -> Sequence[Lowered]:
    # Spark goes on hashing as the version that saved the stage did.
    version = 1 if str(stage.extra.get("sparkVersion", "3")).startswith(("1.", "2.")) else 2
    op = HashingTF(int(stage.param("numFeatures", 1 << 18)), bool(stage.param("binary", False)), version)
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]
