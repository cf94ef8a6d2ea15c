"""Texts as counts of their terms: CountVectorizer, HashingVectorizer, TfidfTransformer and TfidfVectorizer.

Terms are found by Python's own ``re``, ``str.lower`` and ``unicodedata``, as there.
"""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.murmur3 import hash_one
from skewless.ops.op import Example, Lowered, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import each_row, fitted_tensor, tensor, vector_type
from skewless.ops.sklearn.matrix import NO_NAN, checked, hostile, matrix, wide
from skewless.ops.sklearn.norm import NORMS, Normalize
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import STRING, Field, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, from_cells, vectors_of
from skewless.vectors import SparseVector

KINDS: Final = ("word", "char", "char_wb")
ACCENTS: Final = ("", "ascii", "unicode")
_SPACES: Final = re.compile(r"\s\s+")
_BAD: Final = "A null text fails; an empty one, and one without a known term, has no stored slot."


@dataclass(frozen=True, slots=True)
class Analyzer:
    """From a text to its terms: words, or pieces of so many characters, and runs of ``low`` to ``high`` of them."""

    kind: str = "word"
    lowercase: bool = True
    accents: str = ""
    pattern: str = r"(?u)\b\w\w+\b"
    low: int = 1
    high: int = 1
    stop_words: tuple[str, ...] = ()

    def encode(self) -> Mapping[str, Value]:
        """As attributes."""
        return {
            "analyzer": spec.string(self.kind),
            "lowercase": spec.boolean(self.lowercase),
            "strip_accents": spec.string(self.accents),
            "token_pattern": spec.string(self.pattern),
            "ngram_range": spec.integers([self.low, self.high]),
            "stop_words": spec.strings(self.stop_words),
        }

    @classmethod
    def decode(cls, attributes: Attributes) -> Self:
        """Out of attributes, checked."""
        kind, accents = attributes.string("analyzer"), attributes.string("strip_accents", "")
        ngrams = attributes.integers("ngram_range", ())
        pattern = attributes.string("token_pattern", "")
        if kind not in KINDS or accents not in ACCENTS or len(ngrams) != 2 or not 0 < ngrams[0] <= ngrams[1]:
            raise attributes.error(f"no terms are known by analyzer {kind!r}, {accents!r}, {list(ngrams)}")
        try:
            groups = re.compile(pattern).groups
        except (re.error, OverflowError, RecursionError) as error:
            raise attributes.error(f"token_pattern is no pattern: {error}") from None
        if groups > 1:
            raise attributes.error("token_pattern has more than one group")
        stop = attributes.strings("stop_words", ())
        return cls(kind, attributes.boolean("lowercase", False), accents, pattern, *ngrams, stop)

    def terms(self) -> Callable[[str], Iterable[str]]:
        """The function from a text to its terms."""
        split = {"word": self._words, "char": self._characters, "char_wb": self._within_words}[self.kind]()
        lowercase, accents = self.lowercase, self.accents

        def function(text: str) -> Iterable[str]:
            if lowercase:
                text = text.lower()
            return split(_stripped(text, accents) if accents and not text.isascii() else text)

        return function

    def _words(self) -> Callable[[str], Iterable[str]]:
        find, stop = re.compile(self.pattern).findall, frozenset(self.stop_words)
        low, high = self.low, self.high

        def words(text: str) -> Iterable[str]:
            tokens: list[str] = [token for token in find(text) if token not in stop]
            if high == 1:
                return tokens
            return [" ".join(run) for run in _runs(tokens, low, high)]

        return words

    def _characters(self) -> Callable[[str], Iterable[str]]:
        low, high = self.low, self.high
        return lambda text: _runs(_SPACES.sub(" ", text), low, high)

    def _within_words(self) -> Callable[[str], Iterable[str]]:
        low, high = self.low, self.high

        def pieces(text: str) -> Iterable[str]:
            for word in _SPACES.sub(" ", text).split():
                padded = f" {word} "
                for length in range(low, high + 1):
                    yield padded[:length]
                    yield from (padded[at : at + length] for at in range(1, len(padded) - length + 1))
                    if len(padded) <= length:
                        # A word that is too short counts once.
                        break

        return pieces


