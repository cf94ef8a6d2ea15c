"""The model inside a Python pickle of an XGBoost booster, without unpickling: nothing it names is imported or called.

A pickle is a program for a small machine. This reader runs those of its operations that put together texts, numbers,
tuples, lists and dicts, and keeps what the program would create as a mere shell: the name, and the state given to it.
Bytes that were written as text (`_codecs.encode`, `bytearray`) are the two calls it computes itself.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from skewless.boosters.documents import Unsound

_BOOSTER: Final = "xgboost.core Booster"
_OURS: Final = ("xgboost.core ", "xgboost.sklearn ")
_OTHERS: Final = frozenset(
    {
        "numpy ndarray",
        "numpy dtype",
        "numpy.core.multiarray _reconstruct",
        "numpy.core.multiarray scalar",
        "numpy._core.multiarray _reconstruct",
        "numpy._core.multiarray scalar",
        "sklearn.preprocessing.label LabelEncoder",
        "sklearn.preprocessing._label LabelEncoder",
        "xgboost.compat XGBoostLabelEncoder",
        "collections OrderedDict",
        "collections defaultdict",
        "builtins dict",
        "__builtin__ dict",
        "builtins object",
        "__builtin__ object",
    }
)
"""What scikit-learn's wrapper of a booster holds besides it; shells, whose insides are of no use here."""
_BYTEARRAY: Final = ("builtins bytearray", "__builtin__ bytearray")
_BYTES: Final = ("builtins bytes", "__builtin__ bytes")
_CREATE: Final = ("copy_reg _reconstructor", "copyreg _reconstructor")
_ENCODE: Final = "_codecs encode"
_MOST_OPERATIONS: Final = 10_000_000


class Pickled(NamedTuple):
    """What a pickle holds of a booster: its model file, and how many trees a class counts (0 for all)."""

    model: bytes
    limit: int = 0


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(slots=True, eq=False)
class _Shell:
    """Something that unpickling would create."""

    name: str
    state: dict[Any, Any] = field(default_factory=dict)


_MARK: Final = object()


def model_in(data: bytes) -> Pickled:
    """The model of a pickled `xgboost.Booster`, or of one of its scikit-learn wrappers.

    Unsound where it is no such pickle, naming what else it would create or call.
    """
    found = _run(data)
    limit = 0
    if isinstance(found, _Shell) and found.name.startswith("xgboost.sklearn "):
        missing = found.state.get("missing")
        if isinstance(missing, int | float) and missing == missing:
            raise Unsound(
                f"this pickled model takes {missing} for missing, which no file tells", foreign=True
            )
        found = found.state.get("_Booster")
    if not isinstance(found, _Shell) or found.name != _BOOSTER:
        raise Unsound("this is a Python pickle, but of no XGBoost model; nothing in it was run", foreign=True)
    handle, trees = found.state.get("handle"), found.state.get("best_ntree_limit")
    if not isinstance(handle, bytes) or not handle:
        raise Unsound("it is a pickle of a booster without a model")
    if type(trees) is int and trees > 0:
        limit = trees
    return Pickled(handle, limit)


def _run(data: bytes) -> Any:
    machine = _Machine()
    try:
        for number, (operation, argument, _) in enumerate(pickletools.genops(data)):
            if operation.name == "STOP":
                return machine.pop()
            if number > _MOST_OPERATIONS:
                raise Unsound("it is a pickle of too many operations")
            machine.step(operation.name, argument)
    except (
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        UnicodeError,
        OverflowError,
    ) as error:
        raise Unsound(f"it is a damaged pickle ({type(error).__name__}: {str(error)[:80]})") from None
    raise Unsound("it is a pickle that ends early")


