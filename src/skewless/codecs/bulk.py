"""Texts of whole columns, and the bodies made of them, without a Python object for each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from skewless.arrow import pc
from skewless.javatext import double_text, float_text
from skewless.schema import Base
from skewless.table import Numbers

TEXT: Final = pa.large_string()
"""Of a body over 2 GiB, too, every text has a place."""

_JAVA: Final = (1e-3, 1e7)
_PYTHON: Final = (1e-4, 1e16)
"""Between these two, numbers are written without an exponent."""
_LOOKED_AT: Final = 4096
_FEW: Final = 8
"""Numbers that come so many times each, on average, are written once each."""
_NEEDS_QUOTES: Final = '[,"\r\n]|^$'


def java_texts(numbers: Numbers, base: Base) -> pa.Array:
    """The text of each number or boolean, as Java writes it."""
    if base not in (Base.DOUBLE, Base.FLOAT):
        return pa.array(numbers).cast(TEXT)
    return _texts(numbers, float_text if base is Base.FLOAT else double_text, _JAVA)


def python_texts(numbers: Numbers) -> pa.Array:
    """The text of each double, as Python writes it."""
    return _texts(numbers, repr, _PYTHON)


def _texts(numbers: Numbers, text_of: Callable[[float], str], plain: tuple[float, float]) -> pa.Array:
    bits = numbers.view(
        np.int64 if numbers.dtype == np.float64 else np.int32
    )  # tells zeros apart, and keeps NaN
    if len(set(bits[:_LOOKED_AT].tolist())) * _FEW <= min(len(bits), _LOOKED_AT):
        coded = pa.array(bits).dictionary_encode()
        distinct = coded.dictionary.to_numpy().view(numbers.dtype)
        return _each(distinct, text_of, plain).take(coded.indices)
    return _each(numbers, text_of, plain)


def _each(numbers: Numbers, text_of: Callable[[float], str], plain: tuple[float, float]) -> pa.Array:
    """Arrow finds the same shortest digits, and lays them out in the same way where it needs no exponent."""
    size = np.abs(numbers)
    texts = pa.array(numbers).cast(TEXT)
    texts = pc.if_else(pc.match_substring(texts, "."), texts, _glued(texts, ".0"))
    other = ~(((size >= plain[0]) & (size < plain[1])) | (numbers == 0))
    other |= pc.match_substring(texts, "e").to_numpy(zero_copy_only=False)
    if not other.any():
        return texts
    told = pa.array([text_of(float(number)) for number in numbers[other]], TEXT)
    return pc.replace_with_mask(texts, pa.array(other), told)


def quoted_texts(texts: pa.Array) -> pa.Array:
    """Each text as a CSV field that reads back the same, alone on a line too."""
    if pa.types.is_dictionary(texts.type):
        return pa.DictionaryArray.from_arrays(texts.indices, quoted_texts(texts.dictionary))
    texts = texts.cast(TEXT)
    needs = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(needs).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needs, _glued('"', doubled, '"'), texts)


def side_by_side(texts: Sequence[pa.Array], between: str) -> pa.Array:
    """The texts of each row in one."""
    parts = [part for text in texts for part in (between, text)]
    return _glued(*parts[1:])


def grouped(texts: pa.Array, size: int, between: str) -> pa.Array:
    """So many texts in one, each time."""
    offsets = np.arange(0, len(texts) + 1, size, dtype=np.int64)
    return pc.binary_join(
        pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), texts), pa.scalar(between, TEXT)
    )


def _glued(*parts: pa.Array | str) -> pa.Array:
    """The texts of each row after each other; a part that is one text is every row's."""
    told = [pa.scalar(part, TEXT) if isinstance(part, str) else part.cast(TEXT) for part in parts]
    return pc.binary_join_element_wise(*told, pa.scalar("", TEXT))


def body_of(texts: pa.Array, before: str = "", after: str = "", between: str = "\n") -> bytes:
    """All texts in one, each with something around it and something between them."""
    if pa.types.is_dictionary(texts.type):
        ended = _glued(before, texts.dictionary, after + between).take(texts.indices)
    else:
        ended = _glued(before, texts, after + between)
    if not len(ended):
        return b""
    if isinstance(ended, pa.ChunkedArray):
        ended = pa.concat_arrays(ended.chunks)
    _, offsets, data = ended.buffers()
    places = np.frombuffer(offsets, np.int64)
    start, end = (int(places[place]) for place in (ended.offset, ended.offset + len(ended)))
    made: bytes = data[start : end - len(between.encode())].to_pybytes()
    return made
