"""Dates of SQL expressions: days since 1970-01-01 in the proleptic Gregorian calendar, of any year.

Source: Spark's DateTimeUtils and java.time.LocalDate, whose years reach further than Python's.
"""

from __future__ import annotations

import re
from typing import Final

_BLANKS: Final = "".join(map(chr, range(33))) + "\x7f"
_DATE: Final = re.compile(r"([+-]?)([0-9]{4,7})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T].*)?)?)?", re.DOTALL)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOST_DAYS: Final = (1 << 31) - 1


def is_leap(year: int) -> bool:
    """Whether the year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """How many days the month has."""
    return 29 if month == 2 and is_leap(year) else _DAYS[month - 1]


def days_of(year: int, month: int, day: int) -> int | None:
    """The day's number; None where there is no such day."""
    if not 1 <= month <= 12 or not 1 <= day <= month_length(year, month):
        return None
    # Years that begin in March have the leap day at their end.
    shifted = year - (month < 3)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def parts(days: int) -> tuple[int, int, int]:
    """Year, month and day."""
    era, of_era = divmod(days + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month < 3), month, day


def parse_date(text: str) -> int | None:
    """A date as CAST reads it: a year, a month, a day, the last two optional, and anything after a blank or a T."""
    found = _DATE.fullmatch(text.strip(_BLANKS))
    if found is None:
        return None
    sign, year, month, day = found.groups()
    days = days_of(int(sign + year), int(month or 1), int(day or 1))
    return days if days is not None and abs(days) <= _MOST_DAYS else None


def date_text(days: int) -> str:
    """``LocalDate.toString``."""
    year, month, day = parts(days)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"
