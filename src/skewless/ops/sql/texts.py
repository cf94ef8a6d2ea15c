"""Functions of strings, by code points as Spark counts them.

Source: Spark's stringExpressions.scala, regexpExpressions.scala and UTF8String.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from skewless.ops import java_regex
from skewless.ops.sql.casts import cast
from skewless.ops.sql.kinds import BOOLEAN, INT, STRING, Kind, Untyped
from skewless.ops.sql.typed import Rules, Typed, strict

_ENDLESS: Final = (1 << 31) - 1
MOST_LETTERS: Final = 10_000_000
"""What repeat, space and the pads may make: more would be a mistake, or an attack."""


def text(argument: Typed, rules: Rules) -> Typed:
    """An argument that Spark turns into a string."""
    if not argument.kind.is_atomic:
        raise Untyped(f"{argument.kind} is no string")
    return cast(argument, STRING, rules)


def whole(argument: Typed, rules: Rules) -> Typed:
    """An argument that Spark turns into an int."""
    if not argument.kind.is_atomic or argument.kind == BOOLEAN:
        raise Untyped(f"{argument.kind} is no INT")
    return cast(argument, INT, rules)


def of_texts(kind: Kind, function: Callable[..., Any]) -> Callable[[Sequence[Typed], Rules], Typed]:
    """A function all of whose arguments are strings."""
    return lambda parts, rules: strict(kind, function, *(text(part, rules) for part in parts))


def of_text_and_numbers(function: Callable[..., Any]) -> Callable[[Sequence[Typed], Rules], Typed]:
    """A function of a string and of ints after it, to a string."""
    return lambda parts, rules: strict(
        STRING, function, text(parts[0], rules), *(whole(part, rules) for part in parts[1:])
    )


def substring(value: str, position: int, length: int = _ENDLESS) -> str:
    """Counted from 1, from the end where negative; 0 is as 1. What reaches over an end is cut off."""
    size = len(value)
    start = position - 1 if position > 0 else size + position if position < 0 else 0
    end = size if length >= _ENDLESS - max(start, 0) else start + length
    return value[max(start, 0) : max(end, 0)] if end > start else ""


def left(value: str, length: int) -> str:
    """The first letters."""
    return value[:length] if length > 0 else ""


def right(value: str, length: int) -> str:
    """The last letters."""
    return value[-length:] if length > 0 else ""


def instr(value: str, part: str) -> int:
    """Where the part begins, counted from 1; 0 where it is not."""
    return value.find(part) + 1


def locate(part: str, value: str, start: int = 1) -> int:
    """`instr` from a position on; nothing is found from a position below 1 or beyond the end."""
    return value.find(part, start - 1) + 1 if start >= 1 else 0


def replace(value: str, part: str, by: str = "") -> str:
    """Every occurrence; an empty part occurs nowhere."""
    return value.replace(part, by) if part else value


def pad_left(value: str, length: int, pad: str = " ") -> str:
    """Cut or filled up to a length."""
    filled = _padding(value, length, pad)
    return left(value, length) if filled is None else filled + value


def pad_right(value: str, length: int, pad: str = " ") -> str:
    """Cut or filled up to a length."""
    filled = _padding(value, length, pad)
    return left(value, length) if filled is None else value + filled


def _padding(value: str, length: int, pad: str) -> str | None:
    missing = min(length, MOST_LETTERS) - len(value)
    if missing <= 0:
        return None
    return (pad * (missing // len(pad) + 1))[:missing] if pad else ""


def translate(value: str, letters: str, by: str) -> str:
    """Letters by their counterparts, the first of equal ones; those without one are left out."""
    table: dict[int, str] = {}
    for at, letter in enumerate(letters):
        table.setdefault(ord(letter), by[at] if at < len(by) else "")
    return value.translate(table)


def repeat(value: str, times: int) -> str:
    """The string so many times."""
    return value * max(min(times, MOST_LETTERS // max(len(value), 1)), 0)


def locate_call(parts: Sequence[Typed], rules: Rules) -> Typed:
    """``locate(part, value, start)``: a null start gives 0, as Spark looks at it first."""
    strings = [text(part, rules) for part in parts[:2]]
    if len(parts) == 2:
        return strict(INT, locate, *strings)
    made, start = strict(INT, locate, *strings, whole(parts[2], rules)), whole(parts[2], rules).run
    inner = made.run
    return Typed(INT, lambda cells: 0 if start(cells) is None else inner(cells), constant=made.constant)


def padded(function: Callable[..., str]) -> Callable[[Sequence[Typed], Rules], Typed]:
    """``lpad`` and ``rpad``: a string, its length, and what fills it up."""
    return lambda parts, rules: strict(
        STRING,
        function,
        text(parts[0], rules),
        whole(parts[1], rules),
        *(text(part, rules) for part in parts[2:]),
    )


def trim(parts: Sequence[Typed], rules: Rules) -> Typed:
    """``trim``, ``btrim``: of blanks, or of the letters of a second string."""
    return strict(STRING, str.strip if len(parts) > 1 else _no_blanks, *(text(part, rules) for part in parts))


def _no_blanks(value: str) -> str:
    return value.strip(" ")


def ltrim(parts: Sequence[Typed], rules: Rules) -> Typed:
    """``trim(LEADING …)``: the string stands first here."""
    blanks: Callable[..., str] = str.lstrip if len(parts) > 1 else lambda value: value.lstrip(" ")
    return strict(STRING, blanks, *(text(part, rules) for part in parts))


def rtrim(parts: Sequence[Typed], rules: Rules) -> Typed:
    """``trim(TRAILING …)``: the string stands first here."""
    blanks: Callable[..., str] = str.rstrip if len(parts) > 1 else lambda value: value.rstrip(" ")
    return strict(STRING, blanks, *(text(part, rules) for part in parts))


def concat(parts: Sequence[Typed], rules: Rules) -> Typed:
    """``concat`` and ``||``: null where one part is."""
    return strict(STRING, lambda *values: "".join(values), *(text(part, rules) for part in parts))


def concat_ws(parts: Sequence[Typed], rules: Rules) -> Typed:
    """With a separator, and without the nulls."""
    separator, *runs = [text(part, rules).run for part in parts]

    def run(cells: Sequence[Any]) -> str | None:
        between = separator(cells)
        if between is None:
            return None
        values = [value(cells) for value in runs]
        return str(between).join(value for value in values if value is not None)

    return Typed(STRING, run, constant=all(part.constant for part in parts))


def like(parts: Sequence[Typed], rules: Rules) -> Typed:
    """LIKE with a constant pattern: _ is any letter, % any letters, and the escape makes a letter of either."""
    return _matched(parts, rules)


def ilike(parts: Sequence[Typed], rules: Rules) -> Typed:
    """LIKE in lower case."""
    value, pattern, *escape = parts
    lowered = [strict(STRING, str.lower, text(part, rules)) for part in (value, pattern)]
    return _matched([*lowered, *escape], rules)


def _matched(parts: Sequence[Typed], rules: Rules) -> Typed:
    value, pattern, *rest = (text(part, rules) for part in parts)
    written, escape = pattern.value("the pattern of LIKE"), rest[0].value("ESCAPE") if rest else "\\"
    if written is None:
        return Typed(BOOLEAN, pattern.run, constant=True)
    matches = re.compile(_like_pattern(str(written), str(escape)), re.DOTALL).fullmatch
    return strict(BOOLEAN, lambda given: matches(given) is not None, value)


def _like_pattern(pattern: str, escape: str) -> str:
    if len(escape) != 1:
        raise Untyped("ESCAPE needs a single letter")
    made, letters = [], iter(pattern)
    for letter in letters:
        if letter == escape:
            following = next(letters, "")
            if following not in ("_", "%", escape) or not following:
                raise Untyped(
                    f"the pattern {pattern!r} of LIKE escapes what needs none, on which Spark fails"
                )
            made.append(re.escape(following))
        else:
            made.append({"_": ".", "%": ".*"}.get(letter) or re.escape(letter))
    return "".join(made)


def rlike(parts: Sequence[Typed], rules: Rules) -> Typed:
    """RLIKE with a constant Java pattern that means the same in Python."""
    value, pattern = (text(part, rules) for part in parts)
    written = pattern.value("the pattern of RLIKE")
    if written is None:
        return Typed(BOOLEAN, pattern.run, constant=True)
    try:
        search = java_regex.translate(str(written)).search
    except ValueError as error:
        raise Untyped(f"the pattern {written!r} has {error}, which is not supported") from None
    return strict(BOOLEAN, lambda given: search(given) is not None, value)


def initcap(value: str) -> str:
    """Every word between blanks with a large first letter and small ones after it."""
    return " ".join(word[:1].title() + word.lower()[len(word[:1].lower()) :] for word in value.split(" "))
