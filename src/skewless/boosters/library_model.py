"""A model in XGBoost's own library, and the questions it can be asked: for what the compiled kernels do not take.

What the library would do with a damaged file is kept from it by `skewless.boosters.booster_model`.
"""

from __future__ import annotations

import ctypes
import json
import struct
import threading
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np

from skewless.boosters.library import Columns, Floats, Handle, Integers, Result, interface, library, reason
from skewless.errors import SkewlessError


class LibraryModel:
    """A model that the library holds. SkewlessError where it cannot use it."""

    def __init__(self, model: bytes, features: int) -> None:
        self.features = features
        self.lock = threading.Lock()
        calls = library()
        handle = Handle(calls.XGBoosterFree)
        calls.XGBoosterCreate(None, 0, ctypes.byref(handle.pointer))
        self._handle: Handle | None = handle
        # One thread inside the library: starting a team of its own for a row costs more than the row, and its
        # threads then spin. Large batches are divided among threads outside, which gives the same bits.
        failed = (
            calls.XGBoosterLoadModelFromBuffer(handle.pointer, model, len(model))
            or calls.XGBoosterSetParam(handle.pointer, b"nthread", b"1")
        )  # fmt: skip
        if failed:
            raise SkewlessError(reason())

    def handle(self) -> Handle:
        """What the library knows the model by. SkewlessError after `close`."""
        handle = self._handle
        if handle is None:
            raise SkewlessError("the model is closed")
        return handle

    def close(self) -> None:
        """Give the model back; a second call does nothing."""
        self._handle = None


class LibraryQuestion:
    """One thing to ask of the library; ``want`` is its own number for what.

    ``by_matrix`` has the library make a matrix of its own first, and one thread at a time: a linear model predicts in
    no other way, and contributions and leaves are given in no other. It refuses infinity. A dart model can do both, but
    rounds otherwise then (measured: one row in some hundreds differs in the last bits). ``shape`` is that of a row's
    answer.
    """

    def __init__(
        self, model: LibraryModel, want: int, *, missing: float, rounds: tuple[int, int], by_matrix: bool
    ) -> None:
        self.by_matrix = by_matrix
        self._model = model
        self._config = json.dumps(
            {
                "type": want,
                "training": False,
                "iteration_begin": rounds[0],
                "iteration_end": rounds[1],
                "missing": missing,
                "strict_shape": False,
                "cache_id": 0,
            }
        ).encode()
        self._matrix = json.dumps({"missing": missing, "nthread": 1, "data_split_mode": 0}).encode()
        self._row = _Row(model.features, self._config)
        self.shape = self.ask(np.full((1, model.features), nan, np.float32), None).shape[1:]

    def ask_sparse(self, starts: Integers, columns: Columns, values: Floats) -> Floats:
        """Answers for rows in compressed form (CSR) whose absent entries are missing; every column is one there is."""
        rows = (starts.astype(np.uint64), columns.astype(np.uint32), np.ascontiguousarray(values, np.float32))
        arrays = tuple(interface(array) for array in rows)
        features, handle = self._model.features, self._model.handle()
        calls, result = library(), Result()
        if self.by_matrix:
            matrix = Handle(calls.XGDMatrixFree)
            made = ctypes.byref(matrix.pointer)
            with self._model.lock:
                if calls.XGDMatrixCreateFromCSR(
                    *arrays, features, self._matrix, made
                ) or calls.XGBoosterPredictFromDMatrix(
                    handle.pointer, matrix.pointer, self._config, *result.pointers
                ):
                    raise SkewlessError(reason())
                return result.copy()
        if calls.XGBoosterPredictFromCSR(
            handle.pointer, *arrays, features, self._config, self._row.proxy.pointer, *result.pointers
        ):
            raise SkewlessError(reason())
        return result.copy()

    def ask_row(self, values: Sequence[float]) -> float | list[float]:
        """`ask` for one row: a number, or a list of all there are. OverflowError for what no 32-bit float holds."""
        row = self._row
        row.pack(row.buffer, 0, *values)
        handle = self._model.handle()
        if self.by_matrix:
            made: float | list[float] = self.ask(row.cells.reshape(1, -1), None)[0].ravel().tolist()
            return made if self.shape else made[0]  # type: ignore[index]
        if row.call(handle.pointer, *row.arguments):
            raise SkewlessError(reason())
        answers = row.result.values
        return answers[: self.shape[0]] if self.shape else answers[0]

    def ask(self, rows: Floats, margins: Floats | None) -> Floats:
        """Answers for a C-contiguous matrix with rows. ``margins`` are where each row's sum starts."""
        calls, result = library(), Result()
        handle = self._model.handle()
        if self.by_matrix:
            with self._model.lock:
                return self._ask_matrix(handle, rows, margins)
        proxy = self._row.proxy if margins is None else _proxy()
        if (
            (margins is not None and _start_at(proxy, margins))
            or calls.XGBoosterPredictFromDense(
                handle.pointer, interface(rows), self._config, proxy.pointer, *result.pointers
            )
        ):  # fmt: skip
            raise SkewlessError(reason())
        return result.copy()

    def _ask_matrix(self, handle: Handle, rows: Floats, margins: Floats | None) -> Floats:
        calls, result = library(), Result()
        matrix = Handle(calls.XGDMatrixFree)
        if (
            calls.XGDMatrixCreateFromDense(interface(rows), self._matrix, ctypes.byref(matrix.pointer))
            or (margins is not None and _start_at(matrix, margins))
            or calls.XGBoosterPredictFromDMatrix(
                handle.pointer, matrix.pointer, self._config, *result.pointers
            )
        ):
            raise SkewlessError(reason())
        return result.copy()


class _Row(threading.local):
    """One thread's buffers for one row, with everything about them that the library must be told prepared.

    A row goes in as CSR with every feature present: measured, this costs the library a fifth less than the same row
    as a dense matrix. A proxy of our own saves it as much again, because it makes one for every call otherwise,
    reading the limits of the control group from the file system each time.
    """

    def __init__(self, features: int, config: bytes) -> None:
        self.pack = struct.Struct(f"={features}f").pack_into
        self.cells = np.zeros(features, np.float32)
        self.buffer: Any = memoryview(self.cells.data).cast("B")
        self.starts = np.array([0, features], np.uint64)
        self.positions = np.arange(features, dtype=np.uint32)
        self.result = Result()
        self.proxy = _proxy()
        self.arguments = (
            *(interface(array) for array in (self.starts, self.positions, self.cells)),
            *(features, config, self.proxy.pointer.value, *self.result.pointers),
        )
        self.call = library().XGBoosterPredictFromCSR


def _proxy() -> Handle:
    proxy = Handle(library().XGDMatrixFree)
    library().XGProxyDMatrixCreate(ctypes.byref(proxy.pointer))
    return proxy


def _start_at(matrix: Handle, margins: Floats) -> bool:
    """Have every row's sum start at its margin; true where that failed."""
    call = library().XGDMatrixSetInfoFromInterface
    return bool(call(matrix.pointer, b"base_margin", interface(margins)))
