"""Forms of heads: what the heads of a client's requests have in common, and the places where they differ.

A parser has read one head. Another one that is equal but for some headers' values, of characters that can be nothing
but part of a value, means the same but for these: it need not be read again, which costs more than looking them up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

SIZE: Final = b"content-length"
ID: Final = rb"[!-~]{1,256}"
"""Characters of a value that is one word."""
_LONGEST: Final = 2048
"""Bytes of a head that has a form."""
_HOLE: Final = b"\0"


class Place(NamedTuple):
    """Where a header's value differs: at its end, which ``differs``, ``behind`` what does not. Both are patterns."""

    differs: bytes
    behind: bytes = b""


class Blank(NamedTuple):
    """A head with holes where it may differ, and the names of the headers that have them, in their order."""

    text: bytes
    names: tuple[bytes, ...]


class Form:
    """What a head has to look like to be read by its form."""

    def __init__(self, blank: Blank, places: Mapping[bytes, Place]) -> None:
        patterns = [b"(%b)" % places[name].differs for name in blank.names] + [b""]
        fixed = map(re.escape, blank.text.split(_HOLE))
        pattern = b"".join(part for pair in zip(fixed, patterns, strict=True) for part in pair)
        self.places = {name: group for group, name in enumerate(blank.names, 1)}
        """The groups of a match, which are headers' values or ends of values, by the headers' names."""
        self.match = re.compile(pattern).match
        """Finds a head at the start of some bytes, its empty line included."""
        self.size = self.places[SIZE]


class Differing:
    """Headers that differ from request to request; the body's size is always one."""

    def __init__(self, places: Mapping[bytes, Place]) -> None:
        """``places`` by the names of headers, in lower case."""
        self._places = {SIZE: Place(rb"0|[1-9][0-9]{0,7}"), **places}
        self._values = {
            name: re.compile(b"(?:%b)(%b)" % (place.behind, place.differs))
            for name, place in self._places.items()
        }
        self.form = lru_cache(maxsize=64)(self._form)
        """The form of heads with this blank. Making one takes a millisecond: wait for the second head."""

    def blank(self, text: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Blank | None:
        """That of a head, which the parser found to have these headers; None where its form would not be certain.

        Where a parser skips empty lines before a head, or takes a bare line feed for a line's end, it may have seen the
        head elsewhere than we do.
        """
        if not (text.startswith(b"POST ") and text.endswith(b"\r\n\r\n") and len(text) <= _LONGEST):
            return None
        lines = text[:-4].split(b"\r\n")
        fields = lines[1:]
        if text.count(b"\n") != len(lines) + 1 or text.count(b"\r") != len(lines) + 1 or _HOLE in text:
            return None
        if len(fields) != len(headers) or len(dict(headers)) < len(headers):
            return None
        names = []
        for number, (name, value) in enumerate(headers):
            known, field = self._values.get(name), fields[number]
            found = None if known is None else known.fullmatch(value)
            if found is not None and field.lower().startswith(name + b":") and field.endswith(value):
                lines[1 + number] = field[: len(field) - len(found[1])] + _HOLE
                names.append(name)
        if SIZE not in names:
            return None
        return Blank(b"\r\n".join((*lines, b"", b"")), tuple(names))

    def _form(self, blank: Blank) -> Form:
        return Form(blank, self._places)
