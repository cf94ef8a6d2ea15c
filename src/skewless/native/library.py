"""The compiled kernels through ctypes: one table of what there is, and who keeps the interpreter's lock."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any, Final

from skewless.errors import SettingError

FILE: Final = Path(__file__).with_name("kernels.so")

_POINTER: Final = ctypes.c_void_p
_LONG: Final = ctypes.c_int64
_INT: Final = ctypes.c_int32
_FORESTS: Final = (_POINTER, _POINTER, _LONG, _LONG, _INT, _POINTER)
# The result first, then what is given.
_BATCH: Final[dict[str, tuple[Any, ...]]] = {
    "skewless_sources": (ctypes.c_char_p,),
    "skewless_forest_f32": (ctypes.c_int, *_FORESTS),
    "skewless_forest_f64": (ctypes.c_int, *_FORESTS),
    "skewless_ask": (ctypes.c_int, _POINTER, _POINTER, _LONG, _LONG, _POINTER, _POINTER),
    "skewless_transform": (None, _POINTER, _LONG, _INT, _INT),
    "skewless_products": (None, _POINTER, _POINTER, _LONG, _POINTER, _POINTER),
    "skewless_products_csr": (ctypes.c_int, *(_POINTER,) * 4, _LONG, _POINTER, _POINTER),
    "skewless_pairs": (None, _POINTER, _POINTER, _POINTER, _LONG, _POINTER),
    "skewless_columns": (None, _POINTER, _LONG, _POINTER, _LONG, _POINTER, _POINTER),
    "skewless_each": (None, _POINTER, _POINTER, _LONG, _POINTER),
    "skewless_fields": (_LONG, ctypes.c_char_p, _LONG, _POINTER, _INT),
    "skewless_gather": (None, ctypes.c_char_p, _POINTER, _POINTER, _LONG, _POINTER),
    "skewless_codes": (_LONG, _POINTER, _LONG, _POINTER, _INT, _POINTER, _LONG, _LONG, _POINTER, _POINTER),
    "skewless_lines": (_LONG, ctypes.c_char_p, _LONG),
    "skewless_place": (None, _POINTER, _LONG, _POINTER, _LONG, _POINTER, _LONG),
}
_ROW: Final[dict[str, tuple[Any, ...]]] = {
    "skewless_forest_row_f64": (ctypes.c_int, _POINTER, _POINTER, _POINTER),
    "skewless_ask_number": (ctypes.c_double, _POINTER, _POINTER),
    "skewless_ask_row": (ctypes.c_int, _POINTER, _POINTER, _POINTER),
    "skewless_product": (ctypes.c_double, _POINTER, _POINTER),
    "skewless_products": _BATCH["skewless_products"],
    "skewless_columns": _BATCH["skewless_columns"],
    "skewless_logf": (ctypes.c_float, ctypes.c_float),
    "skewless_count": (None, _POINTER),
}


@functools.cache
def kernels() -> Any:
    """The kernels for batches, which run without the interpreter's lock. SettingError where there is no library."""
    return _loaded(ctypes.CDLL, _BATCH)


@functools.cache
def row_kernels() -> Any:
    """The kernels for one row, which keep the lock: some 100 ns less a call. SettingError as of `kernels`."""
    return _loaded(ctypes.PyDLL, _ROW)


def _loaded(loader: Any, signatures: dict[str, tuple[Any, ...]]) -> Any:
    try:
        library = loader(str(FILE))
        for name, (result, *given) in signatures.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, given
    except (OSError, AttributeError) as error:
        raise SettingError(
            f"the compiled kernels cannot be used: {error}",
            hint="In a checkout run: make setup. Elsewhere: pip install --force-reinstall skewless.",
        ) from None
    return library
