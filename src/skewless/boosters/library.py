"""XGBoost's native library through ctypes: what of it is called, and what it hands out.

The xgboost package itself is never imported: it brings scipy, pandas and scikit-learn where they are installed, and two
seconds of start-up.
"""

from __future__ import annotations

import ctypes
import functools
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import SettingError

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Columns: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]

_LIBRARIES: Final = ("libxgboost.so", "libxgboost.dylib", "xgboost.dll")
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
    "XGDMatrixCreateFromCSR": (
        *(ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_char_p),
        _POINTER,
    ),
    "XGDMatrixSetInfoFromInterface": (_POINTER, ctypes.c_char_p, ctypes.c_char_p),
    "XGProxyDMatrixCreate": (_POINTER,),
    "XGDMatrixFree": (_POINTER,),
}


@functools.cache
def library() -> ctypes.CDLL:
    """The native library of the installed xgboost package. SettingError where there is none."""
    spec = find_spec("xgboost")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [Path(folder, "lib", name) for folder in folders for name in _LIBRARIES]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        where = f"in {', '.join(folders)}" if folders else "here"
        raise SettingError(f"XGBoost's library is not {where}", hint="Install it: pip install xgboost-cpu.")
    try:
        loaded = ctypes.CDLL(str(found))
        for name, kinds in _SIGNATURES.items():
            getattr(loaded, name).argtypes = kinds
    except (OSError, AttributeError) as error:
        raise SettingError(
            f"XGBoost's library cannot be used: {error}", hint="Install xgboost-cpu 3.2 anew."
        ) from None
    loaded.XGBGetLastError.restype = ctypes.c_char_p
    return loaded


def reason() -> str:
    """What the library said about this thread's last failure: the first line, without its own source's place."""
    said = (library().XGBGetLastError() or b"").decode(errors="replace").strip()
    return _PLACE.sub("", said.partition("\n")[0]) or "no reason given"


class Handle:
    """Something the library holds; given back when nothing here refers to it any more.

    A call under way holds a reference, so closing a booster in one thread never pulls it from under another.
    """

    def __init__(self, free: Any) -> None:
        self.pointer = ctypes.c_void_p()
        self._free = free

    def __del__(self) -> None:
        if self.pointer.value:
            self._free(self.pointer)


class Result:
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


def interface(array: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """What the library must know of an array; the caller keeps the array alive."""
    about = {
        "data": [array.ctypes.data, True],
        "shape": list(array.shape),
        "typestr": array.dtype.str,
        "version": 3,
    }
    return json.dumps(about).encode()
