"""`StageGraph`: a fitted pipeline as plain data, the waist between what reads bundles and what runs them.

Nothing here knows how a bundle is stored or what an op computes. The words follow MLeap's Bundle.ML: a stage has a
name, an op, typed attributes, and sockets that bind the op's ports to columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from skewless.errors import ArtifactError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value:
    """One attribute value.

    ``shape`` is scalar, list or tensor. ``base`` is the payload's type as written (boolean, byte, short, int, long,
    float, double, string, byte_string, basic_type, data_shape, model, tensor), or None for a zero-like scalar, whose
    type a bundle does not keep. ``dims`` are a tensor's dimensions; its data is flat, in storage order (matrices are
    column-major).
    """

    shape: str
    base: str | None
    data: Any
    dims: tuple[int, ...] = ()


_NOTHING: Final = object()


class Attributes(Mapping[str, Value]):
    """An op's attributes with typed access; a wrong type or a missing name raises ArtifactError with the place."""

    __slots__ = ("_values", "file", "stage")

    def __init__(self, values: Mapping[str, Value], *, file: str | None, stage: str | None) -> None:
        self._values = dict(values)
        self.file = file
        self.stage = stage

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def error(self, message: str, hint: str | None = None) -> ArtifactError:
        """An error that carries this place."""
        return ArtifactError(message, file=self.file, stage=self.stage, hint=hint)

    def string(self, name: str, default: str | object = _NOTHING) -> str:
        """A string; an empty one is stored without its type."""
        return str(self._scalar(name, ("string",), "", default, lambda data: isinstance(data, str)))

    def boolean(self, name: str, default: bool | object = _NOTHING) -> bool:
        """A boolean; false is stored without its type."""
        return bool(self._scalar(name, ("boolean",), False, default, lambda d: isinstance(d, bool)))

    def integer(self, name: str, default: int | object = _NOTHING) -> int:
        """A whole number of any width; 3.0 is taken as 3, as MLeap does."""
        return int(self._scalar(name, ("int", "long", "short", "byte"), 0, default, _is_whole))

    def double(self, name: str, default: float | object = _NOTHING) -> float:
        """A floating-point number; null stands for NaN."""
        return float(self._scalar(name, ("double", "float"), 0.0, default, _is_number))

    def strings(self, name: str, default: tuple[str, ...] | object = _NOTHING) -> tuple[str, ...]:
        """A list of strings."""
        return self._list(name, ("string",), default, lambda data: isinstance(data, str))

    def integers(self, name: str, default: tuple[int, ...] | object = _NOTHING) -> tuple[int, ...]:
        """A list of whole numbers."""
        found = self._list(name, ("int", "long", "short", "byte"), default, _is_whole)
        return tuple(int(item) for item in found)

    def doubles(self, name: str, default: tuple[float, ...] | object = _NOTHING) -> tuple[float, ...]:
        """A list of floating-point numbers."""
        found = self._list(name, ("double", "float"), default, _is_number)
        return tuple(float(item) for item in found)

    def shapes(
        self, name: str, default: tuple[Mapping[str, Any], ...] | object = _NOTHING
    ) -> tuple[Mapping[str, Any], ...]:
        """A list of data shapes, each as its JSON object."""
        return self._list(name, ("data_shape",), default, lambda d: isinstance(d, Mapping))

    def tensor(self, name: str) -> Value:
        """A tensor of numbers whose dimensions agree with its data."""
        value = self._get(name, _NOTHING)
        if not isinstance(value, Value) or value.shape != "tensor":
            raise self._mistyped(name, "a tensor", value)
        if math.prod(value.dims) != len(value.data):
            raise self.error(
                f"attribute {name!r} has {len(value.data)} values for dimensions {list(value.dims)}"
            )
        return value

    def _get(self, name: str, default: object) -> Any:
        if name in self._values:
            return self._values[name]
        if default is _NOTHING:
            raise self.error(
                f"attribute {name!r} is missing", "Export the pipeline again, or repair the file."
            )
        return default

    def _scalar(
        self,
        name: str,
        bases: Sequence[str],
        zero: object,
        default: object,
        fits: Callable[[Any], bool],
    ) -> Any:
        value = self._get(name, default)
        if not isinstance(value, Value):
            return value
        if value.shape == "scalar" and value.base is None:
            return zero
        if value.shape != "scalar" or value.base not in bases or not fits(value.data):
            raise self._mistyped(name, f"a single {bases[0]}", value)
        return value.data

    def _list(
        self, name: str, bases: Sequence[str], default: object, fits: Callable[[Any], bool]
    ) -> tuple[Any, ...]:
        value = self._get(name, default)
        if isinstance(value, tuple):
            return value
        if value.shape != "list" or (value.base is not None and value.base not in bases):
            raise self._mistyped(name, f"a list of {bases[0]}", value)
        for position, item in enumerate(value.data):
            if not fits(item):
                raise self.error(
                    f"attribute {name!r} should be a list of {bases[0]}, but its item {position} is {item!r}"
                )
        return tuple(value.data)

    def _mistyped(self, name: str, wanted: str, value: Value) -> ArtifactError:
        found = f"a {value.shape} of {value.base or 'nothing'}"
        return self.error(
            f"attribute {name!r} should be {wanted}, but is {found}",
            "Export the pipeline again, or repair the file.",
        )


