"""The rows that are learnt from or judged by: labels, features and, where there are any, weights and groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, issparse

from skewless.errors import TrainingDataError
from skewless.jobs.training.csv_matrix import Matrix

Features: TypeAlias = Any
"""A `Matrix`, or a csr_matrix of float32, whose absent entries are missing."""
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Rows in the order of their files; NaN is a missing feature, zero is not."""

    labels: Matrix
    features: Features
    weights: Matrix | None
    files: tuple[Path, ...]
    groups: Integers | None = None
    """How many rows each query has, one after the other; for ranking."""

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        """How many features there are."""
        return int(self.features.shape[1])

    @property
    def is_sparse(self) -> bool:
        return bool(issparse(self.features))

    def widened(self, width: int) -> TrainingData:
        """The same with more features, of which every row is missing all that are new; of sparse rows."""
        features = self.features
        return replace(
            self, features=sparse_features(features.indptr, features.indices, features.data, width)
        )

    def dense(self, rows: npt.NDArray[np.intp]) -> Matrix:
        """The features of some rows."""
        picked = self.features[rows]
        if not self.is_sparse:
            return np.asarray(picked, np.float32)
        # Not toarray: it would say 0 where nothing is.
        filled = np.full(picked.shape, np.nan, np.float32)
        owners = np.repeat(np.arange(len(rows)), np.diff(picked.indptr))
        filled[owners, picked.indices] = picked.data
        return filled

    def taken(self, rows: npt.NDArray[np.intp]) -> TrainingData:
        """Some rows of it, which have no groups."""
        return TrainingData(
            labels=self.labels[rows],
            features=self.features[rows],
            weights=None if self.weights is None else self.weights[rows],
            files=self.files,
        )


def sparse_features(starts: Any, columns: Any, values: Any, width: int) -> Features:
    """Features in compressed rows (CSR)."""
    return csr_matrix((values, columns, starts), (len(starts) - 1, width), copy=False)


def joined(parts: list[TrainingData]) -> TrainingData:
    """All rows, one part after the other. TrainingDataError where they differ in what they have."""
    first = parts[0]
    for part in parts:
        what = _differs(first, part)
        if what:
            raise TrainingDataError(
                f"{part.files[0]} and {first.files[0]} differ: {what}",
                hint="All files of a channel must be of one kind.",
            )
    width = max(part.width for part in parts)
    features = [(part.widened(width) if part.is_sparse else part).features for part in parts]
    return TrainingData(
        labels=np.concatenate([part.labels for part in parts]),
        features=_stacked(features) if first.is_sparse else np.concatenate(features),
        weights=_together([part.weights for part in parts]),
        files=tuple(dict.fromkeys(file for part in parts for file in part.files)),
        groups=_together([part.groups for part in parts]),
    )


def _differs(one: TrainingData, other: TrainingData) -> str | None:
    for what, differ in (
        ("one has weights", (one.weights is None) != (other.weights is None)),
        ("one has query ids", (one.groups is None) != (other.groups is None)),
        ("one is sparse", one.is_sparse != other.is_sparse),
        (
            f"they have {one.width} and {other.width} features",
            not one.is_sparse and one.width != other.width,
        ),
    ):
        if differ:
            return what
    return None


def _stacked(features: list[Features]) -> Features:
    counts = np.cumsum([0, *(part.nnz for part in features)])
    starts = [part.indptr[:-1] + before for part, before in zip(features, counts, strict=False)]
    return sparse_features(
        np.concatenate([*starts, counts[-1:]]),
        np.concatenate([part.indices for part in features]),
        np.concatenate([part.data for part in features]),
        features[0].shape[1],
    )


def _together(parts: list[Any]) -> Any:
    return None if parts[0] is None else np.concatenate(parts)
