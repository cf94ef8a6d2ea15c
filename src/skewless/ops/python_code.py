"""A stage in the user's own Python as data: its source, and what it is fitted to, in files that are never unpickled.

Nothing here executes anything.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np

from skewless.errors import SettingError
from skewless.python_stage import PythonStage, fields_of
from skewless.schema import Field

SOURCE: Final = "stage.py"
TOLD: Final = "stage.json"
_ARRAY: Final = "skewless.array"
"""The key of what stands for an array among the attributes: the number of its file."""
_DTYPES: Final = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float32",
    "float64",
)


class CodeError(Exception):
    """The files are not what `Code.of_files` reads."""


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    """What ``stage.json`` says."""

    name: str = msgspec.field(name="class")
    inputs: dict[str, str]
    outputs: dict[str, str]
    requires: list[str]
    columns: bool
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Code:
    """A class's source with the values of one object of it.

    ``files`` has everything, as it travels: the source, ``stage.json`` and one ``array-N.npy`` for each array. The
    rest is what those say; ``requires`` are distributions as ``name==version``, ``has_columns`` tells whether the class
    has a function for batches.
    """

    files: tuple[tuple[str, bytes], ...]
    class_name: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    requires: tuple[str, ...]
    has_columns: bool

    @classmethod
    def of(cls, stage: PythonStage, source: bytes, requires: Sequence[str], *, columns: bool) -> Code:
        """An object as it is now. SettingError names a wrong declaration, or an attribute that is no plain data."""
        name = type(stage).__name__
        arrays: list[bytes] = []
        told = {
            "class": name,
            "inputs": dict(stage.inputs),
            "outputs": dict(stage.outputs),
            "requires": list(requires),
            "columns": columns,
            "attributes": {key: _plain(value, f"{name}.{key}", arrays) for key, value in vars(stage).items()},
        }
        files = {SOURCE: source, TOLD: json.dumps(told, indent=1).encode()}
        files |= {_array_file(number): data for number, data in enumerate(arrays)}
        return cls.of_files(files)

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Code:
        """What the files say. CodeError or SettingError where they are not what `of` makes."""
        for name in (SOURCE, TOLD):
            if name not in files:
                raise CodeError(f"its file {name} is missing")
        try:
            told = msgspec.convert(json.loads(files[TOLD]), _Told)
        except (ValueError, RecursionError, msgspec.ValidationError) as error:
            raise CodeError(f"its file {TOLD} cannot be read: {error}") from None
        if not told.name.isidentifier():
            raise CodeError(f"{told.name!r} is no name of a class")
        return cls(
            tuple(sorted(files.items())),
            told.name,
            fields_of(told.inputs, f"{told.name}.inputs"),
            fields_of(told.outputs, f"{told.name}.outputs"),
            tuple(told.requires),
            told.columns,
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the listing that ``sha256sum`` gives for all files, sorted by name."""
        lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def source(self) -> str:
        """The module's text."""
        try:
            return dict(self.files)[SOURCE].decode()
        except UnicodeDecodeError as error:
            raise CodeError(f"its file {SOURCE} is not UTF-8: {error}") from None

    def attributes(self) -> dict[str, Any]:
        """The values of the object's attributes, made anew."""
        files = dict(self.files)
        values: dict[str, Any] = _restored(json.loads(files[TOLD])["attributes"], files)
        return values


def _plain(value: Any, where: str, arrays: list[bytes]) -> Any:
    """A value as JSON has it; arrays are added to ``arrays``."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str and _is_utf8(value):
        return value
    if isinstance(value, np.ndarray) and str(value.dtype) in _DTYPES:
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.ascontiguousarray(value).reshape(value.shape), (1, 0), False)
        arrays.append(stream.getvalue())
        return {_ARRAY: len(arrays) - 1}
    if type(value) in (list, tuple):
        return [_plain(item, f"{where}[{number}]", arrays) for number, item in enumerate(value)]
    if type(value) is dict and _ARRAY not in value and all(type(key) is str for key in value):
        return {key: _plain(item, f"{where}[{key!r}]", arrays) for key, item in value.items()}
    raise SettingError(
        f"{where} is {_what(value)}, which does not travel in a bundle",
        hint="Attributes are numbers, strings, booleans, None, lists, dicts with string keys and numpy arrays of "
        "numbers. Keep what else is needed in the module, or make it from those in row.",
    )


def _what(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, dict):
        return "a dict with keys that are no strings"
    return f"a {type(value).__name__}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _restored(value: Any, files: Mapping[str, bytes]) -> Any:
    if isinstance(value, list):
        return [_restored(item, files) for item in value]
    if isinstance(value, dict):
        if _ARRAY in value:
            return _array(files, _array_file(value[_ARRAY]))
        return {key: _restored(item, files) for key, item in value.items()}
    return value


def _array_file(number: Any) -> str:
    return f"array-{number}.npy"


def _array(files: Mapping[str, bytes], name: str) -> Any:
    """An array in numpy's format, whose header is checked before any room is made for it."""
    if name not in files:
        raise CodeError(f"its file {name} is missing")
    stream = io.BytesIO(files[name])
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("it is of another version than 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if fortran or str(dtype) not in _DTYPES:
            raise ValueError(f"it holds {dtype}")
        room = len(files[name]) - stream.tell()
        if math.prod(shape) * dtype.itemsize != room:
            raise ValueError(f"{room} bytes are no {dtype} of shape {shape}")
    except ValueError as error:
        raise CodeError(f"its file {name} cannot be read: {error}") from None
    return np.frombuffer(files[name], dtype, offset=stream.tell()).reshape(shape).copy()
