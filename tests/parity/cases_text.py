"""Hostile rows for tokens, counts, hashing and word vectors, and the pipeline of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import NGram, RegexTokenizer, StopWordsRemover, Tokenizer
from pyspark.sql import DataFrame, SparkSession

from tests.parity.harness import Case

TEXTS = [
    "Ab  c ",
    "",
    " ",
    " a",
    "\u00a0Ü\x0b\x1cX\n",
    "ΟΔΟΣ ΣΑΣ. ΑΣ-Β Σ",
    "İI😀 ſ",
    "tab\tA,b;  C, ",
    "\r\n\u2028",
]
LISTS = [
    ["The", "the", None, "", "ÜBER", "ΣΑΣ"],
    [],
    ["cat"],
    ["a", "b", "a", "c d"],
    ["THE"],
    ["b", "B", "a"],
]
PATTERNS: list[tuple[str, dict[str, Any]]] = [
    (r"\s+", {}),
    (r"\W", {"minTokenLength": 0}),
    (r"[,;]\s*", {"toLowercase": False}),
    (r"\w+|\W$", {"gaps": False, "minTokenLength": 2}),
    (r"(?i)[a-c]+?", {"gaps": False, "toLowercase": False}),
    (r"[^\p{Punct}]*", {"gaps": False, "minTokenLength": 0}),
]


def texts(spark: SparkSession, *more: str | None) -> DataFrame:
    """One column of texts, called x."""
    return spark.createDataFrame([(text,) for text in (*TEXTS, *more)], "x string")


def lists(spark: SparkSession, *more: list[str] | None) -> DataFrame:
    """One column of tokens, called x."""
    return spark.createDataFrame([(tokens,) for tokens in (*LISTS, *more)], "x array<string>")


def tokenized(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Every tokenizer on the same rows. Those with an emoji cannot go through patterns that match nothing."""
    stages: list[Any] = [Tokenizer(inputCol="x", outputCol="t")]
    for number, (pattern, options) in enumerate(PATTERNS):
        stages.append(RegexTokenizer(inputCol="x", outputCol=f"r{number}", pattern=pattern, **options))
    rows = [(text.replace("😀", ""),) for text in TEXTS]
    return PipelineModel(stages), spark.createDataFrame(rows, "x string")


def tokenized_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    return Tokenizer(inputCol="x", outputCol="y"), spark.createDataFrame([("İ😀",), (None,)], "x string")


def tokenized_regex_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = RegexTokenizer(inputCol="x", outputCol="y", minTokenLength=2)
    return model, spark.createDataFrame([("😀 a",), (None,)], "x string")


def filtered(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Both kinds of stop words, single and multi-column, and n-grams of several lengths."""
    words = ["the", "über", "σας", "b"]
    stages: list[Any] = [
        StopWordsRemover(inputCol="x", outputCol="y", stopWords=words),
        StopWordsRemover(inputCol="x", outputCol="z", stopWords=words, caseSensitive=True),
        StopWordsRemover(inputCols=["x", "y"], outputCols=["v", "w"]),
    ]
    stages += [NGram(inputCol="x", outputCol=f"n{n}", n=n) for n in (1, 2, 3)]
    return PipelineModel(stages), lists(spark)


def filtered_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = StopWordsRemover(inputCol="x", outputCol="y")
    return model, spark.createDataFrame([(["a", None],), (None,)], "x array<string>")


def grams_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    return NGram(inputCol="x", outputCol="y"), spark.createDataFrame(
        [(["a", None],), (None,)], "x array<string>"
    )


def cases() -> Iterator[Case]:
    """Every case of this family."""
    yield Case("text-tokenized", ("Tokenizer", "RegexTokenizer"), tokenized)
    yield Case("text-tokenizer-null", ("Tokenizer",), tokenized_null)
    yield Case("text-regex-null", ("RegexTokenizer",), tokenized_regex_null)
    yield Case("text-filtered", ("StopWordsRemover", "NGram"), filtered)
    yield Case("text-stop-null", ("StopWordsRemover",), filtered_null)
    yield Case("text-ngram-null", ("NGram",), grams_null)
