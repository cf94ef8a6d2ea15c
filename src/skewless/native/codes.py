"""Columns of Arrow's texts told by codes, where few of them differ."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from skewless.errors import SkewlessError
from skewless.native.fields import LARGEST, MOST_TEXTS
from skewless.native.library import kernels


def coded(texts: pa.Array) -> pa.DictionaryArray | None:
    """The same texts by codes; None where too many differ, there are none, or what is said of their places is wrong.

    ``texts`` are strings, or large ones, whose buffers are as long as their number asks for (``texts.validate()``). Its
    offsets are looked at, and may say anything. That distinct texts are UTF-8, and that there are as many nulls as it
    says, remains to be seen by validating what is given, in full.
    """
    valid, offsets, data = texts.buffers()
    if not len(texts) or data.size > LARGEST:
        return None
    codes = np.empty(texts.offset + len(texts), np.int32)
    rows = np.empty(MOST_TEXTS, np.int64)
    many = kernels().skewless_codes(
        data.address,
        data.size,
        offsets.address,
        pa.types.is_large_string(texts.type),
        None if valid is None else valid.address,
        texts.offset,
        len(texts),
        codes.ctypes.data,
        rows.ctypes.data,
    )
    if many == -2:
        raise SkewlessError("there is no memory for the texts")
    if many < 0:
        return None
    parts = [valid, pa.py_buffer(codes)]
    indices = pa.Int32Array.from_buffers(pa.int32(), len(texts), parts, texts.null_count, texts.offset)
    return pa.DictionaryArray.from_arrays(indices, texts.take(pa.array(rows[:many])), safe=False)
