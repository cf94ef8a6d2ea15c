"""recordio-protobuf files of a channel: features and label are the tensors named ``values``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skewless.codecs.recordio import Examples, read_examples
from skewless.errors import EmptyBody, RequestError, TrainingDataError
from skewless.jobs.training.channel_files import opened
from skewless.jobs.training.rows import TrainingData, joined, sparse_features


def read(files: Sequence[Path]) -> TrainingData | None:
    """The records of all files, None where there is none. TrainingDataError names file and record."""
    parts = [part for file in files if (part := _read(file))]
    return joined(parts) if parts else None


def _read(file: Path) -> TrainingData | None:
    with opened(file) as stream:
        body = stream.read()
    try:
        found = read_examples(body)
    except EmptyBody:
        return None
    except RequestError as error:
        raise TrainingDataError(f"{file}, record {error.row}: {error.message}", hint=error.hint) from None
    if found.labels is None:
        raise TrainingDataError(
            f"{file}: its records have no label", hint="Give each record a label named 'values'."
        )
    _refuse_infinite(file, found, found.labels)
    if found.dense:
        features = found.values.reshape(len(found), found.width)
    else:
        features = sparse_features(found.starts, found.columns, found.values, found.width)
        features.sort_indices()
    return TrainingData(found.labels, features, None, (file,))


def _refuse_infinite(
    file: Path, found: Examples, labels: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> None:
    if not np.isfinite(labels).all():
        record = int(np.isfinite(labels).argmin()) + 1
        raise TrainingDataError(f"{file}, record {record}: its label is no finite 32-bit number")
    infinite = np.isinf(found.values)
    if infinite.any():
        entry = int(infinite.argmax())
        record = int(np.searchsorted(found.starts, entry, "right"))
        raise TrainingDataError(
            f"{file}, record {record}: feature {found.columns[entry]} is infinite, or too large for a 32-bit number"
        )