class _Machine:
    """The stack and the memory of the pickle machine."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """One operation."""
        if name in _IGNORED:
            return
        if name in _VALUES:
            self.stack.append(_VALUES[name](argument))
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise Unsound(
                f"this pickle has the operation {name}, which no pickled XGBoost model needs", foreign=True
            )

    def pop(self) -> Any:
        return self.stack.pop()

    def items(self) -> list[Any]:
        """What is above the last mark, which goes too."""
        at = max(place for place, one in enumerate(self.stack) if one is _MARK)
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def push_global(self, name: str) -> None:
        known = (*_BYTEARRAY, *_BYTES, *_CREATE, _ENCODE)
        if not (name in known or name in _OTHERS or name.startswith(_OURS)):
            raise Unsound(
                f"this pickle would use {name.replace(' ', '.', 1)!r}, which is no part of an XGBoost model; "
                "nothing in it was run",
                foreign=True,
            )
        self.stack.append(_Global(name))

    def put(self, place: Any) -> None:
        self.memory[int(place)] = self.stack[-1]

    def set_items(self, pairs: list[Any]) -> None:
        """Of a dict; a shell's are kept as its state."""
        target = self.stack[-1]
        into = target.state if isinstance(target, _Shell) else target
        for key, value in _entries(pairs):
            into[key] = value

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, _Shell):
            raise TypeError("items for what is no list")

    def call(self) -> None:
        arguments, called = self.pop(), self.pop()
        self.stack.append(_called(called, arguments))

    def create(self) -> None:
        self.pop()
        self.stack.append(_Shell(self.pop().name))

    def create_with(self) -> None:
        self.pop()
        self.create()

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, _Shell) and isinstance(state, dict):
            target.state.update(state)
        elif not isinstance(target, _Shell):
            raise TypeError("a state for what is no object")


def _called(called: Any, arguments: Any) -> Any:
    """What a call gives: bytes are made, everything else is a shell of the class or function."""
    if not isinstance(called, _Global) or not isinstance(arguments, tuple):
        raise TypeError("a call of what is no name")
    if called.name == _ENCODE:
        text, encoding = arguments
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise ValueError("an encoding other than latin1")
        return text.encode("latin-1")
    if called.name in _BYTEARRAY + _BYTES:
        if not arguments:
            return b""
        if isinstance(arguments[0], bytes) and len(arguments) == 1:
            return arguments[0]
        return _called(_Global(_ENCODE), arguments)
    if called.name in _CREATE:
        return _Shell(arguments[0].name)
    return _Shell(called.name)


def _itself(argument: Any) -> Any:
    return argument


_IGNORED: Final = frozenset({"PROTO", "FRAME"})
_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(
        (
            *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
            *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
            *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        ),
        _itself,
    ),
    "BYTEARRAY8": bytes,
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _MARK,
}


def _entries(pairs: list[Any]) -> Iterator[tuple[Any, Any]]:
    """A dict's; other keys than these would have to be hashed, which a tuple of tuples of tuples … takes years for."""
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | bytes | int | float | None):
            raise TypeError("a key that is neither text nor number")
        yield key, value


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    def made(machine: _Machine, _: Any) -> None:
        machine.stack[len(machine.stack) - count :] = [tuple(machine.stack[-count:])]

    return made


def _pair(machine: _Machine) -> list[Any]:
    value, key = machine.pop(), machine.pop()
    return [key, value]


_STEPS: Final[Mapping[str, Callable[[_Machine, Any], Any]]] = {
    "GLOBAL": lambda machine, name: machine.push_global(name),
    "STACK_GLOBAL": lambda machine, _: machine.push_global(" ".join(_pair(machine))),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.items())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "LIST": lambda machine, _: machine.stack.append(machine.items()),
    "DICT": lambda machine, _: machine.stack.append(dict(_entries(machine.items()))),
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.items()),
    "SETITEM": lambda machine, _: machine.set_items(_pair(machine)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.items()),
    "PUT": lambda machine, place: machine.put(place),
    "BINPUT": lambda machine, place: machine.put(place),
    "LONG_BINPUT": lambda machine, place: machine.put(place),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memory)),
    "GET": lambda machine, place: machine.stack.append(machine.memory[int(place)]),
    "BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.items(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.create(),
    "NEWOBJ_EX": lambda machine, _: machine.create_with(),
    "BUILD": lambda machine, _: machine.build(),
}
