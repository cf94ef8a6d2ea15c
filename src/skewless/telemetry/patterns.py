"""CloudWatch's filter patterns for lines of text: terms, quoted phrases, ``?`` for any of them, ``-`` for none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from skewless.errors import UnsupportedError

_TERM: Final = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether a line matches. UnsupportedError names what is not done, or cannot be read."""
    _refuse_other_kinds(pattern)
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(pattern.rstrip()):
        term = _TERM.match(pattern, at)
        if term is None:
            raise UnsupportedError(
                f"Invalid filter pattern: {pattern[at:].strip()!r} is no term and no quoted phrase."
            )
        text = re.sub(r"\\(.)", r"\1", term[2]) if term[2] is not None else term[3]
        terms[term[1]].append(text)
        at = term.end()
    required, optional, excluded = terms.values()
    if optional and (required or excluded):
        raise UnsupportedError(
            "Terms that begin with ? cannot stand beside other terms: they would have no effect."
        )

    def matches(line: str) -> bool:
        return (
            all(text in line for text in required)
            and not any(text in line for text in excluded)
            and (not optional or any(text in line for text in optional))
        )

    return matches


def _refuse_other_kinds(pattern: str) -> None:
    kinds = {
        "{": "JSON filter patterns ({ $.name = value })",
        "[": "space-delimited filter patterns ([name, ...])",
        "%": "regular expressions in filter patterns (%...%)",
    }
    if kind := kinds.get(pattern.strip()[:1]):
        raise UnsupportedError(f"{kind} are not supported. Use terms and quoted phrases.")
