"""Functions of dates.

Source: Spark's datetimeExpressions.scala and DateTimeUtils.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from skewless.ops.op import Refused
from skewless.ops.sql.casts import cast, wrapped
from skewless.ops.sql.dates import days_of, month_length, parts
from skewless.ops.sql.kinds import DATE, DOUBLE, INT, STRING, VOID, Untyped
from skewless.ops.sql.texts import whole
from skewless.ops.sql.typed import Rules, Typed, strict

# Of a pattern's letters, what is read for them; Spark takes no shorter and no longer texts.
_PIECES: Final = {"yyyy": r"(?P<y>[0-9]{4})", "MM": r"(?P<m>[0-9]{2})", "dd": r"(?P<d>[0-9]{2})"}
_PATTERN: Final = re.compile(r"yyyy|MM|dd|[A-Za-z]+|[^A-Za-z]")
_UNITS: Final = {
    **dict.fromkeys(("year", "yyyy", "yy"), "year"),
    **dict.fromkeys(("month", "mon", "mm"), "month"),
    "quarter": "quarter",
    "week": "week",
}


def date(argument: Typed, rules: Rules) -> Typed:
    """An argument that Spark turns into a date."""
    if argument.kind not in (DATE, STRING, VOID):
        raise Untyped(f"{argument.kind} is no date")
    return cast(argument, DATE, rules)


def part(function: Callable[[int], int]) -> Callable[[Sequence[Typed], Rules], Typed]:
    """A number taken out of a date."""
    return lambda arguments, rules: strict(INT, function, date(arguments[0], rules))


def year(days: int) -> int:
    """The year."""
    return parts(days)[0]


def month(days: int) -> int:
    """The month, from 1."""
    return parts(days)[1]


def day(days: int) -> int:
    """The day of the month, from 1."""
    return parts(days)[2]


def quarter(days: int) -> int:
    """The quarter, from 1."""
    return (parts(days)[1] + 2) // 3


def weekday(days: int) -> int:
    """The day of the week, from 0 for Monday."""
    return (days + 3) % 7


def day_of_week(days: int) -> int:
    """The day of the week, from 1 for Sunday."""
    return (days + 4) % 7 + 1


def day_of_year(days: int) -> int:
    """The day of the year, from 1."""
    return days - _day(parts(days)[0], 1, 1) + 1


def week_of_year(days: int) -> int:
    """The week by ISO 8601: that of its Thursday."""
    thursday = days - weekday(days) + 3
    return (thursday - _day(parts(thursday)[0], 1, 1)) // 7 + 1


def last_day(days: int) -> int:
    """The last day of its month."""
    of_year, of_month, _ = parts(days)
    return _day(of_year, of_month, month_length(of_year, of_month))


def add_months(days: int, months: int) -> int:
    """The same day so many months on, or the last one where that month is shorter."""
    of_year, of_month, of_day = parts(days)
    years, zero_month = divmod(of_year * 12 + of_month - 1 + months, 12)
    made = _day(years, zero_month + 1, min(of_day, month_length(years, zero_month + 1)))
    if wrapped(made, 32) != made:
        raise Refused(
            f"no date is {months} months from another",
            value=months,
            hint="Correct the number of months; Spark fails on it too.",
        )
    return made


def _day(of_year: int, of_month: int, of_day: int) -> int:
    days = days_of(of_year, of_month, of_day)
    if days is None:
        raise ValueError(f"there is no day {of_year}-{of_month}-{of_day}")
    return days


def add_days(sign: int) -> Callable[[Sequence[Typed], Rules], Typed]:
    """``date_add`` and ``date_sub``: the sum wraps around as an int."""

    def build(arguments: Sequence[Typed], rules: Rules) -> Typed:
        if arguments[1].kind not in (INT, STRING, VOID) and arguments[1].kind.name not in (
            "tinyint",
            "smallint",
        ):
            raise Untyped(f"days must be an INT, not {arguments[1].kind}")
        days = whole(arguments[1], rules)
        return strict(DATE, lambda one, more: wrapped(one + sign * more, 32), date(arguments[0], rules), days)

    return build


def difference(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """``datediff``: days from the second to the first."""
    return strict(
        INT, lambda one, other: wrapped(one - other, 32), *(date(argument, rules) for argument in arguments)
    )


def moved(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """``add_months``."""
    return strict(DATE, add_months, date(arguments[0], rules), whole(arguments[1], rules))


def to_date(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """A cast, or by a constant pattern of yyyy, MM, dd and marks between them."""
    if len(arguments) == 1:
        return date(arguments[0], rules)
    pattern, source = arguments[1].value("the pattern of to_date"), arguments[0]
    if source.kind != STRING or not isinstance(pattern, str):
        return date(source, rules) if source.kind == DATE else _no_pattern(pattern)
    read = _reader(pattern)

    def run(value: str) -> int | None:
        found = read.fullmatch(value)
        named = found.groupdict() if found else {}
        of_year = int(named.get("y", 0))
        days = days_of(of_year, int(named.get("m", 1)), int(named.get("d", 1))) if of_year > 0 else None
        if days is None and rules.ansi:
            raise Refused(
                f"{value!r} is no date of the pattern {pattern!r}",
                value=value,
                hint="Correct the value, or use try_to_date; Spark fails on it too.",
            )
        return days

    return strict(DATE, run, source)


def _no_pattern(pattern: Any) -> Typed:
    raise Untyped(f"to_date by the pattern {pattern!r} is not supported")


def _reader(pattern: str) -> re.Pattern[str]:
    pieces = _PATTERN.findall(pattern)
    marks = [piece for piece in pieces if piece not in _PIECES]
    digits_touch = any(one in _PIECES and other in _PIECES for one, other in pairwise(pieces))
    if sorted(piece for piece in pieces if piece in _PIECES) != ["MM", "dd", "yyyy"] or digits_touch:
        raise Untyped(
            f"the date pattern {pattern!r} is not supported: use yyyy, MM and dd with marks between"
        )
    if any(mark not in ("-", "/", ".", " ", ",", ":", "_") for mark in marks):
        raise Untyped(
            f"the date pattern {pattern!r} is not supported: use yyyy, MM and dd with marks between"
        )
    return re.compile("".join(_PIECES.get(piece) or re.escape(piece) for piece in pieces))


def truncated(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """``trunc``: the first day of the year, quarter, month or week; null for another unit."""
    written = arguments[1].value("the unit of trunc")
    unit = _UNITS.get(str(written).lower())

    def run(days: int) -> int | None:
        of_year, of_month, _ = parts(days)
        if unit == "week":
            return days - weekday(days)
        first = {"year": 1, "quarter": of_month - (of_month - 1) % 3, "month": of_month}.get(unit or "")
        return None if first is None else _day(of_year, first, 1)

    return strict(DATE, run, date(arguments[0], rules))


def made(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """``make_date`` of year, month and day."""

    def run(of_year: int, of_month: int, of_day: int) -> int | None:
        days = days_of(of_year, of_month, of_day)
        if days is None and rules.ansi:
            raise Refused(
                f"there is no day {of_year}-{of_month}-{of_day}",
                value=of_day,
                hint="Correct the value; Spark fails on it too, unless spark.sql.ansi.enabled is false.",
            )
        return days

    return strict(DATE, run, *(whole(argument, rules) for argument in arguments))


def months_between(arguments: Sequence[Typed], rules: Rules) -> Typed:
    """Months, with 31 days each for what remains, rounded to 8 digits; whole between equal or last days of months."""
    return strict(DOUBLE, _months, *(date(argument, rules) for argument in arguments))


def _months(one: int, other: int) -> float:
    (year1, month1, day1), (year2, month2, day2) = parts(one), parts(other)
    months = float((year1 - year2) * 12 + month1 - month2)
    ends = day1 == month_length(year1, month1) and day2 == month_length(year2, month2)
    if day1 == day2 or ends:
        return months
    seconds = (day1 - day2) * 86400
    made_ = months + seconds / 2678400.0
    return float(int(abs(made_) * 1e8 + 0.5)) / 1e8 * (1 if made_ >= 0 else -1)
