"""XGBoost's native library, called directly.

The xgboost package itself is never imported: it brings scipy, pandas and scikit-learn where they are installed, and two
seconds of start-up. Only prediction is here; what the library would do with a damaged file is kept from it by
`skewless.boosters.booster_model`.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import re
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.boosters.booster_model import check
from skewless.errors import ArtifactError, SettingError, SkewlessError, ValueRefused

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

REFUSED: Final = "Unable to evaluate payload provided: "
"""How every refusal of well-formed numbers begins, as in the original container."""
INFINITE: Final = (
    REFUSED + "Input data contains `inf` or a value too large, while `missing` is not set to `inf`"
)
TREES_FOR_THREADS: Final = 2_000_000
"""Rows times trees from which several threads are worth starting: some 25 ms of work for one."""

_LIBRARIES: Final = ("libxgboost.so", "libxgboost.dylib", "xgboost.dll")
_CONFIG: Final = (
    b'{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,'
    b'"missing":NaN,"strict_shape":false,"cache_id":0}'
)
_DENSE_CONFIG: Final = b'{"missing":NaN,"nthread":1,"data_split_mode":0}'
_PLACE: Final = re.compile(r"^\[\d\d:\d\d:\d\d\] \S+:\d+: ")
_POINTER: Final = ctypes.c_void_p
_SIGNATURES: Final[dict[str, tuple[Any, ...]]] = {
    "XGBoosterCreate": (_POINTER, ctypes.c_uint64, _POINTER),
    "XGBoosterFree": (_POINTER,),
    "XGBoosterSetParam": (_POINTER, ctypes.c_char_p, ctypes.c_char_p),
    "XGBoosterLoadModelFromBuffer": (_POINTER, ctypes.c_char_p, ctypes.c_uint64),
    "XGBoosterPredictFromDense": (_POINTER, ctypes.c_char_p, ctypes.c_char_p, *[_POINTER] * 4),
    "XGBoosterPredictFromCSR": (
        *(_POINTER, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_char_p),
        *[_POINTER] * 4,
    ),
    "XGBoosterPredictFromDMatrix": (_POINTER, _POINTER, ctypes.c_char_p, *[_POINTER] * 3),
    "XGDMatrixCreateFromDense": (ctypes.c_char_p, ctypes.c_char_p, _POINTER),
    "XGProxyDMatrixCreate": (_POINTER,),
    "XGDMatrixFree": (_POINTER,),
}


@functools.cache
def _library() -> ctypes.CDLL:
    """The native library of the installed xgboost package. SettingError where there is none."""
    spec = find_spec("xgboost")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [Path(folder, "lib", name) for folder in folders for name in _LIBRARIES]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        where = f"in {', '.join(folders)}" if folders else "here"
        raise SettingError(f"XGBoost's library is not {where}", hint="Install it: pip install xgboost-cpu.")
    try:
        library = ctypes.CDLL(str(found))
        for name, kinds in _SIGNATURES.items():
            getattr(library, name).argtypes = kinds
    except (OSError, AttributeError) as error:
        raise SettingError(
            f"XGBoost's library cannot be used: {error}", hint="Install xgboost-cpu 3.2 anew."
        ) from None
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library


def _reason() -> str:
    """What the library said about this thread's last failure: the first line, without its own source's place."""
    said = (_library().XGBGetLastError() or b"").decode(errors="replace").strip()
    return _PLACE.sub("", said.partition("\n")[0]) or "no reason given"


class _Handle:
    """Something the library holds; given back when nothing here refers to it any more.

    A call under way holds a reference, so closing a booster in one thread never pulls it from under another.
    """

    def __init__(self, free: Any) -> None:
        self.pointer = ctypes.c_void_p()
        self._free = free

    def __del__(self) -> None:
        if self.pointer.value:
            self._free(self.pointer)


class _Result:
    """Where the library puts the address and the shape of its answer, which stay its own."""

    def __init__(self) -> None:
        self.shape = ctypes.POINTER(ctypes.c_uint64)()
        self.dimensions = ctypes.c_uint64()
        self.values = ctypes.POINTER(ctypes.c_float)()
        self.pointers = (
            ctypes.addressof(self.shape),
            ctypes.addressof(self.dimensions),
            ctypes.addressof(self.values),
        )

    def copy(self) -> Floats:
        shape = tuple(self.shape[: self.dimensions.value])
        return np.ctypeslib.as_array(self.values, shape).astype(np.float32, copy=True)


class _Row(threading.local):
    """One thread's buffers for one row, with everything about them that the library must be told prepared.

    A row goes in as CSR with every feature present: measured, this costs the library a fifth less than the same row
    as a dense matrix. A proxy of our own saves it as much again, because it makes one for every call otherwise,
    reading the limits of the control group from the file system each time.
    """

    def __init__(self, features: int) -> None:
        library = _library()
        self.pack = struct.Struct(f"={features}f").pack_into
        self.cells = np.zeros(features, np.float32)
        self.buffer: Any = memoryview(self.cells.data).cast("B")
        self.starts = np.array([0, features], np.uint64)
        self.positions = np.arange(features, dtype=np.uint32)
        self.result = _Result()
        self.proxy = _Handle(library.XGDMatrixFree)
        library.XGProxyDMatrixCreate(ctypes.byref(self.proxy.pointer))
        self.arguments = (
            *(_interface(array) for array in (self.starts, self.positions, self.cells)),
            *(features, _CONFIG, self.proxy.pointer.value, *self.result.pointers),
        )
        self.call = library.XGBoosterPredictFromCSR


class Booster:
    """A trained model that predicts, with the bits of ``xgboost.Booster.predict(DMatrix(x, missing=nan))``.

    All its trees count, as there. Any number of threads may predict at once. ``outputs`` is None where a row's
    prediction is one number, else how many there are.
    """

    def __init__(self, model: bytes, *, artifact: str | None = None, file: str | None = None) -> None:
        """ArtifactError where the file is damaged or of another format."""
        facts = check(model, artifact=artifact, file=file)
        self.features, self.objective, self.kind, self.trees = (
            facts.features,
            facts.objective,
            facts.booster,
            facts.trees,
        )
        self._library = _library()
        handle = _Handle(self._library.XGBoosterFree)
        self._library.XGBoosterCreate(None, 0, ctypes.byref(handle.pointer))
        self._handle: _Handle | None = handle
        self._lock = threading.Lock()
        self._row = _Row(self.features)
        # One thread inside the library: starting a team of its own for a row costs more than the row, and its
        # threads then spin. Large batches are divided among threads here instead, which gives the same bits.
        failed = (
            self._library.XGBoosterLoadModelFromBuffer(handle.pointer, model, len(model))
            or self._library.XGBoosterSetParam(handle.pointer, b"nthread", b"1")
        )  # fmt: skip
        try:
            if failed:
                raise SkewlessError(_reason())
            # The first prediction sets the library up, which it does not do safely from two threads at once.
            made = self._predict(np.full((1, self.features), np.nan, np.float32))
        except SkewlessError as error:
            self.close()
            raise ArtifactError(
                f"XGBoost cannot use this model: {error.message}", artifact=artifact, file=file
            ) from None
        self.outputs = None if made.ndim == 1 else made.shape[1]

    def predict(self, rows: Floats) -> Floats:
        """Predictions for a C-contiguous float32 matrix: a vector, or a matrix where a row has several.

        NaN is missing. ValueRefused for a wrong number of features and for infinity, which the library would take
        without a word here, but refuses in training.
        """
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise self.shape_error(rows.shape[-1])
        rows = np.ascontiguousarray(rows, np.float32)
        infinite = np.isinf(rows)
        if infinite.any():
            row, column = np.argwhere(infinite)[0].tolist()
            raise _infinite(column, row + 1, float(rows[row, column]))
        if not len(rows):
            return np.zeros((0,) if self.outputs is None else (0, self.outputs), np.float32)
        threads = min(_processors(), len(rows) * self.trees // (TREES_FOR_THREADS // 2))
        if threads < 2:
            return self._predict(rows)
        parts = np.array_split(rows, threads)
        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(self._predict, parts)))

    def predict_row(self, values: Sequence[float]) -> float | list[float]:
        """The prediction for one row: the same bits as `predict`, as Python floats."""
        if len(values) != self.features:
            raise self.shape_error(len(values))
        total = sum(values)
        if total - total != 0.0 and (inf in values or -inf in values):
            self._refuse_infinite(values)
        row = self._row
        try:
            row.pack(row.buffer, 0, *values)
        except OverflowError:
            self._refuse_infinite(values)
        handle = self._open()
        if self.kind != "gbtree":
            made: float | list[float] = self._predict_matrix(handle, row.cells.reshape(1, -1))[0].tolist()
            return made
        if row.call(handle.pointer, *row.arguments):
            raise SkewlessError(_reason())
        values_made = row.result.values
        return values_made[0] if self.outputs is None else values_made[: self.outputs]

    def close(self) -> None:
        """Give the model back; a second call does nothing."""
        self._handle = None

    def shape_error(self, got: int) -> ValueRefused:
        """The refusal of a row with another number of features, in the library's words."""
        return ValueRefused(
            f"{REFUSED}Feature shape mismatch, expected: {self.features}, got {got}",
            value=got,
            hint=f"Send {self.features} features for each row, without the label.",
        )

    def _open(self) -> _Handle:
        handle = self._handle
        if handle is None:
            raise SkewlessError("the model is closed")
        return handle

    def _predict(self, rows: Floats) -> Floats:
        handle = self._open()
        if self.kind != "gbtree":
            return self._predict_matrix(handle, rows)
        result = _Result()
        if self._library.XGBoosterPredictFromDense(
            handle.pointer, _interface(rows), _CONFIG, self._row.proxy.pointer, *result.pointers
        ):
            raise SkewlessError(_reason())
        return result.copy()

    def _predict_matrix(self, handle: _Handle, rows: Floats) -> Floats:
        """By way of the library's own matrix, and one thread at a time, as these boosters need.

        A linear one predicts in no other way; a dart one can, but rounds otherwise then (measured: one row in some
        hundreds differs in the last bits).
        """
        matrix = _Handle(self._library.XGDMatrixFree)
        result = _Result()
        with self._lock:
            if self._library.XGDMatrixCreateFromDense(
                _interface(rows), _DENSE_CONFIG, ctypes.byref(matrix.pointer)
            ) or self._library.XGBoosterPredictFromDMatrix(
                handle.pointer, matrix.pointer, _CONFIG, *result.pointers
            ):
                raise SkewlessError(_reason())
            return result.copy()

    def _refuse_infinite(self, values: Sequence[float]) -> None:
        with np.errstate(over="ignore"):
            narrow = np.asarray(values, np.float64).astype(np.float32)
        column = int(np.flatnonzero(np.isinf(narrow))[0])
        raise _infinite(column, 1, values[column])


def _infinite(column: int, row: int, value: float) -> ValueRefused:
    return ValueRefused(
        INFINITE,
        column=f"f{column}",
        row=row,
        value=value,
        hint="Leave the cell empty where the value is missing; numbers go up to 3.4028235e38.",
    )


def _interface(array: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """What the library must know of an array; the caller keeps the array alive."""
    about = {
        "data": [array.ctypes.data, True],
        "shape": list(array.shape),
        "typestr": array.dtype.str,
        "version": 3,
    }
    return json.dumps(about).encode()


def _processors() -> int:
    """The processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
