"""Parity rows of a model: some rows of the training data and what the library that trained it predicts for them.

Serving replays them. The file is hidden, so that containers which load every other file of an artifact pass it over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from skewless.jobs.training.csv_matrix import Matrix
from skewless.jobs.training.rows import TrainingData

PARITY_FILE: Final = ".skewless-parity.arrow"
FORMAT: Final = "1"
"""Counted up when a reader of the former would misread the file; serving then reads both."""

MOST_ROWS: Final = 256
MOST_FEATURES: Final = 8192
"""Rows of more features make no parity file: it would be larger than most models, and slow to replay."""


def sample(parts: Sequence[TrainingData]) -> Matrix:
    """At most `MOST_ROWS` rows, evenly spaced over each part; one that is short leaves its room to the others."""
    picked: list[Matrix] = []
    room = MOST_ROWS
    for position, part in enumerate(sorted(parts, key=lambda part: part.rows)):
        count = min(part.rows, room // (len(parts) - position))
        picked.append(part.dense(np.linspace(0, part.rows - 1, count).round().astype(np.intp)))
        room -= count
    return np.concatenate(picked)


def parity_file(rows: Matrix, predictions: Matrix, model: bytes, library: str) -> bytes:
    """An Arrow file: the features ``f0`` … as float32 and ``prediction``, a list of float32 for each row."""
    flat = predictions.reshape(len(rows), -1).astype(np.float32, copy=False)
    offsets = np.arange(0, flat.size + 1, flat.shape[1], dtype=np.int32)
    columns = {f"f{number}": pa.array(rows[:, number]) for number in range(rows.shape[1])}
    columns["prediction"] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.reshape(-1)))
    table = pa.table(columns).replace_schema_metadata(
        {
            "skewless.format": FORMAT,
            "skewless.xgboost": library,
            "skewless.missing": "nan",
            "skewless.model_sha256": hashlib.sha256(model).hexdigest(),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
