"""Projections onto fitted directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for estimator in (
        PCA(2),
        PCA(3, whiten=True, svd_solver="full"),
        IncrementalPCA(2, whiten=True),
        TruncatedSVD(2, random_state=0),
        GaussianRandomProjection(3, random_state=0),
        SparseRandomProjection(3, random_state=0),
        NeighborhoodComponentsAnalysis(2, max_iter=3, random_state=0),
    ):
        yield _case(estimator)
    yield _case(make_pipeline(PCA(2), StandardScaler()), "PCA", "PCA before a scaler")
    yield Case("PCA of large numbers that lie close together", ("PCA",), _far_off, generated=False)
    yield Case("TruncatedSVD of texts", ("TruncatedSVD",), _of_texts)


def _case(estimator: Any, covered: str = "", name: str = "") -> Case:
    def build() -> Any:
        frame = numbers()
        target = (frame["a"] > 3.0).astype(int)
        return estimator.fit(frame, target), frame, hostile()

    return Case(name or repr(estimator), (covered or type(estimator).__name__,), build)


def _far_off() -> Any:
    """Where a mean that is a million times the spread is subtracted, few bits are left, and they differ."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame(1e6 + random.normal(size=(50, 6)), columns=list("uvwxyz"))
    return PCA(3).fit(frame), frame, frame.iloc[:5]


def _of_texts() -> Any:
    texts = ["a red fox", "the red dog", "a dog and a fox", "blue sky", "the sky is blue and red", ""]
    frame = pd.DataFrame({"text": texts})
    model = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(texts)
    return model, frame, pd.DataFrame({"text": ["red sky", "", "unknown", "dog dog fox"]})
