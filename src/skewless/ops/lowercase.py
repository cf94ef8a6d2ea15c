"""Lower case as Java's ``String.toLowerCase`` makes it: Python's, but for a Greek sigma at the end of a word.

Letters that Unicode added after the JVM's tables were made stay as they are there (JDK 17 has Unicode 13); Python's
own tables are as old as Python, so such letters may differ, as they do from one JDK to the next. A capital sigma in
one word with Chinese or Japanese letters or with invisible marks may get the other small sigma than Java gives it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SIGMA: Final = "\u03a3"
_CASED: Final = ("Lu", "Ll", "Lt")
# Letters and marks that count as cased although their category does not say so: java.lang.ConditionalSpecialCasing.
_CASED_TOO: Final = re.compile(
    "[\u02b0-\u02b8\u02c0-\u02c1\u02e0-\u02e4\u0345\u037a\u1d2c-\u1d61\u2160-\u217f\u24b6-\u24e9]"
)
# What Java's break iterator takes for one word, written in the classes of `_class`: letters and digits, with some
# punctuation between two letters (u, b) or two digits (n, b).
_WORD: Final = re.compile("[LDI]+(?:(?:(?<=[LI])[ub](?=L)|(?<=[DI])[nb](?=D))[LDI]+)*")
_PUNCTUATION: Final = {"'": "b", '"': "b", ".": "b", "\u2027": "u", ",": "n", "\u066b": "n"}


def lower(text: str) -> str:
    """``text.toLowerCase(Locale.ROOT)``; Turkish, Azeri and Lithuanian have rules of their own, which are not here."""
    if _SIGMA not in text:
        return text.lower()
    letters = list(text)
    for word in _WORD.finditer("".join(map(_class, text))):
        cased = [position for position in range(*word.span()) if _is_cased(text[position])]
        for position in range(*word.span()):
            if text[position] == _SIGMA:
                # The last cased letter of its word, and not the only one.
                final = cased[-1] == position and cased[0] != position
                letters[position] = "\u03c2" if final else "\u03c3"
    return "".join(letters).lower()


def _class(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter in _PUNCTUATION:
        return _PUNCTUATION[letter]
    if category in ("Nd", "No", "Nl"):
        return "D"
    if category in ("Mn", "Me", "Cf"):
        return "I"
    if category[0] in "LM" or category == "Pc":
        return "L"
    return "u" if category == "Pd" else "-"


def _is_cased(letter: str) -> bool:
    return unicodedata.category(letter) in _CASED or _CASED_TOO.match(letter) is not None
