"""Comparison, three-valued logic, CASE and the null functions.

Source: Spark's predicates.scala, conditionalExpressions.scala and nullExpressions.scala.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from skewless.ops.sql.arithmetic import digits_of
from skewless.ops.sql.casts import cast
from skewless.ops.sql.kinds import BOOLEAN, DOUBLE, FLOAT, STRING, VOID, Kind, Untyped, common_of, compared
from skewless.ops.sql.typed import NULL, Rules, Typed, strict

Test = Callable[[Any, Any], bool]


def _floats_equal(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)


def _floats_less(one: float, other: float) -> bool:
    """NaN is larger than anything, and equal to itself."""
    return one < other or (other != other and one == one)


_TESTS: Final[dict[str, Test]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FLOAT_TESTS: Final[dict[str, Test]] = {
    "=": _floats_equal,
    "<>": lambda one, other: not _floats_equal(one, other),
    "<": _floats_less,
    "<=": lambda one, other: not _floats_less(other, one),
    ">": lambda one, other: _floats_less(other, one),
    ">=": lambda one, other: not _floats_less(one, other),
}


def test_of(sign: str, kind: Kind) -> Test:
    """The comparison of two values of one kind that are not null."""
    return (_FLOAT_TESTS if kind.is_fractional else _TESTS)[sign]


def _alike(left: Typed, right: Typed, rules: Rules) -> tuple[Typed, Typed, Kind]:
    """Both sides in the type in which they are compared."""
    kinds = [
        digits_of(side) if side.literal and side.kind.is_integral else side.kind for side in (left, right)
    ]
    if not (left.kind.is_decimal or right.kind.is_decimal):
        kinds = [left.kind, right.kind]
    if BOOLEAN in kinds and any(kind.is_number for kind in kinds):
        raise Untyped("a BOOLEAN compared with a number is not supported: CAST one of them")
    kind = compared(kinds[0], kinds[1], rules.ansi)
    return cast(left, kind, rules), cast(right, kind, rules), kind


def compare(sign: str, left: Typed, right: Typed, rules: Rules) -> Typed:
    """``= <> < <= > >=``, and ``<=>``, to which a null is a value."""
    left, right, kind = _alike(left, right, rules)
    if sign != "<=>":
        return strict(BOOLEAN, test_of(sign, kind), left, right)
    equal, one_run, other_run = test_of("=", kind), left.run, right.run

    def run(cells: Sequence[Any]) -> bool:
        one, other = one_run(cells), other_run(cells)
        return one is other if one is None or other is None else equal(one, other)

    return Typed(BOOLEAN, run, constant=left.constant and right.constant)


def condition(argument: Typed, what: str, rules: Rules) -> Typed:
    """A truth value."""
    if argument.kind == BOOLEAN:
        return argument
    if argument.kind in (STRING, VOID):
        return cast(argument, BOOLEAN, rules)
    raise Untyped(f"{what} needs BOOLEAN, not {argument.kind}")


def both(left: Typed, right: Typed, rules: Rules) -> Typed:
    """AND: false where one side is, otherwise null where one is."""
    return _joined(False, condition(left, "AND", rules), condition(right, "AND", rules))


def either(left: Typed, right: Typed, rules: Rules) -> Typed:
    """OR: true where one side is, otherwise null where one is."""
    return _joined(True, condition(left, "OR", rules), condition(right, "OR", rules))


def _joined(decisive: bool, left: Typed, right: Typed) -> Typed:
    one_run, other_run = left.run, right.run

    def run(cells: Sequence[Any]) -> Any:
        one = one_run(cells)
        if one is decisive:
            return decisive
        other = other_run(cells)
        if other is decisive:
            return decisive
        return None if one is None or other is None else not decisive

    return Typed(BOOLEAN, run, constant=left.constant and right.constant)


def negated(argument: Typed, rules: Rules) -> Typed:
    """NOT."""
    return strict(BOOLEAN, operator.not_, condition(argument, "NOT", rules))


def is_null(argument: Typed) -> Typed:
    """IS NULL."""
    inner = argument.run
    return Typed(BOOLEAN, lambda cells: inner(cells) is None, constant=argument.constant)


def is_truth(argument: Typed, truth: bool, rules: Rules) -> Typed:
    """IS TRUE or IS FALSE, never null."""
    inner = condition(argument, "IS", rules).run
    return Typed(BOOLEAN, lambda cells: inner(cells) is truth, constant=argument.constant)


def case(parts: Sequence[Typed], rules: Rules) -> Typed:
    """CASE WHEN: conditions and values in turn, and at the end the value where none of them is true."""
    conditions = [condition(part, "CASE WHEN", rules) for part in parts[:-1:2]]
    kept = [*parts[1::2]] if len(parts) % 2 == 0 else [*parts[1::2], parts[-1]]
    kind = common_of([part.kind for part in kept], "the branches of CASE", rules.ansi)
    values = [cast(part, kind, rules) for part in kept]
    if len(values) == len(conditions):
        values.append(NULL)
    steps = tuple((test.run, value.run) for test, value in zip(conditions, values[:-1], strict=True))
    otherwise = values[-1].run

    def run(cells: Sequence[Any]) -> Any:
        for test, value in steps:
            if test(cells):
                return value(cells)
        return otherwise(cells)

    return Typed(kind, run, constant=all(part.constant for part in parts))


def coalesce(parts: Sequence[Typed], rules: Rules) -> Typed:
    """The first value that is not null; those after it are not looked at."""
    kind = common_of([part.kind for part in parts], "the arguments of COALESCE", rules.ansi)
    runs = tuple(cast(part, kind, rules).run for part in parts)

    def run(cells: Sequence[Any]) -> Any:
        for value in runs:
            found = value(cells)
            if found is not None:
                return found
        return None

    return Typed(kind, run, constant=all(part.constant for part in parts))


def nullif(left: Typed, right: Typed, rules: Rules) -> Typed:
    """Null where both are equal, otherwise the left."""
    return case([compare("=", left, right, rules), cast(NULL, left.kind, rules), left], rules)


def is_in(value: Typed, among: Sequence[Typed], rules: Rules) -> Typed:
    """IN: true where one is equal, otherwise null where the value or one of them is null."""
    kind = common_of([value.kind, *(part.kind for part in among)], "the two sides of IN", rules.ansi)
    if not kind.is_atomic:
        raise Untyped(f"IN of {kind} is not supported")
    parts = [cast(part, kind, rules) for part in (value, *among)]
    equal, sought, runs = test_of("=", kind), parts[0].run, tuple(part.run for part in parts[1:])

    def run(cells: Sequence[Any]) -> bool | None:
        one = sought(cells)
        if one is None:
            return None
        unknown = False
        for other_run in runs:
            other = other_run(cells)
            if other is None:
                unknown = True
            elif equal(one, other):
                return True
        return None if unknown else False

    return Typed(BOOLEAN, run, constant=all(part.constant for part in parts))


def extreme(parts: Sequence[Typed], sign: str, rules: Rules) -> Typed:
    """``greatest`` (>) and ``least`` (<): nulls are passed over."""
    kind = common_of([part.kind for part in parts], "the arguments", rules.ansi, strings=False)
    if len(parts) < 2 or not kind.is_atomic:
        raise Untyped(f"greatest and least need two values at least that can be ordered, not {kind}")
    better, runs = test_of(sign, kind), tuple(cast(part, kind, rules).run for part in parts)

    def run(cells: Sequence[Any]) -> Any:
        best = None
        for value in runs:
            found = value(cells)
            if found is not None and (best is None or better(found, best)):
                best = found
        return best

    return Typed(kind, run, constant=all(part.constant for part in parts))


def is_nan(argument: Typed, rules: Rules) -> Typed:
    """``isnan``: false for null."""
    inner = (argument if argument.kind == FLOAT else cast(argument, DOUBLE, rules)).run

    def run(cells: Sequence[Any]) -> bool:
        value = inner(cells)
        return value is not None and value != value

    return Typed(BOOLEAN, run, constant=argument.constant)


def nan_to(left: Typed, right: Typed, rules: Rules) -> Typed:
    """``nanvl``: the right where the left is NaN."""
    kind = FLOAT if left.kind == right.kind == FLOAT else DOUBLE
    one_run, other_run = cast(left, kind, rules).run, cast(right, kind, rules).run

    def run(cells: Sequence[Any]) -> Any:
        one = one_run(cells)
        return other_run(cells) if one is not None and one != one else one

    return Typed(kind, run, constant=left.constant and right.constant)
