"""Java's regular expressions in Python's: what means the same is translated, everything else is refused by name.

Both engines backtrack in the same order, so what remains equal is decided by each construct alone. Groups never
capture: nothing here refers to them.
"""

from __future__ import annotations

import re
from typing import Final

_LINE_ENDS: Final = r"\n\r\x85\u2028\u2029"
# Before a line's end at the end of the text, but never between \r and \n.
_DOLLAR: Final = rf"(?=\r\n\Z|(?<!\r)\n\Z|[{_LINE_ENDS[2:]}]\Z|\Z)"
_SETS: Final = {name: "\\" + name for name in "dDwWsS"}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_POSIX: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\t-\r ",
}
_WHY: Final = {
    "b": r"the boundary \{0}, whose meaning for letters beyond ASCII changed with JDK 19",
    "B": r"the boundary \{0}, whose meaning for letters beyond ASCII changed with JDK 19",
    "p": r"the Unicode class \p, whose members differ between Java's and Python's Unicode",
    "P": r"the Unicode class \P, whose members differ between Java's and Python's Unicode",
    "k": r"the back reference \k",
}
_OPENINGS: Final = ("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>")
_NAMED: Final = re.compile(r"\(\?<[a-zA-Z][a-zA-Z0-9]*>")
_REPEAT: Final = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")


def translate(pattern: str) -> re.Pattern[str]:
    """The pattern for Python's ``re``. ValueError says what in it Python has not, or has otherwise."""
    flags = re.ASCII
    if pattern.startswith("(?i)"):
        pattern, flags = pattern[4:], flags | re.IGNORECASE
    text = _Reader(pattern).alternatives(closed=False)
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError) as error:
        raise ValueError(f"something that Python does not take: {error}") from None


class _Reader:
    """Walks through a pattern once and writes the same for Python."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def alternatives(self, closed: bool) -> str:
        """Up to the end of the group, or of the pattern."""
        made: list[str] = []
        while self.at < len(self.pattern):
            letter = self.pattern[self.at]
            if letter == ")":
                if not closed:
                    raise ValueError("a ) without its (")
                break
            if letter == "|":
                self.at += 1
                made.append("|")
                continue
            made.append(self._atom(letter) + self._repeat())
        else:
            if closed:
                raise ValueError("a ( without its )")
        return "".join(made)

    def _atom(self, letter: str) -> str:
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._class()
        if letter in "*+?{":
            raise ValueError(f"a {letter} that repeats nothing")
        if letter == "\\":
            return self._escape(inside=False)
        self.at += 1
        if letter == ".":
            return f"[^{_LINE_ENDS}]"
        if letter == "^":
            return r"\A"
        return _DOLLAR if letter == "$" else _literal(letter)

    def _repeat(self) -> str:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _group(self) -> str:
        opening = next((known for known in _OPENINGS if self.pattern.startswith(known, self.at)), None)
        named = _NAMED.match(self.pattern, self.at)
        if opening is None and named is None and self.pattern.startswith("(?", self.at):
            raise ValueError(f"the group {self.pattern[self.at : self.at + 4]!r}")
        self.at += len(opening or (named[0] if named else "("))
        inner = self.alternatives(closed=True)
        self.at += 1
        return f"{opening or '(?:'}{inner})"

    def _class(self) -> str:
        """A class in brackets, without classes inside it."""
        self.at += 1
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        while not self.pattern.startswith("]", self.at):
            parts.append(self._member())
        if not parts:
            raise ValueError("an empty class, or a ] that stands for itself")
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _member(self) -> str:
        """One letter, set, or range of a class."""
        low = self._single()
        ranged = self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at)
        if not ranged:
            return low
        self.at += 1
        high = self._single()
        ends = [re.compile(f"[{end}]") for end in (low, high)]
        if low in (*_SETS.values(), *_POSIX.values()) or high in (*_SETS.values(), *_POSIX.values()):
            raise ValueError("a - after or before a set of a class")
        # Java looks at halves of letters beyond the first plane, which such a range would hold.
        if ends[0].fullmatch("\ud7ff") is None and re.compile(f"[{low}-{high}]").fullmatch("\ud900"):
            raise ValueError("a range over the surrogates")
        return f"{low}-{high}"

    def _single(self) -> str:
        if self.at >= len(self.pattern):
            raise ValueError("a [ without its ]")
        letter = self.pattern[self.at]
        if letter == "[" or self.pattern.startswith("&&", self.at):
            raise ValueError("a class inside a class, or an intersection (&&)")
        if letter == "\\":
            return self._escape(inside=True)
        self.at += 1
        return _literal(letter)

    def _escape(self, inside: bool) -> str:
        name = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if name in _SETS and name:
            return _SETS[name]
        if name in _CONTROLS and name:
            return _literal(_CONTROLS[name])
        if name in ("x", "u"):
            digits = self.pattern[self.at : self.at + (2 if name == "x" else 4)]
            self.at += len(digits)
            if re.fullmatch("[0-9a-fA-F]{2}|[0-9a-fA-F]{4}", digits) is None:
                raise ValueError(rf"the escape \{name}{digits}")
            return _literal(chr(int(digits, 16)))
        if name == "p":
            found = re.compile(r"\{(\w+)\}").match(self.pattern, self.at)
            if found is not None and found[1] in _POSIX:
                self.at = found.end()
                return _POSIX[found[1]] if inside else f"[{_POSIX[found[1]]}]"
        if not inside and name in ("A", "z"):
            return r"\A" if name == "A" else r"\Z"
        if not name or name.isalnum():
            raise ValueError(_WHY.get(name, r"the escape \{0}").format(name))
        return _literal(name)


def _literal(letter: str) -> str:
    if letter > "\uffff" or "\ud800" <= letter <= "\udfff":
        raise ValueError(f"the letter {letter!a}, which is two in Java")
    if letter.isalnum() or letter == "_":
        return letter
    return f"\\u{ord(letter):04x}"


def split(pattern: re.Pattern[str], text: str) -> list[str]:
    """``Pattern.split(text)``: an empty match at the start makes no part, and empty parts at the end are dropped."""
    parts, start = [], 0
    for begin, end in _matches(pattern, text):
        if end == 0:
            continue
        parts.append(text[start:begin])
        start = end
    if start == 0 and not parts:
        return [text]
    parts.append(text[start:])
    while parts and not parts[-1]:
        parts.pop()
    return parts


def find_all(pattern: re.Pattern[str], text: str) -> list[str]:
    """Every match that ``Matcher.find`` gives, one after the other."""
    return [text[begin:end] for begin, end in _matches(pattern, text)]


def _matches(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Unlike Python's finditer, Java never looks for a longer match where it has just found an empty one.

    ValueError where a match is empty and the text has letters that are two in Java: it would cut them in halves.
    """
    found, at = [], 0
    while at <= len(text):
        match = pattern.search(text, at)
        if match is None:
            break
        begin, end = match.span()
        if begin == end and not text.isascii() and max(text) > "\uffff":
            raise ValueError("the pattern matches nothing, inside a letter that is two in Java")
        found.append((begin, end))
        at = end + (begin == end)
    return found
