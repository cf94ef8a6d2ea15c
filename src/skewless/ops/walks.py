"""Trees of any kind, asked by the column or by the row: what leads from vectors to the compiled kernels.

A forest often looks at few of many features. These are picked first, so that wide vectors are never spread out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skewless.native.forest import Branches, Forest
from skewless.ops.blas import packer
from skewless.table import Column, Numbers
from skewless.vectors import WIDE, Csr, SparseVector, Vector


class Walks:
    """Walks through some trees, ready for batches and for rows.

    ``slots`` are the features that stand in a row as `cells` takes it: all of them, or of wide vectors those that the
    trees look at, in ascending order. ``looks`` is false where they look at none.
    """

    def __init__(
        self,
        trees: Sequence[Branches],
        features: int,
        *,
        outputs: int = 1,
        places: Sequence[int] | None = None,
    ) -> None:
        used = np.unique(np.concatenate([tree.feature[tree.feature >= 0] for tree in trees])).astype(np.int64)
        self.looks = len(used) > 0
        self.is_whole = self.looks and features <= WIDE
        self._slots: Numbers = np.arange(features) if self.is_whole else used
        self.slots: tuple[int, ...] = tuple(self._slots.tolist())
        placed = [
            replace(tree, feature=np.where(tree.feature < 0, -1, np.searchsorted(self._slots, tree.feature)))
            for tree in trees
        ]
        self._forest = Forest(placed, len(self.slots), outputs=outputs, places=places)

    def leaves(self, column: Column) -> Numbers:
        """The number of each row's leaf in each tree, rows by trees."""
        made: Numbers = self._forest.leaves(self._picked(column))
        return made

    def values(self, column: Column) -> Numbers:
        """What each row's leaf holds in each tree, rows by trees."""
        made: Numbers = self._forest.values(self._picked(column))
        return made

    def sums(self, column: Column, start: float | Sequence[float] | Numbers = 0.0) -> Numbers:
        """What the leaves hold, added to ``start`` one tree after the other, rows by outputs."""
        made: Numbers = self._forest.sums(self._picked(column), start)
        return made

    def row(self, wanted: int, start: float | Sequence[float] = 0.0) -> Callable[[Vector], list[Any]]:
        """One of these for a row; ``wanted`` is LEAVES, VALUES or SUMS of `skewless.native.forest`."""
        ask, picked = self.cells(wanted, start), self._picker()
        return lambda row: ask(picked(row))

    def _picked(self, column: Column) -> Numbers:
        if isinstance(column.values, Csr):
            return _columns(column.values, self._slots)
        slots: Numbers = column.values if self.is_whole else column.values[:, self._slots]
        return slots

    def cells(self, wanted: int, start: float | Sequence[float] = 0.0) -> Callable[[bytes], list[Any]]:
        """`row` of a row whose ``slots`` stand one after the other as doubles in bytes."""
        return self._forest.one_row(wanted, start)

    def _picker(self) -> Callable[[Vector], bytes]:
        """The function from a row to the bytes that `cells` takes."""
        slots, pack, is_whole = self.slots, packer(len(self.slots)), self.is_whole

        def picked(row: Vector) -> bytes:
            if isinstance(row, SparseVector):
                stored = dict(zip(row.indices, row.values, strict=True))
                return pack(*[stored.get(slot, 0.0) for slot in slots])
            return pack(*row) if is_whole else pack(*[row[slot] for slot in slots])

        return picked


def _columns(csr: Csr, used: Numbers) -> Numbers:
    """Some columns of sparse rows, dense."""
    slots = np.zeros((len(csr), len(used)))
    if len(used):
        place = np.minimum(np.searchsorted(used, csr.indices), len(used) - 1)
        stored = used[place] == csr.indices
        rows = np.repeat(np.arange(len(csr)), np.diff(csr.starts))
        slots[rows[stored], place[stored]] = csr.values[stored]
    return slots
