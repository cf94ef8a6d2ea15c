"""Documents that hold XGBoost's models, JSON and UBJSON, as plain objects; nothing of them is believed yet."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

_DEEPEST: Final = 64


class Unsound(Exception):
    """What is wrong with a model file; ``foreign`` where it is none at all."""

    def __init__(self, what: str, *, foreign: bool = False) -> None:
        super().__init__(what)
        self.foreign = foreign


def read(data: bytes) -> Any:
    """A JSON or UBJSON document as Python objects, UBJSON's number arrays as numpy arrays; Unsound otherwise."""
    if not data:
        raise Unsound("the file is empty")
    if re.match(rb'\{[ \t\r\n]*["}]', data):
        return _json(data)
    return _Ubj(data).document()


def _json(data: bytes) -> Any:
    """As Python's own reader has it, in a third of its time; that one judges whatever the quicker one does not take."""
    try:
        made = msgspec.json.decode(data)
        # It would keep the last value of a name that occurs twice: there are never fewer of these than names in text.
        if _names_in(made) == _most_names(data):
            return made
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(data, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise Unsound(f"its JSON ends early or is malformed ({error})") from None


_ENDS: Final = re.compile(rb'"[ \t\r\n]*:')
_ESCAPED: Final = re.compile(rb'\\"[ \t\r\n]*:')


def _most_names(data: bytes) -> int:
    """How many names stand in JSON, or more: quotes before a colon that are not escaped, by a backslash of its own."""
    return len(_ENDS.findall(data)) - len(_ESCAPED.findall(data)) + data.count(rb'\\"')


def _names_in(value: Any) -> int:
    """The names of all objects in a document; lists are of objects, of lists, or of neither."""
    if isinstance(value, dict):
        return len(value) + sum(map(_names_in, value.values()))
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value[:1]):
        return sum(map(_names_in, value))
    return 0


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return made


class _Ubj:
    """A reader for the UBJSON that XGBoost writes. Nothing is allocated that the file does not itself hold."""

    _NUMBERS: Final = {
        b"i": struct.Struct(">b"),
        b"U": struct.Struct(">B"),
        b"I": struct.Struct(">h"),
        b"l": struct.Struct(">i"),
        b"L": struct.Struct(">q"),
        b"d": struct.Struct(">f"),
        b"D": struct.Struct(">d"),
    }
    _ARRAYS: Final = {
        b"i": ">i1",
        b"U": ">u1",
        b"I": ">i2",
        b"l": ">i4",
        b"L": ">i8",
        b"d": ">f4",
        b"D": ">f8",
    }
    _CONSTANTS: Final[Mapping[bytes, Any]] = {b"Z": None, b"T": True, b"F": False}

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def document(self) -> Any:
        made = self._value(self._take(1), 0)
        if self.at != len(self.data):
            raise Unsound(f"{len(self.data) - self.at} bytes follow its end")
        return made

    def _take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.data) - self.at:
            raise Unsound(f"it ends early, or a length at byte {self.at} is wrong")
        self.at += size
        return self.data[self.at - size : self.at]

    def _length(self) -> int:
        if self._take(1) != b"L":
            raise Unsound(f"there is no length at byte {self.at - 1}")
        return int(self._NUMBERS[b"L"].unpack(self._take(8))[0])

    def _text(self) -> str:
        try:
            return self._take(self._length()).decode()
        except UnicodeDecodeError:
            raise Unsound(f"the text before byte {self.at} is not UTF-8") from None

    def _value(self, marker: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise Unsound("it is nested too deeply")
        if marker == b"{":
            return self._object(depth + 1)
        if marker == b"[":
            return self._array(depth + 1)
        if marker == b"S":
            return self._text()
        if marker in self._NUMBERS:
            number = self._NUMBERS[marker]
            return number.unpack(self._take(number.size))[0]
        if marker in self._CONSTANTS:
            return self._CONSTANTS[marker]
        raise Unsound(f"there is an unknown type {marker!r} at byte {self.at - 1}")

    def _object(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while self._take(1) != b"}":
            self.at -= 1
            name = self._text()
            if name in made:
                raise Unsound(f"{name} occurs twice in one object")
            made[name] = self._value(self._take(1), depth)
        return made

    def _array(self, depth: int) -> Any:
        marker = self._take(1)
        if marker == b"$":
            kind = self._take(1)
            if kind not in self._ARRAYS or self._take(1) != b"#":
                raise Unsound(f"there is a malformed array at byte {self.at - 1}")
            dtype = np.dtype(self._ARRAYS[kind])
            count = self._length()
            start = self.at
            self._take(count * dtype.itemsize)
            return np.frombuffer(self.data, dtype, count, start)
        if marker == b"#":
            count = self._length()
            if not 0 <= count <= len(self.data) - self.at:
                raise Unsound(f"the length at byte {self.at} is wrong")
            return [self._value(self._take(1), depth) for _ in range(count)]
        made = []
        while marker != b"]":
            made.append(self._value(marker, depth))
            marker = self._take(1)
        return made
