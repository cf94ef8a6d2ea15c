"""Expressions as a bundle keeps them, plain JSON, and what they mean for columns of given types.

An expression is a list that begins with a word: ``["column", 0]`` (an input port's number), ``["number", "0.5"]``,
``["string", "a"]``, ``["boolean", true]``, ``["null"]``, ``["cast", expression, type]`` and ``try_cast`` likewise (a
type is a name, or ``["decimal", 10, 2]``), or an operator or function by name with its arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from skewless.javatext import parse_float
from skewless.ops.sql import kinds
from skewless.ops.sql.casts import cast
from skewless.ops.sql.functions import FUNCTIONS
from skewless.ops.sql.kinds import BOOLEAN, BYTE, DOUBLE, FLOAT, INT, LONG, SHORT, STRING, Kind, Untyped
from skewless.ops.sql.typed import NULL, Rules, Typed, constant

_NUMBER: Final = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)([LlSsYyDdFf]|[Bb][Dd]|)", re.ASCII)
_WHOLE: Final = {"L": LONG, "S": SHORT, "Y": BYTE}
_CASTS: Final = ("cast", "try_cast")
MOST_DEEP: Final = 200
"""How deep expressions may be nested."""


def check(tree: Any, ports: int, deep: int = 0) -> None:
    """ValueError where this is no expression over so many input ports."""
    if deep > MOST_DEEP:
        raise ValueError(f"it is nested more than {MOST_DEEP} deep")
    if not isinstance(tree, list) or not tree or not isinstance(tree[0], str):
        raise ValueError(f"{_shown(tree)} is no expression")
    word, *rest = tree
    if word in _LEAVES:
        if len(rest) != _LEAVES[word][0] or not all(map(_LEAVES[word][1], rest)):
            raise ValueError(f"{_shown(tree)} is no {word}")
        if word == "column" and not 0 <= rest[0] < ports:
            raise ValueError(f"there is no input port {rest[0]}")
        return
    if word in _CASTS:
        if len(rest) != 2:
            raise ValueError(f"{_shown(tree)} is no {word}")
        _kind(rest.pop())
    elif word not in FUNCTIONS:
        raise ValueError(f"{word!r} is not one this version knows")
    for part in rest:
        check(part, ports, deep + 1)


def _shown(tree: Any) -> str:
    text = json.dumps(tree)
    return text if len(text) <= 80 else f"{text[:80]}…"


_LEAVES: Final[dict[str, tuple[int, Callable[[Any], bool]]]] = {
    "null": (0, bool),
    "boolean": (1, lambda value: isinstance(value, bool)),
    "number": (1, lambda value: isinstance(value, str) and _NUMBER.fullmatch(value) is not None),
    "string": (1, lambda value: isinstance(value, str)),
    "column": (1, lambda value: isinstance(value, int) and not isinstance(value, bool)),
}


def _kind(written: Any) -> Kind:
    """A type as written in a CAST. ValueError where it is none."""
    try:
        if isinstance(written, str):
            return kinds.named(written)
        name, precision, scale = written
        if name != "decimal" or not isinstance(precision, int) or not isinstance(scale, int):
            raise ValueError(f"{_shown(written)} is no type")
    except (TypeError, Untyped):
        raise ValueError(f"{_shown(written)} is no type") from None
    return kinds.named(name, precision, scale)


def columns_of(tree: Any) -> Iterator[int]:
    """The input ports that an expression reads, from the left."""
    if tree[0] == "column":
        yield tree[1]
    for part in tree[1:]:
        if isinstance(part, list) and part[0] != "decimal":
            yield from columns_of(part)


def compile_tree(tree: Any, columns: Sequence[Kind], rules: Rules) -> Typed:
    """The expression for columns of these kinds. Untyped where it has no meaning for them."""
    word, *rest = tree
    if word == "column":
        return _column(rest[0], columns[rest[0]])
    if word == "number":
        return number(rest[0])
    if word == "string":
        return constant(STRING, rest[0])
    if word == "boolean":
        return constant(BOOLEAN, rest[0])
    if word == "null":
        return NULL
    if word in _CASTS:
        return cast(compile_tree(rest[0], columns, rules), _kind(rest[1]), rules, attempt=word == "try_cast")
    function = FUNCTIONS[word]
    if not function.least <= len(rest) <= function.most:
        raise Untyped(f"{word} with {len(rest)} arguments")
    return function.build([compile_tree(part, columns, rules) for part in rest], rules)


def _column(port: int, kind: Kind) -> Typed:
    return Typed(kind, lambda cells: cells[port])


def number(text: str) -> Typed:
    """A number as Spark reads it: an exponent makes a double, a point or more digits than a bigint has a decimal."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Untyped(f"{text} is no number")
    digits, suffix = found[1], found[2].upper()
    if suffix == "F":
        return constant(FLOAT, parse_float(digits))
    if suffix == "D" or ("e" in digits.lower() and suffix != "BD"):
        return constant(DOUBLE, float(digits))
    value = Decimal(digits)
    if suffix in _WHOLE:
        return constant(_WHOLE[suffix], int(value))
    if "." not in digits and suffix != "BD":
        for kind in (INT, LONG):
            if -1 << (kinds.BITS[kind] - 1) <= value < 1 << (kinds.BITS[kind] - 1):
                return constant(kind, int(value))
    scale = max(-int(value.as_tuple().exponent), 0)
    precision = max(len(value.as_tuple().digits), scale)
    if precision > kinds.MOST_DIGITS or int(value.as_tuple().exponent) > 0:
        raise Untyped(f"{text} is not supported: it has more than {kinds.MOST_DIGITS} digits, or an exponent")
    return constant(kinds.decimal(precision, scale), value)
