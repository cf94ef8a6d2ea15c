"""Hostile rows for tokens, counts, hashing and word vectors, and the pipeline of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import (
    IDF,
    CountVectorizer,
    CountVectorizerModel,
    FeatureHasher,
    HashingTF,
    NGram,
    RegexTokenizer,
    StopWordsRemover,
    TargetEncoder,
    Tokenizer,
    Word2Vec,
)
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

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
NOTHING: list[Any] = [None]
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


def counted(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Counts with every kind of threshold, and a vocabulary of more slots than are kept dense."""
    rows = lists(spark, ["b", "B"], ["w1499", "w0", "w0"], NOTHING)
    wide = [f"w{number}" for number in range(1500)]
    stages: list[Any] = [
        CountVectorizerModel.from_vocabulary(wide, "x", "wide"),
    ]
    options: list[dict[str, Any]] = [{}, {"binary": True, "minTF": 2.0}, {"minTF": 0.3}]
    for number, option in enumerate(options):
        counter = CountVectorizer(inputCol="x", outputCol=f"c{number}", minDF=1.0, **option)
        # Spark cannot fit on tokens that are null.
        stages.append(counter.fit(rows.selectExpr("array_compact(x) as x")))
    return PipelineModel(stages), rows


def counted_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = CountVectorizerModel.from_vocabulary(["a"], "x", "y")
    return model, spark.createDataFrame([(["a", None],), (None,)], "x array<string>")


