"""A trained model, and the questions it can be asked: answered by the compiled kernels, or by XGBoost's own library.

The kernels answer for ordinary forests (`skewless.boosters.kernel`). The library is loaded for other models, when they
are loaded, and for contributions and leaves, when they are asked for; the bits are the same.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import nan
from typing import Final, TypeAlias

import numpy as np

from skewless.boosters.formats import sound
from skewless.boosters.kernel import Kernel, kernel_of
from skewless.boosters.library import Columns, Floats, Integers
from skewless.boosters.library_model import LibraryModel, LibraryQuestion
from skewless.errors import ArtifactError, SettingError, SkewlessError
from skewless.native.xgboost import Asked

AskRow: TypeAlias = Callable[[Sequence[float]], float | list[float]]
"""From a row's numbers to its answer: one number, or a list. OverflowError for what no finite 32-bit float holds."""

VALUE: Final = 0
MARGIN: Final = 1
CONTRIBUTIONS: Final = 2
LEAVES: Final = 6
"""What can be asked for, by the library's own numbers."""

TREES_FOR_THREADS: Final = 2_000_000
"""Rows times trees from which several threads are worth starting: some 25 ms of work for one in the library."""


class Trained:
    """A model, whatever form its file has; two of one model are equal.

    ArtifactError where the file is damaged or no model. ``library_for`` is why XGBoost's library predicts, empty where
    the kernels do.
    """

    def __init__(self, model: bytes, *, artifact: str | None = None, file: str | None = None) -> None:
        self.model, self.facts, learner = sound(model, artifact=artifact, file=file)
        made = kernel_of(learner, self.facts)
        self.kernel: Kernel | None = None if isinstance(made, str) else made
        self.library_for = made if isinstance(made, str) else ""
        self.closed = False
        self._lock = threading.Lock()
        self._library: LibraryModel | None = None
        if self.kernel is None:
            try:
                # The first prediction sets the library up, which it does not do safely from two threads at once.
                Question(self, by_matrix=self.facts.booster == "gblinear")
            except SettingError:
                raise
            except SkewlessError as error:
                self.close()
                raise ArtifactError(
                    f"XGBoost cannot use this model: {error.message}", artifact=artifact, file=file
                ) from None

    def library(self) -> LibraryModel:
        """The model in the library, which takes it when it is first asked for. SkewlessError where it does not."""
        with self._lock:
            if self._library is None:
                self.check_open()
                self._library = LibraryModel(self.model, self.facts.features)
            return self._library

    def check_open(self) -> None:
        """SkewlessError after `close`."""
        if self.closed:
            raise SkewlessError("the model is closed")

    def close(self) -> None:
        """Give the model back; a second call does nothing."""
        self.closed = True
        if self._library is not None:
            self._library.close()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trained) and self.model == other.model

    def __hash__(self) -> int:
        return hash(self.model)


class Question:
    """One thing to ask of a model: what of it, what counts as missing beside NaN, and which rounds of its training.

    ``rounds`` are the first and the one after the last, (0, 0) for all. ``shape`` is that of a row's answer, and
    ``ask_row`` gives it for one row. ``by_matrix`` is a `LibraryQuestion`'s.
    """

    def __init__(
        self,
        trained: Trained,
        want: int = VALUE,
        *,
        missing: float = nan,
        rounds: tuple[int, int] = (0, 0),
        by_matrix: bool = False,
    ) -> None:
        self._trained = trained
        self.asked: Asked | None = None
        self._one_at_a_time = by_matrix
        if trained.kernel is not None and want in (VALUE, MARGIN) and not by_matrix:
            self.asked = trained.kernel.asked(margin=want == MARGIN, missing=missing, rounds=rounds)
        if self.asked is None:
            model = trained.library()
            library = LibraryQuestion(model, want, missing=missing, rounds=rounds, by_matrix=by_matrix)
            self.shape, self._ask, self._ask_sparse = library.shape, library.ask, library.ask_sparse
            self.ask_row: AskRow = library.ask_row
        else:
            several = self.asked.outputs > 1
            self.shape = (self.asked.outputs,) if several else ()
            self._ask, self._ask_sparse = self.asked.ask, self.asked.ask_sparse
            self.ask_row = self._row_of(self.asked)

    def ask(self, rows: Floats, margins: Floats | None = None) -> Floats:
        """Answers for a C-contiguous matrix of all features. ``margins`` are where each row's sum starts."""
        self._trained.check_open()
        if not len(rows):
            return np.zeros((0, *self.shape), np.float32)
        threads = min(_processors(), len(rows) * self._trained.facts.trees // (TREES_FOR_THREADS // 2))
        if threads < 2 or self._one_at_a_time:
            return self._shaped(self._ask(rows, margins))
        parts = np.array_split(rows, threads)
        starts = [None] * threads if margins is None else np.array_split(margins, threads)
        with ThreadPoolExecutor(threads) as pool:
            return self._shaped(np.concatenate(list(pool.map(self._ask, parts, starts))))

    def ask_sparse(self, starts: Integers, columns: Columns, values: Floats) -> Floats:
        """Answers for rows in compressed form (CSR) whose absent entries are missing; every column is one there is."""
        self._trained.check_open()
        if len(starts) < 2:
            return np.zeros((0, *self.shape), np.float32)
        return self._shaped(self._ask_sparse(starts, columns, values))

    def _shaped(self, made: Floats) -> Floats:
        return made if self.asked is None else made.reshape(-1, *self.shape)

    def _row_of(self, asked: Asked) -> AskRow:
        pack, answer, trained = struct.Struct(f"={asked.columns}f").pack, asked.one_row(), self._trained

        def ask_row(values: Sequence[float]) -> float | list[float]:
            made = answer(pack(*values))
            if made is None or trained.closed:
                # Infinity is a number here; who refuses it has done so.
                several: list[float] = self.ask(np.array([values], np.float32)).ravel().tolist()
                return several if self.shape else several[0]
            return made

        return ask_row


def _processors() -> int:
    """The processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
