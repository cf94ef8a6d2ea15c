"""Text to tokens, and tokens to tokens: Spark's Tokenizer, RegexTokenizer, StopWordsRemover and NGram."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops import java_regex
from skewless.ops.lowercase import lower
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
from skewless.schema import STRING, Base, Struct, Type
from skewless.spec import Model, Value
from skewless.table import Column, from_cells

TOKENS: Final = Type(Base.STRING, Struct.ARRAY)
_SPACE: Final = java_regex.translate(r"\s")
# Languages that lower-case i (and some accents) in their own way.
_OWN_CASE: Final = ("tr", "az", "lt")

# What a cell becomes; ValueError says why it cannot.
Maker = Callable[[Any], list[str]]


class _Tokens(Op):
    """An op whose output is a list of tokens, made from one text or list; null is refused, as Spark fails on it."""

    @abstractmethod
    def _maker(self) -> Maker:
        """How one cell is made."""

    def default_types(self) -> tuple[Type, ...]:
        return (TOKENS,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        wanted = self.default_types()[0]
        if inputs[0] != wanted:
            raise TypeRefused(f"it takes {wanted}, not {inputs[0]}")
        return (TOKENS,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        make = self._maker()
        cells = inputs[0].values.to_pylist()
        return (from_cells(TOKENS, [_made(make, cell, row) for row, cell in enumerate(cells)]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        make = self._maker()
        return lambda cell: _made(make, cell, 0)


def _made(make: Maker, cell: Any, position: int) -> list[str]:
    if cell is None:
        raise null_refused(position)
    try:
        return make(cell)
    except ValueError as error:
        raise Refused(str(error), value=cell, position=position) from None


def null_refused(position: int) -> Refused:
    """Spark's text stages fail on null."""
    return Refused(
        "the value is null", value=None, position=position, hint="Fill it in: an empty text, or no tokens."
    )


@register
@dataclass(frozen=True, slots=True)
class Tokenizer(_Tokens):
    """Lower case, split at every single blank. Source: Spark's Tokenizer, ``toLowerCase.split("\\\\s")``."""

    name: ClassVar[str] = "tokenizer"
    bad_values: ClassVar[str] = "Null fails; an empty text is one empty token."
    mleap: ClassVar[str] = (
        "It lower-cases by the machine's locale, which matters in Turkish and a few others."
    )

    @classmethod
    def decode(cls, model: Model) -> Self:  # noqa: ARG003 - it has no attributes
        return cls()

    def encode(self) -> Mapping[str, Value]:
        return {}

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def _maker(self) -> Maker:
        return lambda text: java_regex.split(_SPACE, lower(text))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        texts = ["Ab  c ", "", " ", " a", "\u00a0Ü\x0b\x1cΑΣ ΟΔΟΣ\n", "İ😀"]
        for cells in (texts, [], ["a", None]):
            yield Example(cls(), (from_cells(STRING, cells),))


@register
@dataclass(frozen=True, slots=True)
class RegexTokenizer(_Tokens):
    """Split at a pattern, or all its matches; shorter tokens are dropped, counted in Java's 16-bit units.

    Source: Spark's RegexTokenizer. A pattern that Python has otherwise than Java is refused, by name.
    """

    name: ClassVar[str] = "regex_tokenizer"
    bad_values: ClassVar[str] = "Null fails."
    mleap: ClassVar[str] = (
        "It lower-cases by the machine's locale, which matters in Turkish and a few others."
    )

    pattern: str
    gaps: bool = True
    minimum: int = 1
    lowercase: bool = True

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        pattern = attributes.string("regex")
        try:
            java_regex.translate(pattern)
        except ValueError as error:
            raise attributes.error(_untranslated(pattern, error)) from None
        return cls(
            pattern,
            attributes.boolean("match_gaps", True),
            attributes.integer("token_min_length", 1),
            attributes.boolean("lowercase_text", True),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            "regex": spec.string(self.pattern),
            "match_gaps": spec.boolean(self.gaps),
            "token_min_length": spec.integer(self.minimum),
            "lowercase_text": spec.boolean(self.lowercase),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def _maker(self) -> Maker:
        compiled = java_regex.translate(self.pattern)
        cut = java_regex.split if self.gaps else java_regex.find_all

        def make(text: str) -> list[str]:
            tokens = cut(compiled, lower(text) if self.lowercase else text)
            return [token for token in tokens if _length(token) >= self.minimum]

        return make

    @classmethod
    def examples(cls) -> Iterable[Example]:
        texts = ["Ab, c,", "", ",", "ΑΣ\u00a0ü,\r\nx", "aXb12", "\u2028"]
        for pattern in (r"\s+", ",", r"\W+", "[a-z]+|$", ""):
            for gaps, minimum, lowercase in ((True, 1, True), (False, 0, False), (True, 0, True)):
                yield Example(cls(pattern, gaps, minimum, lowercase), (from_cells(STRING, texts),))
        yield Example(cls(r"\s+"), (from_cells(STRING, []),))
        yield Example(cls(r"\s+", False, 2), (from_cells(STRING, ["a", None]),))
        yield Example(cls("", True, 2), (from_cells(STRING, ["a", "😀"]),))


def _length(token: str) -> int:
    return len(token) if token.isascii() else len(token.encode("utf-16-le")) // 2


def _untranslated(pattern: str, error: ValueError) -> str:
    return f"its Java pattern {pattern!r} has {error}"


@register
@dataclass(frozen=True, slots=True)
class StopWordsRemover(_Tokens):
    """Tokens without the stop words; null tokens stay. Source: Spark's StopWordsRemover.

    Without ``case_sensitive`` both are compared in lower case.
    """

    name: ClassVar[str] = "stopwords_remover"
    bad_values: ClassVar[str] = "A null list fails; a null among the tokens stays."
    mleap: ClassVar[str] = (
        "It lower-cases by the machine's locale, which matters in Turkish and a few others."
    )

    words: tuple[str, ...]
    case_sensitive: bool = False

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        return cls(attributes.strings("stop_words"), attributes.boolean("case_sensitive", False))

    def encode(self) -> Mapping[str, Value]:
        return {
            "stop_words": spec.strings(self.words),
            "case_sensitive": spec.boolean(self.case_sensitive),
        }

    def _maker(self) -> Maker:
        if self.case_sensitive:
            stop = set(self.words)
            return lambda tokens: [token for token in tokens if token not in stop]
        low = {lower(word) for word in self.words}
        return lambda tokens: [token for token in tokens if token is None or lower(token) not in low]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["The", "the", None, "", "ÜBER", "ΣΑΣ"], [], ["cat"]]
        for sensitive in (False, True):
            op = cls(("the", "über", "σας", ""), sensitive)
            for cells in (tokens, [], [["a"], None]):
                yield Example(op, (from_cells(TOKENS, cells),))
        yield Example(cls(()), (from_cells(TOKENS, tokens),))


