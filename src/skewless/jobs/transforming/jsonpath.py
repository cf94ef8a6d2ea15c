"""The part of JSONPath that batch transform filters are written in.

``$``, ``.name``, ``*``, ``['a','b']``, indexes ``[0,-1]``, one slice ``[1:5]``, also beside indexes, as in ``[0,5:]``.
The operators and the texts of refusals are the developer guide's and those users have reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from skewless.errors import BodyError, SettingError

LONGEST: Final = 63
"""Characters, as in the service's model."""

_NAME: Final = re.compile(r"[^.\[\]*'\",\s]+")
_QUOTED: Final = re.compile(r"\s*(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\")\s*(?:,|\Z)")
_INDEX: Final = re.compile(r"-?\d+")
_RANGE: Final = re.compile(r"(-?\d+)?\s*:\s*(-?\d+)?")


@dataclass(frozen=True, slots=True)
class Names:
    """One property's value; of several an object of them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """One element, by index; of several, or a slice, a list of them."""

    places: tuple[int | slice, ...]

    @property
    def is_one(self) -> bool:
        """Whether it gives an element and not a list."""
        return len(self.places) == 1 and isinstance(self.places[0], int)

    def among(self, length: int) -> list[int]:
        """The indexes in a list of this length. BodyError for one outside."""
        found: list[int] = []
        for place in self.places:
            if isinstance(place, slice):
                found.extend(range(*place.indices(length)))
            elif -length <= place < length:
                found.append(place % length)
            else:
                raise BodyError(
                    f"index {place} is out of range: there are {length} elements",
                    hint="The first is 0, and -1 is the last.",
                )
        return found


@dataclass(frozen=True, slots=True)
class Every:
    """All values of an object, or elements of a list, as a list."""


Step: TypeAlias = Names | Places | Every
Steps: TypeAlias = Sequence[Step]


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path; none for ``$``. SettingError says what is wrong with it."""
    if len(text) > LONGEST:
        raise _invalid(text, f"it is longer than {LONGEST} characters")
    if not text.startswith("$"):
        raise _invalid(text, "it does not begin with $")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        step, at = _step(text, at)
        steps.append(step)
    return tuple(steps)


def _step(text: str, at: int) -> tuple[Step, int]:
    """The step at a position, and where the next begins."""
    if text[at] == ".":
        at += 1
        if not text.startswith("[", at):
            if text.startswith("*", at):
                return Every(), at + 1
            name = _NAME.match(text, at)
            if name is None:
                raise _invalid(text, f"there is no name after the dot at position {at}")
            return Names((name[0],)), name.end()
    elif text[at] != "[":
        raise _invalid(text, f"{text[at]!r} at position {at + 1} is no operator")
    end = _closing(text, at)
    return _bracket(text, text[at + 1 : end].strip()), end + 1


def _closing(text: str, at: int) -> int:
    """Where the bracket ends; names in quotes may hold one."""
    quote = ""
    for position in range(at + 1, len(text)):
        mark = text[position]
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark == "]":
            return position
    raise _invalid(text, "a bracket is not closed")


def _bracket(text: str, inside: str) -> Step:
    if inside == "*":
        return Every()
    if inside[:1] in ("'", '"'):
        return Names(tuple(_names(text, inside)))
    parts = [part.strip() for part in inside.split(",")]
    ranges = sum(":" in part for part in parts)
    places: list[int | slice] = []
    for part in parts:
        found = _RANGE.fullmatch(part)
        if ":" in part and (found is None or ranges > 1):
            raise _invalid(
                text,
                "only single range filters of format (eg: [1:5]) are supported. "
                f"Format [{inside}] is not supported",
            )
        if found:
            start, stop = (None if bound is None else int(bound) for bound in found.groups())
            places.append(slice(start, stop))
        elif _INDEX.fullmatch(part):
            places.append(int(part))
        else:
            raise _invalid(text, f"[{inside}] is neither indexes, nor a range, nor names in quotes")
    return Places(tuple(places))


def _names(text: str, inside: str) -> list[str]:
    names: list[str] = []
    at = 0
    while at < len(inside):
        found = _QUOTED.match(inside, at)
        if found is None:
            raise _invalid(text, f"[{inside}] is not a list of names in quotes")
        names.append(found["one"] if found["one"] is not None else found["two"])
        at = found.end()
    if inside.endswith(","):
        raise _invalid(text, f"[{inside}] ends in a comma")
    return names


def _invalid(text: str, why: str) -> SettingError:
    return SettingError(
        f"Invalid JsonPath: {text}: {why}", hint="Such are supported: $, $.name, $['a','b'], $[0,-1], $[1:]."
    )