def _is_number(data: Any) -> bool:
    return isinstance(data, int | float) and not isinstance(data, bool)


def _is_whole(data: Any) -> bool:
    return _is_number(data) and float(data).is_integer()


@dataclass(frozen=True, slots=True)
class Socket:
    """Binds a port of an op to a column of the frame."""

    port: str
    column: str


@dataclass(frozen=True, slots=True)
class Model:
    """An op with its fitted values: attributes, side files, and sub-models (the trees of a forest, say)."""

    op: str
    attributes: Attributes
    files: Mapping[str, bytes] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One named step. A pipeline (op ``pipeline``) holds its stages in order in ``stages``."""

    name: str
    model: Model
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[Socket, ...] = ()
    stages: tuple[Stage, ...] = ()

    def input(self, *ports: str) -> str | None:
        """The column bound to the first of these ports that is there."""
        return _bound(self.inputs, ports)

    def output(self, *ports: str) -> str | None:
        """The column bound to the first of these ports that is there."""
        return _bound(self.outputs, ports)

    def leaves(self) -> Iterator[Stage]:
        """The stages that compute, in order, with nested pipelines opened."""
        if self.model.op != PIPELINE:
            yield self
        for stage in self.stages:
            yield from stage.leaves()


PIPELINE: Final = "pipeline"

TEMPORARY: Final = "temporary"
"""The attribute of a stage whose columns only later stages read, since the fitting engine drops them."""
OPTIONAL: Final = "optional"
"""The attribute of a stage that is left out where a column that it reads is not given."""


@dataclass(frozen=True, slots=True)
class StageGraph:
    """A whole bundle: its root stage, and who wrote it."""

    root: Stage
    name: str
    uid: str
    version: str
    meta: Mapping[str, Value] = field(default_factory=dict)


def _bound(sockets: tuple[Socket, ...], ports: Sequence[str]) -> str | None:
    for port in ports:
        for socket in sockets:
            if socket.port == port:
                return socket.column
    return None


# Attribute values are written often; these name the common ones.


def string(text: str) -> Value:
    """A string attribute."""
    return Value("scalar", "string", text)


def boolean(flag: bool) -> Value:
    """A boolean attribute."""
    return Value("scalar", "boolean", flag)


def integer(number: int) -> Value:
    """A 32-bit attribute."""
    return Value("scalar", "int", number)


def long(number: int) -> Value:
    """A 64-bit attribute."""
    return Value("scalar", "long", number)


def double(number: float) -> Value:
    """A double attribute."""
    return Value("scalar", "double", number)


def strings(items: Sequence[str]) -> Value:
    """A list of strings."""
    return Value("list", "string", list(items))


def integers(items: Sequence[int]) -> Value:
    """A list of 32-bit numbers."""
    return Value("list", "int", list(items))


def longs(items: Sequence[int]) -> Value:
    """A list of 64-bit numbers."""
    return Value("list", "long", list(items))


def doubles(items: Sequence[float]) -> Value:
    """A list of doubles."""
    return Value("list", "double", list(items))


def shapes(items: Sequence[Mapping[str, Any]]) -> Value:
    """A list of data shapes."""
    return Value("list", "data_shape", list(items))


def tensor(items: Sequence[float], dims: Sequence[int]) -> Value:
    """A tensor of doubles, flat in storage order."""
    return Value("tensor", "double", list(items), tuple(dims))
