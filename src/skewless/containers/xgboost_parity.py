"""Parity rows of a model: inputs with what the library that trained it predicted, replayed when it is served.

`skewless.jobs.training.parity_rows` writes the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from skewless.boosters.booster import Booster
from skewless.boosters.library import Floats
from skewless.errors import ArtifactError, ParityError, ValueRefused
from skewless.table import flattened

PARITY: Final = ".skewless-parity.arrow"
FORMAT: Final = "1"

_REMEDY: Final = "Take the artifact as training wrote it, or train it again."

Bits: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]


class ParityRows:
    """What the library that trained the model predicted for some rows."""

    def __init__(self, rows: Floats, expected: Floats, unchanged: bool) -> None:
        self.rows = rows
        self.expected = expected
        self.unchanged = unchanged

    @classmethod
    def read(cls, file: bytes, model: bytes, booster: Booster, artifact: str) -> ParityRows:
        """ArtifactError where the file is not what training writes for this model."""
        try:
            table = pa.ipc.open_file(pa.py_buffer(file)).read_all()
            table.validate(full=True)
            about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
            if about.get("skewless.format") != FORMAT or about.get("skewless.missing") != "nan":
                raise ValueError(f"it is not of format {FORMAT}")
            names = [f"f{position}" for position in range(booster.features)]
            if table.column_names != [*names, "prediction"]:
                raise ValueError(f"its columns are not f0 to f{booster.features - 1} and prediction")
            rows = np.empty((len(table), len(names)), np.float32)
            for position, name in enumerate(names):
                rows[:, position] = _as(pa.float32(), table[name]).to_numpy()
            lists = _as(pa.list_(pa.float32()), table["prediction"].combine_chunks())
            width = booster.outputs or 1
            counts, flat = flattened(lists)
            if (counts != width).any() or len(counts) != len(lists):
                raise ValueError(f"its predictions are not {width} for each row")
            expected = flat.to_numpy(zero_copy_only=False).reshape(-1, width)
            unchanged = about.get("skewless.model_sha256") == hashlib.sha256(model).hexdigest()
            return cls(rows, expected.astype(np.float32), unchanged)
        except (pa.ArrowException, ValueError, OSError, UnicodeDecodeError) as error:
            raise ArtifactError(
                f"the parity rows cannot be read: {error}", artifact=artifact, file=PARITY, hint=_REMEDY
            ) from None

    def replay(self, container: str, stage: str, booster: Booster) -> int:
        """The number of rows. ParityError names the first that differs, or says that the file was changed."""
        try:
            self._compare(container, stage, booster.predict(self.rows))
            one_by_one = [booster.predict_row(row) for row in self.rows.tolist()]
        except ValueRefused as refused:
            raise ParityError(
                f"it refuses what training took: {refused.message}",
                container=container,
                stage=stage,
                column=refused.column,
                row=refused.row,
                hint=_REMEDY,
            ) from None
        self._compare(container, stage, np.array(one_by_one, np.float32))
        if not self.unchanged:
            raise ParityError(
                "the file was changed after export, though no parity row shows it",
                container=container,
                stage=stage,
                hint=_REMEDY,
            )
        return len(self.rows)

    def _compare(self, container: str, stage: str, made: Floats) -> None:
        actual = made.reshape(self.expected.shape)
        for row in _differing(self.expected, actual):
            raise ParityError(
                f"it predicts {actual[row].tolist()} where {self.expected[row].tolist()} was recorded",
                container=container,
                stage=stage,
                column="prediction",
                row=row + 1,
                expected=self.expected[row].tolist(),
                actual=actual[row].tolist(),
                hint=_REMEDY,
            )


def _differing(expected: Floats, actual: Floats) -> Iterator[int]:
    left: Bits = np.ascontiguousarray(expected).view(np.uint32)
    right: Bits = np.ascontiguousarray(actual).view(np.uint32)
    yield from np.flatnonzero((left != right).any(axis=1)).tolist()


def _as(kind: pa.DataType, values: Any) -> Any:
    """Cast where they are of another type: Arrow's functions, which do that, are slow to import."""
    return values if values.type == kind else values.cast(kind)
