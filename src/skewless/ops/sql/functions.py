"""The operators and functions by the names that expressions use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from skewless.ops.sql import arithmetic, logic
from skewless.ops.sql.typed import Rules, Typed

Build: TypeAlias = Callable[[Sequence[Typed], Rules], Typed]

_MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Function:
    """How a call is compiled, and how many arguments it takes."""

    build: Build
    least: int
    most: int


FUNCTIONS: Final[dict[str, Function]] = {}


def _enter(names: str, build: Build, least: int, most: int | None = None) -> None:
    for name in names.split():
        FUNCTIONS[name] = Function(build, least, least if most is None else most)


def _of_one(function: Callable[[Typed, Rules], Typed]) -> Build:
    return lambda parts, rules: function(parts[0], rules)


def _of_two(function: Callable[[Typed, Typed, Rules], Typed]) -> Build:
    return lambda parts, rules: function(parts[0], parts[1], rules)


def _arithmetic(sign: str, attempt: bool = False) -> Build:
    return lambda parts, rules: arithmetic.binary(sign, parts[0], parts[1], rules, attempt)


def _comparison(sign: str) -> Build:
    return lambda parts, rules: logic.compare(sign, parts[0], parts[1], rules)


def _nvl2(parts: Sequence[Typed], rules: Rules) -> Typed:
    there = logic.negated(logic.is_null(parts[0]), rules)
    return logic.case([there, *parts[1:]], rules)


def _between(parts: Sequence[Typed], rules: Rules) -> Typed:
    low = logic.compare(">=", parts[0], parts[1], rules)
    return logic.both(low, logic.compare("<=", parts[0], parts[2], rules), rules)


def _simple_case(parts: Sequence[Typed], rules: Rules) -> Typed:
    """CASE value WHEN …: the value is compared with each."""
    value, *rest = parts
    made = [
        logic.compare("=", value, part, rules) if at % 2 == 0 and at + 1 < len(rest) else part
        for at, part in enumerate(rest)
    ]
    return logic.case(made, rules)


def _truth(truth: bool) -> Build:
    return lambda parts, rules: logic.is_truth(parts[0], truth, rules)


def _not_null(parts: Sequence[Typed], rules: Rules) -> Typed:
    return logic.negated(logic.is_null(parts[0]), rules)


def _unchanged(parts: Sequence[Typed], rules: Rules) -> Typed:
    return arithmetic.as_number(parts[0], rules)


for _sign in ("+", "-", "*", "/", "%", "div", "pmod"):
    _enter(_sign, _arithmetic(_sign), 2)
_enter("mod", _arithmetic("%"), 2)
for _name, _sign in (("add", "+"), ("subtract", "-"), ("multiply", "*"), ("divide", "/"), ("mod", "%")):
    _enter(f"try_{_name}", _arithmetic(_sign, attempt=True), 2)
for _sign in ("=", "<>", "<", "<=", ">", ">=", "<=>"):
    _enter(_sign, _comparison(_sign), 2)
_enter("equal_null", _comparison("<=>"), 2)
_enter("negative", _of_one(arithmetic.negative), 1)
_enter("positive", _unchanged, 1)
_enter("abs", _of_one(arithmetic.absolute), 1)
_enter("and", _of_two(logic.both), 2)
_enter("or", _of_two(logic.either), 2)
_enter("not", _of_one(logic.negated), 1)
_enter("isnull", lambda parts, rules: logic.is_null(parts[0]), 1)
_enter("isnotnull", _not_null, 1)
_enter("istrue", _truth(True), 1)
_enter("isfalse", _truth(False), 1)
_enter("case", logic.case, 2, _MANY)
_enter("simple_case", _simple_case, 3, _MANY)
_enter("if", logic.case, 3)
_enter("coalesce", logic.coalesce, 1, _MANY)
_enter("nvl ifnull", logic.coalesce, 2)
_enter("nvl2", _nvl2, 3)
_enter("nullif", _of_two(logic.nullif), 2)
_enter("isnan", _of_one(logic.is_nan), 1)
_enter("nanvl", _of_two(logic.nan_to), 2)
_enter("in", lambda parts, rules: logic.is_in(parts[0], parts[1:], rules), 2, _MANY)
_enter("between", _between, 3)
_enter("greatest", lambda parts, rules: logic.extreme(parts, ">", rules), 2, _MANY)
_enter("least", lambda parts, rules: logic.extreme(parts, "<", rules), 2, _MANY)