@register
@dataclass(frozen=True, slots=True)
class NGram(_Tokens):
    """Every ``n`` tokens in a row, joined by blanks; none where there are fewer. Source: Spark's NGram."""

    name: ClassVar[str] = "ngram"
    bad_values: ClassVar[str] = 'A null list fails; a null among the tokens is written as "null".'
    mleap: ClassVar[str] = ""

    n: int = 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        n = model.attributes.integer("n")
        if n < 1:
            raise model.attributes.error(f"n is {n}; it must be 1 or more")
        return cls(n)

    def encode(self) -> Mapping[str, Value]:
        return {"n": spec.long(self.n)}

    def _maker(self) -> Maker:
        def make(tokens: list[str | None]) -> list[str]:
            # Java writes null out.
            words = ["null" if token is None else token for token in tokens]
            return [" ".join(words[start : start + self.n]) for start in range(len(words) - self.n + 1)]

        return make

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tokens = [["a", "", None, "ü"], ["a"], [], ["a b", "c"]]
        for n in (1, 2, 3):
            yield Example(cls(n), (from_cells(TOKENS, tokens),))
        yield Example(cls(), (from_cells(TOKENS, []),))
        yield Example(cls(), (from_cells(TOKENS, [["a"], None]),))


@reads_spark("org.apache.spark.ml.feature.Tokenizer", ops=(Tokenizer,), forms="one column")
def _read_tokenizer(stage: SparkStage) -> Sequence[Lowered]:
    return [Lowered(Tokenizer(), stage.columns("input"), stage.columns("output"))]


@reads_spark(
    "org.apache.spark.ml.feature.RegexTokenizer",
    ops=(RegexTokenizer,),
    forms="gaps or matches; Java patterns that mean the same in Python, others are refused",
)
def _read_regex_tokenizer(stage: SparkStage) -> Sequence[Lowered]:
    pattern = str(stage.param("pattern", r"\s+"))
    try:
        java_regex.translate(pattern)
    except ValueError as error:
        raise UnsupportedError(
            f"{stage}: {_untranslated(pattern, error)}",
            hint=r"Write the pattern without it: with [...], \s, \w and \d, say.",
        ) from None
    op = RegexTokenizer(
        pattern,
        bool(stage.param("gaps", True)),
        int(stage.param("minTokenLength", 1)),
        bool(stage.param("toLowercase", True)),
    )
    return [Lowered(op, stage.columns("input"), stage.columns("output"))]


@reads_spark(
    "org.apache.spark.ml.feature.StopWordsRemover",
    ops=(StopWordsRemover,),
    forms="one or several columns; not with a Turkish, Azeri or Lithuanian locale",
)
def _read_stop_words(stage: SparkStage) -> Sequence[Lowered]:
    sensitive = bool(stage.param("caseSensitive", False))
    locale = str(stage.param("locale", "en"))
    if not sensitive and re.split("[_-]", locale)[0].lower() in _OWN_CASE:
        raise UnsupportedError(
            f"{stage}: its locale {locale!r} has its own rules for lower case, which are not supported",
            hint='Use locale="en", or caseSensitive=True after lower-casing.',
        )
    op = StopWordsRemover(tuple(stage.param("stopWords")), sensitive)
    return [
        Lowered(op, (column,), (output,))
        for column, output in zip(stage.columns("input"), stage.columns("output"), strict=True)
    ]


@reads_spark("org.apache.spark.ml.feature.NGram", ops=(NGram,), forms="one column")
def _read_ngram(stage: SparkStage) -> Sequence[Lowered]:
    return [Lowered(NGram(int(stage.param("n", 2))), stage.columns("input"), stage.columns("output"))]