def _runs(items: Any, low: int, high: int) -> list[Any]:
    """All runs of ``low`` to ``high`` items that follow each other."""
    return [
        items[at : at + length]
        for length in range(low, min(high, len(items)) + 1)
        for at in range(len(items) - length + 1)
    ]


def _stripped(text: str, accents: str) -> str:
    """The text without accents."""
    apart = unicodedata.normalize("NFKD", text)
    if accents == "ascii":
        return apart.encode("ascii", "ignore").decode("ascii")
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


class _Terms(Op):
    """A text to a sparse vector of its terms' numbers."""

    mleap: ClassVar[str] = "absent"
    bad_values: ClassVar[str] = _BAD

    @property
    @abstractmethod
    def _width(self) -> int:
        """How many slots there are."""

    @abstractmethod
    def _counter(self) -> Callable[[str], dict[int, float]]:
        """From a text to its slots' numbers."""

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0] != STRING:
            raise TypeRefused(f"texts were fitted here, not a {inputs[0]}")
        return (vector(self._width),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel, cells = self.row([STRING]), []
        for row, text in enumerate(inputs[0].texts().to_pylist()):
            try:
                cells.append(kernel(text))
            except Refused as refused:
                refused.position = row
                raise
        return (vectors_of(cells, Field("output", vector(self._width))),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        count, width = self._counter(), self._width

        def kernel(cell: Any) -> SparseVector:
            if cell is None:
                raise Refused(
                    "the text is null",
                    value=None,
                    hint="Send a text, an empty one say; scikit-learn refuses it too.",
                )
            found = count(cell)
            slots = sorted(slot for slot, value in found.items() if value)
            return SparseVector(width, slots, [found[slot] for slot in slots])

        return kernel


def _texts() -> Iterable[Column]:
    yield from_cells(STRING, [])
    yield from_cells(STRING, ["a fine day", None])
    yield from_cells(
        STRING,
        ["", "  ", "The the THE day day", "Größe  größe\n\tCafé cafe\u0301", "日本語 𝄞😀 x", "a\0b the İ ﬁ"],
    )


def _analyzers() -> Iterable[Analyzer]:
    yield Analyzer()
    yield Analyzer(accents="unicode", low=1, high=3, stop_words=("the",))
    yield Analyzer(accents="ascii", low=2, high=2, pattern=r"(\w)\w*", lowercase=False)
    yield Analyzer("char", low=1, high=4)
    yield Analyzer("char_wb", low=2, high=5, accents="unicode")


@register
@dataclass(frozen=True, slots=True)
class TermCounts(_Terms):
    """How often each known term stands in a text, or with ``binary`` whether it does. Source: CountVectorizer."""

    name: ClassVar[str] = "sklearn_term_counts"

    analyzer: Analyzer
    vocabulary: tuple[str, ...]
    binary: bool = False

    @property
    def _width(self) -> int:
        return len(self.vocabulary)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        vocabulary = attributes.strings("vocabulary", ())
        if len(set(vocabulary)) != len(vocabulary):
            raise attributes.error("vocabulary has one term twice")
        return cls(Analyzer.decode(attributes), vocabulary, attributes.boolean("binary", False))

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.analyzer.encode(),
            "vocabulary": spec.strings(self.vocabulary),
            "binary": spec.boolean(self.binary),
        }

    def _counter(self) -> Callable[[str], dict[int, float]]:
        terms, binary = self.analyzer.terms(), self.binary
        find = {term: slot for slot, term in enumerate(self.vocabulary)}.get

        def count(text: str) -> dict[int, float]:
            found: dict[int, float] = {}
            for term in terms(text):
                slot = find(term)
                if slot is not None:
                    found[slot] = 1.0 if binary else found.get(slot, 0.0) + 1.0
            return found

        return count

    @classmethod
    def examples(cls) -> Iterable[Example]:
        vocabulary = ("day", "größe", "grosse", "the", "the the", "a", "日", " d", "fe", "")
        for analyzer in _analyzers():
            for binary in (False, True):
                for column in _texts():
                    yield Example(cls(analyzer, vocabulary, binary), (column,))
        yield Example(
            cls(Analyzer(), tuple(f"w{n}" for n in range(1500))), (from_cells(STRING, ["w3 w1499", ""]),)
        )


@register
@dataclass(frozen=True, slots=True)
class HashedTerms(_Terms):
    """How often terms of each hash stand in a text, each counting 1 or, ``signed``, -1. Source: HashingVectorizer."""

    name: ClassVar[str] = "sklearn_hashed_terms"

    analyzer: Analyzer
    size: int
    signed: bool = True
    binary: bool = False

    @property
    def _width(self) -> int:
        return self.size

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size = attributes.integer("size")
        if not 0 < size < 2**31:
            raise attributes.error(f"size is {size}; it must be 1 to 2**31 - 1")
        signed, binary = attributes.boolean("signed", False), attributes.boolean("binary", False)
        return cls(Analyzer.decode(attributes), size, signed, binary)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.analyzer.encode(),
            "size": spec.integer(self.size),
            "signed": spec.boolean(self.signed),
            "binary": spec.boolean(self.binary),
        }

    def _counter(self) -> Callable[[str], dict[int, float]]:
        terms, size, signed, binary = self.analyzer.terms(), self.size, self.signed, self.binary

        def count(text: str) -> dict[int, float]:
            found: dict[int, float] = {}
            for term in terms(text):
                hashed = hash_one(term.encode("utf-8"), seed=0)
                slot = abs(hashed) % size
                found[slot] = found.get(slot, 0.0) + (-1.0 if signed and hashed < 0 else 1.0)
            # What cancelled out was met too.
            return dict.fromkeys(found, 1.0) if binary else found

        return count

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for analyzer in _analyzers():
            for column in _texts():
                yield Example(cls(analyzer, 7), (column,))
                yield Example(cls(analyzer, 1 << 20, False), (column,))
                yield Example(cls(analyzer, 2, True, True), (column,))


