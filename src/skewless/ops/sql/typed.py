"""Typed expressions: what every part of a statement is compiled to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from skewless.ops.op import Refused
from skewless.ops.sql.kinds import VOID, Kind, Untyped

Run: TypeAlias = Callable[[Sequence[Any]], Any]
"""From the cells of a row to a value, None for null."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of Spark's that decide what an expression means."""

    ansi: bool = True


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression with its type.

    ``literal`` marks a plain literal, whose own digits decide the precision it has beside a decimal; ``constant`` an
    expression without columns.
    """

    kind: Kind
    run: Run
    literal: bool = False
    constant: bool = False

    def value(self, what: str) -> Any:
        """The value of a constant. Untyped where it depends on columns: Spark or we need it beforehand."""
        if not self.constant:
            raise Untyped(f"{what} must be a constant")
        try:
            return self.run(())
        except Refused as refused:
            raise Untyped(f"{what}: {refused.message}") from None


NULL: Final = Typed(VOID, lambda cells: None, literal=True, constant=True)


def constant(kind: Kind, value: Any, literal: bool = True) -> Typed:
    """A value as an expression."""
    return Typed(kind, lambda cells: value, literal, True)


def strict(kind: Kind, function: Callable[..., Any], *arguments: Typed) -> Typed:
    """A function of its arguments that is null where one of them is; it may give None itself.

    Arguments are evaluated from the left, and those after a null are not looked at, as in Spark.
    """
    fixed = all(argument.constant for argument in arguments)
    if len(arguments) == 1:
        return Typed(kind, _of_one(function, arguments[0].run), constant=fixed)
    if len(arguments) == 2:
        return Typed(kind, _of_two(function, arguments[0].run, arguments[1].run), constant=fixed)
    runs = tuple(argument.run for argument in arguments)

    def run(cells: Sequence[Any]) -> Any:
        values = []
        for part in runs:
            value = part(cells)
            if value is None:
                return None
            values.append(value)
        return function(*values)

    return Typed(kind, run, constant=fixed)


def _of_one(function: Callable[[Any], Any], argument: Run) -> Run:
    def run(cells: Sequence[Any]) -> Any:
        value = argument(cells)
        return None if value is None else function(value)

    return run


def _of_two(function: Callable[[Any, Any], Any], left: Run, right: Run) -> Run:
    def run(cells: Sequence[Any]) -> Any:
        one = left(cells)
        if one is None:
            return None
        other = right(cells)
        return None if other is None else function(one, other)

    return run


def overflow(what: str, value: Any) -> Refused:
    """A number that its type does not hold, under ANSI rules."""
    return Refused(
        f"{what} overflows",
        value=value,
        hint="Correct the value; Spark fails on it too, unless spark.sql.ansi.enabled is false.",
    )
