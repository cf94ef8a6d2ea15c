"""The models' regular expressions, which are Java's, as Python's.

A value must match as a whole. Java's ``\\w``, ``\\d`` and ``\\s`` are ASCII, its ``\\p{…}`` names a Unicode category,
and a pair of surrogates in a class stands for the planes above the first.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from itertools import groupby
from typing import Final

POSIX: Final = {
    "Alnum": "a-zA-Z0-9",
    "ASCII": "\\x00-\\x7F",
    "Print": "\\x20-\\x7E",
}
# Where the model's text is not what it means: surrogates written as a class of halves, a dash that begins no range,
# a count put on an anchor.
MENDED: Final = (
    ("\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\uE000-\\uFFFD\\U00010000-\\U0010FFFF"),
    ("[\\w-_", "[\\w\\-_"),
    ("\\z", "\\Z"),
)
COUNTED_END: Final = re.compile(r"\$\{\d+,\d+\}$")
CATEGORY: Final = re.compile(r"\\p\{(\w+)\}")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A model's pattern, to be used with ``fullmatch``. ``re.error`` where it cannot be said in Python."""
    text = COUNTED_END.sub("$", pattern)
    for java, python in MENDED:
        text = text.replace(java, python)
    pieces, inside = [], False
    for piece in re.split(r"(\\p\{\w+\}|\\.|\[\^?\]?|\])", text, flags=re.DOTALL):
        found = CATEGORY.fullmatch(piece)
        if found:
            ranges = _ranges(found[1])
            pieces.append(ranges if inside else f"[{ranges}]")
            continue
        if piece.startswith("[") or piece == "]":
            inside = piece != "]"
        pieces.append(piece)
    return re.compile("".join(pieces), re.ASCII)


def _ranges(category: str) -> str:
    """The characters of a category as what stands between brackets."""
    if category in POSIX:
        return POSIX[category]
    found = "".join(ranges for exact, ranges in _categories().items() if exact.startswith(category))
    if not found:
        raise re.error(f"there is no category {category}")
    return found


@cache
def _categories() -> dict[str, str]:
    """All of Unicode by category; a fraction of a second, for the first pattern that needs it."""
    found: dict[str, list[str]] = {}
    first = 0
    for category, run in groupby(map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))):
        following = first + sum(1 for _ in run)
        found.setdefault(category, []).append(f"\\U{first:08x}-\\U{following - 1:08x}")
        first = following
    return {category: "".join(ranges) for category, ranges in found.items()}
