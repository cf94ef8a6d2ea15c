"""The operators and functions by the names that expressions use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP
from typing import Final, TypeAlias

from skewless.ops import strict_math
from skewless.ops.sql import arithmetic, calendar, logic, maths, texts
from skewless.ops.sql.kinds import BOOLEAN, DATE, DOUBLE, INT, STRING
from skewless.ops.sql.typed import Rules, Typed, constant, strict

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

_enter("like", texts.like, 2, 3)
_enter("ilike", texts.ilike, 2, 3)
_enter("rlike regexp regexp_like", texts.rlike, 2)
_enter("concat", texts.concat, 1, _MANY)
_enter("concat_ws", texts.concat_ws, 1, _MANY)
_enter("lower lcase", texts.of_texts(STRING, str.lower), 1)
_enter("upper ucase", texts.of_texts(STRING, str.upper), 1)
_enter("initcap", texts.of_texts(STRING, texts.initcap), 1)
_enter("reverse", texts.of_texts(STRING, lambda value: value[::-1]), 1)
_enter("length len char_length character_length", texts.of_texts(INT, len), 1)
_enter("ascii", texts.of_texts(INT, lambda value: ord(value[0]) if value else 0), 1)
_enter("trim", texts.trim, 1)
_enter("btrim", texts.trim, 1, 2)
_enter("ltrim", texts.ltrim, 1, 2)
_enter("rtrim", texts.rtrim, 1, 2)
_enter("substring substr", texts.of_text_and_numbers(texts.substring), 2, 3)
_enter("left", texts.of_text_and_numbers(texts.left), 2)
_enter("right", texts.of_text_and_numbers(texts.right), 2)
_enter("repeat", texts.of_text_and_numbers(texts.repeat), 2)
_enter("instr", texts.of_texts(INT, texts.instr), 2)
_enter("locate position", texts.locate_call, 2, 3)
_enter("replace", texts.of_texts(STRING, texts.replace), 2, 3)
_enter("translate", texts.of_texts(STRING, texts.translate), 3)
_enter("lpad", texts.padded(texts.pad_left), 2, 3)
_enter("rpad", texts.padded(texts.pad_right), 2, 3)
_enter("startswith", texts.of_texts(BOOLEAN, str.startswith), 2)
_enter("endswith", texts.of_texts(BOOLEAN, str.endswith), 2)
_enter("contains", texts.of_texts(BOOLEAN, str.__contains__), 2)

for _name, _function in (
    ("year", calendar.year),
    ("month", calendar.month),
    ("mon", calendar.month),
    ("day", calendar.day),
    ("dayofmonth", calendar.day),
    ("quarter", calendar.quarter),
    ("weekday", calendar.weekday),
    ("dayofweek", calendar.day_of_week),
    ("dayofyear", calendar.day_of_year),
    ("doy", calendar.day_of_year),
    ("weekofyear", calendar.week_of_year),
    ("week", calendar.week_of_year),
    ("unix_date", lambda days: days),
):
    _enter(_name, calendar.part(_function), 1)
_enter("to_date", calendar.to_date, 1, 2)
_enter("date", lambda parts, rules: calendar.date(parts[0], rules), 1)
_enter("date_add dateadd", calendar.add_days(1), 2)
_enter("date_sub", calendar.add_days(-1), 2)
_enter("datediff date_diff", calendar.difference, 2)
_enter("add_months", calendar.moved, 2)
_enter("months_between", calendar.months_between, 2)
_enter("trunc", calendar.truncated, 2)
_enter("make_date", calendar.made, 3)
_enter("last_day", lambda parts, rules: strict(DATE, calendar.last_day, calendar.date(parts[0], rules)), 1)

_enter("sqrt", maths.of_doubles(maths.square_root), 1)
_enter("sign signum", maths.of_doubles(maths.sign), 1)
_enter("exp", maths.of_doubles(strict_math.exp), 1)
_enter("expm1", maths.of_doubles(strict_math.expm1), 1)
_enter("ln", maths.of_doubles(maths.natural_log), 1)
_enter("log", maths.of_doubles(maths.log), 1, 2)
_enter("log2", maths.of_doubles(lambda value: maths.log(2.0, value)), 1)
_enter("log10", maths.of_doubles(maths.log10), 1)
_enter("log1p", maths.of_doubles(maths.log1p), 1)
_enter("pow power", maths.of_doubles(strict_math.power), 2)
_enter("rint", maths.of_doubles(maths.nearest), 1)
_enter("degrees", maths.of_doubles(maths.to_degrees), 1)
_enter("radians", maths.of_doubles(maths.to_radians), 1)
_enter("floor", maths.floor_or_ceiling(ROUND_FLOOR), 1)
_enter("ceil ceiling", maths.floor_or_ceiling(ROUND_CEILING), 1)
_enter("round", maths.rounded_to(ROUND_HALF_UP), 1, 2)
_enter("bround", maths.rounded_to(ROUND_HALF_EVEN), 1, 2)
_enter("e", lambda parts, rules: constant(DOUBLE, math.e, literal=False), 0)
_enter("pi", lambda parts, rules: constant(DOUBLE, math.pi, literal=False), 0)
