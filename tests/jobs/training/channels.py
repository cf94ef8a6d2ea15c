"""Small channels of CSV files to train on, and what is in an artifact."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from skewless.jobs.training.csv_matrix import Matrix

TRAIN, VALIDATION = slice(0, 300), slice(300, 400)


@dataclass(frozen=True)
class Channels:
    """A training and a validation file, and the numbers in them."""

    train: Path
    validation: Path
    labels: Matrix
    features: Matrix

    def matrix(self, part: slice) -> xgboost.DMatrix:
        return xgboost.DMatrix(self.features[part], self.labels[part])


def write_csv(path: Path, labels: Matrix, features: Matrix) -> Path:
    lines = (
        ",".join("" if np.isnan(value) else repr(value) for value in row)
        for row in np.column_stack([labels, features]).tolist()
    )
    path.write_text("\n".join(lines) + "\n")
    return path


def make_channels(folder: Path, label: Callable[[Matrix], Any]) -> Channels:
    generator = np.random.default_rng(11)
    features = generator.normal(size=(400, 4)).round(2).astype(np.float32)
    labels = np.asarray(label(features), np.float32)
    features[generator.random(features.shape) < 0.05] = 0
    features[generator.random(features.shape) < 0.05] = np.nan
    return Channels(
        write_csv(folder / "train.csv", labels[TRAIN], features[TRAIN]),
        write_csv(folder / "validation.csv", labels[VALIDATION], features[VALIDATION]),
        labels,
        features,
    )


def unpacked(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def loaded(archive: Path, file: str = "xgboost-model") -> xgboost.Booster:
    model = xgboost.Booster()
    model.load_model(bytearray(unpacked(archive)[file]))
    return model
