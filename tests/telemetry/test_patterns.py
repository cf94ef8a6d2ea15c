"""Filter patterns, by the examples of CloudWatch's own manual and some of ours."""

from __future__ import annotations

import pytest

from skewless.errors import UnsupportedError
from skewless.telemetry.patterns import matcher

LINES = (
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "INTERNAL SERVER ERROR",
    'a "quoted" - dash and a back\\slash',
)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("", {0, 1, 2, 3, 4, 5}),
        ("   ", {0, 1, 2, 3, 4, 5}),
        ("ERROR", {0, 1, 2, 3, 4}),
        ("error", set()),
        ("ERROR ARGUMENTS", {2, 3}),
        ('"INTERNAL SERVER ERROR"', {4}),
        ('"SERVER INTERNAL"', set()),
        ("INTERNAL ERROR", {4}),
        ("?MISSING ?INTERNAL", {2, 4}),
        ('?"BAD REQUEST" ?INVALID', {0, 3}),
        ("ERROR -ARGUMENTS", {0, 1, 4}),
        ("-ERROR", {5}),
        ('ERROR -"ERROR 4"', {4}),
        ('  "[ERROR"   ARGUMENTS  ', {2, 3}),
        (r'"\"quoted\""', {5}),
        (r'"back\\slash"', {5}),
        ("a - dash", {5}),
    ],
)
def test_a_pattern_finds(pattern: str, wanted: set[int]) -> None:
    matches = matcher(pattern)
    assert {number for number, line in enumerate(LINES) if matches(line)} == wanted


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("{ $.level = 1 }", "JSON filter patterns"),
        ("[ip, user, ...]", "space-delimited"),
        ("%4[0-9]{2}%", "regular expressions"),
        ('"never closed', "Invalid filter pattern: '\"never closed'"),
        ('half"way"', "Invalid filter pattern"),
        ("?ERROR WARN", "cannot stand beside"),
        ("?ERROR -WARN", "cannot stand beside"),
    ],
)
def test_what_is_not_done_is_refused_by_name(pattern: str, what: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        matcher(pattern)
    assert what in str(caught.value)
