"""Texts: counts, hashes and weights of terms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case

TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "the fox, the FOX and a dog's life",
    "",
    "Größe größe  GRÖSSE\tcafé cafe\u0301 naïve",
    "日本語 の テキスト 𝄞😀 x",
    "İstanbul ﬁsh 1,000 2.5 a_b x-y",
    "lazy   lazy\n lazy dog",
]
ROWS = [
    "fox",
    "FOX fox dog dog dog",
    " ",
    "unseen words only",
    "cafe\u0301",
    "dog\0dog",
    "ß SS ss",
    "a b c",
    math.nan,
]


def cases() -> Iterator[Case]:
    ways: list[dict[str, Any]] = [
        {},
        {"ngram_range": (1, 3), "stop_words": "english"},
        {"analyzer": "char", "ngram_range": (1, 3)},
        {"analyzer": "char_wb", "ngram_range": (2, 5), "strip_accents": "unicode"},
        {"strip_accents": "ascii", "lowercase": False, "token_pattern": r"(\w)\w*", "binary": True},
        {"ngram_range": (2, 2), "token_pattern": r"(?u)\b\w+\b"},
    ]
    for options in ways:
        yield _case(CountVectorizer(**options))
        yield _case(TfidfVectorizer(**options))
        yield _case(HashingVectorizer(**options, n_features=50))
    yield _case(CountVectorizer(max_features=5, min_df=2))
    yield _case(CountVectorizer(vocabulary=["fox", "dog", "fish"]))
    for norm in ("l1", None):
        yield _case(HashingVectorizer(norm=norm, alternate_sign=False, n_features=2000))
        yield _case(TfidfVectorizer(norm=norm, sublinear_tf=True, smooth_idf=False))
    yield _case(TfidfVectorizer(use_idf=False))
    yield _case(make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)), "TfidfTransformer")
    yield _case(make_pipeline(TfidfVectorizer(), StandardScaler(with_mean=False)), "StandardScaler")
    yield Case("TfidfTransformer of numbers", ("TfidfTransformer",), _of_numbers)
    yield Case("a column of texts beside numbers", ("TfidfVectorizer",), _beside)


def _case(model: Any, covered: str = "") -> Case:
    def build() -> Any:
        frame = pd.DataFrame({"text": TEXTS})
        return model.fit(TEXTS), frame, pd.DataFrame({"text": ROWS})

    first = model[0] if hasattr(model, "steps") else model
    name = repr(model) if model is first else f"{first!r}, {model[1]!r}"
    return Case(name.replace("\\", ""), (covered or type(first).__name__,), build)


def _of_numbers() -> Any:
    frame = numbers(positive=True)
    return TfidfTransformer().fit(frame), frame, hostile()


def _beside() -> Any:
    frame = pd.DataFrame({"text": TEXTS, "price": range(len(TEXTS))}).astype({"price": float})
    columns = ColumnTransformer([("text", TfidfVectorizer(), "text"), ("price", MinMaxScaler(), ["price"])])
    rows = pd.DataFrame({"text": ROWS, "price": [float(n) for n in range(len(ROWS))]})
    return columns.fit(frame), frame, rows