@register
@dataclass(frozen=True, slots=True)
class TfIdf(Op):
    """Counts, or with ``sublinear`` 1 + log of them, times each slot's weight, and then brought to the norm 1.

    The rows are sparse, whatever they were. Source: TfidfTransformer.transform.
    """

    name: ClassVar[str] = "sklearn_tf_idf"
    bad_values: ClassVar[str] = NO_NAN
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = (
        "sublinear_tf takes numpy's logarithm, which follows its build and the processor; without it bits are equal"
    )

    size: int
    idf: tuple[float, ...] | None = None
    sublinear: bool = False
    norm: str = ""

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size, norm = attributes.integer("size"), attributes.string("norm", "")
        idf = fitted_tensor(attributes, "idf") if "idf" in attributes else None
        if norm and norm not in NORMS:
            raise attributes.error(f"norm is {norm!r}; it must be one of {', '.join(NORMS)}, or empty")
        if idf is not None and len(idf) != size:
            raise attributes.error(f"idf has {len(idf)} values where {size} are expected")
        return cls(size, idf, attributes.boolean("sublinear", False), norm)

    def encode(self) -> Mapping[str, Value]:
        idf = {} if self.idf is None else tensor("idf", self.idf)
        return {
            "size": spec.integer(self.size),
            "sublinear": spec.boolean(self.sublinear),
            "norm": spec.string(self.norm),
            **idf,
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, False)
        return (each_row(self.row([column.type]), vector(self.size), column),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, idf, sublinear = self.size, self.idf, self.sublinear
        norm = Normalize(size, self.norm).row(inputs) if self.norm else None

        def kernel(cell: Any) -> SparseVector:
            values = checked(cell, size, False)
            places = cell.indices if isinstance(cell, SparseVector) else range(size)
            pairs = [(slot, value) for slot, value in zip(places, values, strict=True) if value != 0.0]
            made = [value for _, value in pairs]
            if sublinear:
                with np.errstate(all="ignore"):
                    made = (np.log(np.array(made)) + 1.0).tolist()
            if idf is not None:
                made = [value * idf[slot] for (slot, _), value in zip(pairs, made, strict=True)]
            row = SparseVector(size, [slot for slot, _ in pairs], made)
            return row if norm is None else norm(row)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for op in (
            cls(4),
            cls(4, (1.5, 0.1, 1.0, 5e-324), False, "l2"),
            cls(4, (1.5, 0.1, 1.0, 2.0), False, "l1"),
            cls(4, None, False, "max"),
        ):
            for column in hostile():
                yield Example(op, (column,))
        counts = from_cells(vector(3), [[1.0, 0.0, 7.0], SparseVector(3, (1,), (3.0,)), [0.0] * 3])
        yield Example(cls(3, (1.0, 2.0, 3.0), True, "l2"), (counts,))
        yield Example(cls(1500, (0.3,) * 1500, False, "l2"), (wide(),))


def _analyzer(step: SklearnStep) -> Analyzer:
    """How a vectorizer finds terms. UnsupportedError where that is code of the user's."""
    fitted = step.estimator
    for name in ("analyzer", "preprocessor", "tokenizer", "strip_accents"):
        if callable(getattr(fitted, name)):
            raise step.refused(f"its {name} is code of your own")
    if fitted.input != "content":
        raise step.refused(f"it reads texts from a {fitted.input}", "Fit it with input='content'.")
    low, high = fitted.ngram_range
    words = fitted.analyzer == "word"
    stop = tuple(sorted(fitted.get_stop_words() or ())) if words else ()
    pattern = (fitted.token_pattern or "") if words else ""
    return Analyzer(
        fitted.analyzer, bool(fitted.lowercase), fitted.strip_accents or "", pattern, low, high, stop
    )


def _counts(step: SklearnStep) -> TermCounts:
    fitted = step.estimator
    ordered = sorted(fitted.vocabulary_, key=fitted.vocabulary_.__getitem__)
    return TermCounts(_analyzer(step), tuple(map(str, ordered)), bool(fitted.binary))


def _tf_idf(fitted: Any, size: int) -> TfIdf:
    idf = tuple(np.asarray(fitted.idf_, np.float64).tolist()) if fitted.use_idf else None
    return TfIdf(size, idf, bool(fitted.sublinear_tf), fitted.norm or "")


def _check_dtype(step: SklearnStep) -> None:
    if np.dtype(step.estimator.dtype) not in (np.float64, np.int64, np.int32):
        raise step.refused(
            f"its dtype is {np.dtype(step.estimator.dtype)}", "Fit it with dtype=numpy.float64."
        )


_FORMS: Final = "words, char and char_wb; n-grams, stop words, accents, any token_pattern; no callables"


@reads_sklearn("feature_extraction.text.CountVectorizer", ops=(TermCounts,), forms=_FORMS, takes="text")
def _count(step: SklearnStep) -> Made:
    _check_dtype(step)
    return step.transformed(_counts(step), sparse=True)


@reads_sklearn("feature_extraction.text.TfidfVectorizer", ops=(TermCounts, TfIdf), forms=_FORMS, takes="text")
def _tf_idf_vectorizer(step: SklearnStep) -> Made:
    _check_dtype(step)
    counts = _counts(step)
    between = f"{step.output}__counts"
    ops = (
        Lowered(counts, step.inputs, (between,), temporary=True),
        Lowered(_tf_idf(step.estimator, len(counts.vocabulary)), (between,), (step.output,)),
    )
    return Made(ops, {step.output: "transform"}, sparse=True)


@reads_sklearn(
    "feature_extraction.text.TfidfTransformer",
    ops=(TfIdf,),
    forms="norm, use_idf, sublinear_tf; dense or sparse",
)
def _transformer(step: SklearnStep) -> Made:
    return step.transformed(_tf_idf(step.estimator, step.size), sparse=True)


@reads_sklearn(
    "feature_extraction.text.HashingVectorizer", ops=(HashedTerms, Normalize), forms=_FORMS, takes="text"
)
def _hashing(step: SklearnStep) -> Made:
    _check_dtype(step)
    fitted = step.estimator
    op = HashedTerms(
        _analyzer(step), int(fitted.n_features), bool(fitted.alternate_sign), bool(fitted.binary)
    )
    if fitted.norm is None:
        return step.transformed(op, sparse=True)
    between = f"{step.output}__hashed"
    ops = (
        Lowered(op, step.inputs, (between,), temporary=True),
        Lowered(Normalize(op.size, fitted.norm), (between,), (step.output,)),
    )
    return Made(ops, {step.output: "transform"}, sparse=True)
