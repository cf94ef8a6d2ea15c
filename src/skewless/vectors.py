"""Vectors as Spark has them: a dense or a sparse form for each row, which decides bits.

Spark sums, scales and compares only the stored slots of a sparse vector, so 0 × ∞ stays 0 there, -0.0 does not arise,
and sums run in another order. Every row therefore remembers its form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np


@dataclass(frozen=True, slots=True)
class SparseVector:
    """One sparse row: stored slots in ascending order of index."""

    size: int
    indices: Sequence[int]
    values: Sequence[float]

    def dense(self) -> list[float]:
        """All slots."""
        slots = [0.0] * self.size
        for index, value in zip(self.indices, self.values, strict=True):
            slots[index] = value
        return slots

    def __len__(self) -> int:
        return self.size


Vector: TypeAlias = list[float] | SparseVector
"""What row kernels take and give: a dense row is a list."""


def dense(vector: Vector) -> list[float]:
    """All slots of a row."""
    return vector.dense() if isinstance(vector, SparseVector) else vector


def nonzero(vector: Vector) -> Iterator[tuple[int, float]]:
    """Index and value of every slot that is not zero, as Spark's foreachNonZero; NaN is not zero."""
    if isinstance(vector, SparseVector):
        pairs: Iterator[tuple[int, float]] = zip(vector.indices, vector.values, strict=True)
    else:
        pairs = enumerate(vector)
    return ((index, value) for index, value in pairs if value != 0.0)


def compressed(size: int, pairs: Sequence[tuple[int, float]]) -> Vector:
    """A vector of these nonzero slots in the form that takes less room, as Spark's ``Vector.compressed`` chooses."""
    if is_sparse(len(pairs), size):
        return SparseVector(size, [index for index, _ in pairs], [value for _, value in pairs])
    slots = [0.0] * size
    for index, value in pairs:
        slots[index] = value
    return slots


def is_sparse(nonzeros: Any, size: int) -> Any:
    """Whether Spark's ``compressed`` stores so many nonzero slots sparsely; also for an array of counts."""
    return 1.5 * (nonzeros + 1.0) < size


WIDE: Final = 1024
"""Vectors of more slots are kept and handed out in sparse storage."""


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """Many rows in sparse storage: row r has slots ``starts[r]`` to ``starts[r + 1]`` of ``indices`` and ``values``."""

    starts: np.ndarray[Any, np.dtype[np.int64]]
    indices: np.ndarray[Any, np.dtype[np.int32]]
    values: np.ndarray[Any, np.dtype[np.float64]]
    size: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and slots, as numpy has it."""
        return len(self), self.size

    def row(self, number: int) -> SparseVector:
        """One row."""
        span = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return SparseVector(self.size, self.indices[span].tolist(), self.values[span].tolist())

    def dense(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """All slots of all rows."""
        whole = np.zeros(self.shape)
        rows = np.repeat(np.arange(len(self)), np.diff(self.starts))
        whole[rows, self.indices] = self.values
        return whole

    def take(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Csr:
        """Some rows, by number, in the order given."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        offsets = np.repeat(self.starts[rows] - starts[:-1], lengths)
        picked = np.arange(starts[-1]) + offsets
        return Csr(starts, self.indices[picked], self.values[picked], self.size)

    @classmethod
    def of_rows(cls, rows: Sequence[SparseVector], size: int) -> Csr:
        """Rows put together."""
        starts = np.concatenate([[0], np.cumsum([len(row.indices) for row in rows])]).astype(np.int64)
        indices = np.array([index for row in rows for index in row.indices], np.int32)
        values = np.array([value for row in rows for value in row.values], np.float64)
        return cls(starts, indices, values, size)