def hashed(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Every length of a last block; slots few and many, and weighed afterwards."""
    rows = lists(
        spark, ["a" * length for length in range(1, 10)], ["ü", "日本語", "😀x", "É" * 100, *NOTHING]
    )
    stages: list[Any] = [
        HashingTF(inputCol="x", outputCol="h"),
        HashingTF(inputCol="x", outputCol="few", numFeatures=7),
        HashingTF(inputCol="x", outputCol="one", numFeatures=1, binary=True),
        IDF(inputCol="h", outputCol="i", minDocFreq=1),
        IDF(inputCol="few", outputCol="j"),
    ]
    return Pipeline(stages=stages).fit(rows), rows


def hashed_numbers(spark: SparkSession) -> tuple[Any, DataFrame]:
    schema = "l array<bigint>, i array<int>, f array<float>, b array<boolean>, s array<smallint>"
    rows: list[Any] = [
        ([1, -1, None, 2**62], [0, -5, None], [0.5, -0.0, math.nan, math.inf], [True, False, None], [-1]),
        ([], [], [], [], [None]),
    ]
    names = ("l", "i", "f", "b", "s")
    model = PipelineModel([HashingTF(inputCol=n, outputCol=f"{n}h", numFeatures=500) for n in names])
    return model, spark.createDataFrame(rows, schema)


def hashed_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    model = HashingTF(inputCol="x", outputCol="y", numFeatures=9)
    return model, spark.createDataFrame([(["a", None],), (None,)], "x array<string>")


def weighed(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Dense and sparse rows, with what no count is, a null, and a slot that was never fitted."""
    schema = StructType([StructField("x", VectorUDT())])
    fitted_on = [(Vectors.dense([1.0, 0.0, 2.0]),), (SparseVector(3, [0], [1.0]),)]
    rows = [
        (Vectors.dense([1.0, -0.0, math.inf]),),
        (SparseVector(3, [0, 2], [2.0, math.nan]),),
        (SparseVector(3, [], []),),
        (Vectors.dense([5e-324, 1e308, -math.inf]),),
        (None,),
    ]
    model = IDF(inputCol="x", outputCol="y").fit(spark.createDataFrame(fitted_on, schema))
    return model, spark.createDataFrame(rows, schema)


def hashed_features(spark: SparkSession) -> tuple[Any, DataFrame]:
    schema = "d double, `täxt` string, b boolean, i int, t tinyint, f float, l bigint"
    rows: list[Any] = [
        (1.5, "a", True, 1, 3, 0.1, 2**40),
        (-0.0, "", None, -2, None, -0.0, 0),
        (math.nan, None, False, None, 0, math.inf, -1),
        (math.inf, "ü=😀", True, 3, -1, 1e10, 1),
        (None, "日本", False, 2**31 - 1, 1, None, None),
        (1e308, None, None, 0, 127, 1e-5, 9),
        (1e-5, "a", None, 7, 1, math.nan, 5),
        (None, None, None, None, None, None, None),
    ]
    columns = ["d", "täxt", "b", "i", "t", "f", "l"]
    stages: list[Any] = [
        FeatureHasher(inputCols=columns, outputCol="y"),
        FeatureHasher(inputCols=columns, outputCol="z", numFeatures=3),
        FeatureHasher(inputCols=columns, outputCol="w", numFeatures=40, categoricalCols=["d", "i", "f", "t"]),
    ]
    return PipelineModel(stages), spark.createDataFrame(rows, schema)


def averaged(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Vectors of several lengths around the blocks in which Java's loops go."""
    rows = lists(spark, ["unseen"], ["a", "unseen", "b"], [*NOTHING, "a"], ["a"] * 3)
    fitted_on = rows.selectExpr("array_compact(x) as x")
    stages = [
        Word2Vec(inputCol="x", outputCol=f"y{size}", vectorSize=size, minCount=1, seed=7, maxIter=2)
        for size in (3, 33, 1100)
    ]
    return Pipeline(stages=list(stages)).fit(fitted_on), rows


def averaged_null(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = spark.createDataFrame([(["a", "b"],), (None,)], "x array<string>")
    return Word2Vec(inputCol="x", outputCol="y", vectorSize=2, minCount=1, seed=7).fit(rows.limit(1)), rows


def encoded(mode: str, target: str, smoothing: float, spark: SparkSession) -> tuple[Any, DataFrame]:
    """Two columns, of which the first was fitted with a null."""
    rows: list[Any] = [
        (1.0, 0.0, 1),
        (1.0, 1.0, 2),
        (2.0, 1.0, 2),
        (None, 0.0, 2),
        (0.0, 1.0, 1),
        (7.0, 1.0, 7),
    ]
    encoder = TargetEncoder(
        inputCols=["x", "z"],
        outputCols=["y", "w"],
        targetType=target,
        handleInvalid=mode,
        smoothing=smoothing,
    )
    model = encoder.fit(spark.createDataFrame(rows, "x double, label double, z int"))
    hostile: list[Any] = [(1.0, 1), (-0.0, 2), (None, 1), (7.0, 7)]
    if mode == "keep":
        hostile += [(number, 1) for number in (5.0, math.nan, 1.5, -1.0, 2147483647.0, math.inf)]
        hostile += [(1.0, None), (1.0, 9), (1.0, -1)]
    else:
        hostile += [(math.nan, 1), (2147483647.0, 1), (-1.0, 1), (1.0, None)]
    return model, spark.createDataFrame(hostile, "x double, z int")


def cases() -> Iterator[Case]:
    """Every case of this family."""
    yield Case("text-tokenized", ("Tokenizer", "RegexTokenizer"), tokenized)
    yield Case("text-tokenizer-null", ("Tokenizer",), tokenized_null)
    yield Case("text-regex-null", ("RegexTokenizer",), tokenized_regex_null)
    yield Case("text-filtered", ("StopWordsRemover", "NGram"), filtered)
    yield Case("text-stop-null", ("StopWordsRemover",), filtered_null)
    yield Case("text-ngram-null", ("NGram",), grams_null)
    yield Case("text-counted", ("CountVectorizerModel",), counted)
    yield Case("text-counted-null", ("CountVectorizerModel",), counted_null)
    yield Case("text-hashed", ("HashingTF", "IDFModel"), hashed)
    yield Case("text-hashed-numbers", ("HashingTF",), hashed_numbers)
    yield Case("text-hashed-null", ("HashingTF",), hashed_null)
    yield Case("text-weighed", ("IDFModel",), weighed)
    yield Case("text-features", ("FeatureHasher",), hashed_features, written=True)
    yield Case("text-averaged", ("Word2VecModel",), averaged)
    yield Case("text-averaged-null", ("Word2VecModel",), averaged_null)
    for mode, target, smoothing in (
        ("error", "binary", 0.0),
        ("keep", "binary", 0.7),
        ("keep", "continuous", 3.3),
    ):
        build = partial(encoded, mode, target, smoothing)
        yield Case(f"text-encoded-{mode}-{target}", ("TargetEncoderModel",), build)
