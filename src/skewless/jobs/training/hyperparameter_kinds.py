"""How the text of one hyperparameter becomes a value, and which values it may have.

All hyperparameters arrive as text. A kind parses it (ValueError where it cannot) and says what is wrong with a value
in the built-in algorithm's words. Which hyperparameter is of which kind stands in `hyperparameters`.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Value = int | float | str | tuple[str, ...]


class Kind(Protocol):
    """One way to read a text."""

    def parse(self, text: str) -> Value:
        """The value. ValueError where the text is none."""

    def refusal(self, name: str, value: Value) -> str | None:
        """What is wrong with the value of a hyperparameter, or None."""

    @property
    def accepts(self) -> str:
        """The accepted values in words, for the documentation."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two ends, each of which may be left out and may itself belong to it or not."""

    low: float | None = None
    high: float | None = None
    without_low: bool = False
    without_high: bool = False

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        above = self.low is None or value > self.low or (value == self.low and not self.without_low)
        below = self.high is None or value < self.high or (value == self.high and not self.without_high)
        return above and below

    def __str__(self) -> str:
        low = "(-inf" if self.low is None else f"{'(' if self.without_low else '['}{self.low}"
        high = "+inf)" if self.high is None else f"{self.high}{')' if self.without_high else ']'}"
        return f"{low}, {high}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number."""

    interval: Interval

    def parse(self, text: str) -> Value:
        return int(text)

    def refusal(self, name: str, value: Value) -> str | None:
        return _outside(name, value, self.interval)

    @property
    def accepts(self) -> str:
        return f"whole number in {self.interval}"


@dataclass(frozen=True, slots=True)
class Continuous:
    """A number."""

    interval: Interval

    def parse(self, text: str) -> Value:
        return float(text)

    def refusal(self, name: str, value: Value) -> str | None:
        return _outside(name, value, self.interval)

    @property
    def accepts(self) -> str:
        return f"number in {self.interval}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def parse(self, text: str) -> Value:
        return text

    def refusal(self, name: str, value: Value) -> str | None:
        return None if value in self.words else f"Hyperparameter {name}: {value} is not in {list(self.words)}"

    @property
    def accepts(self) -> str:
        return ", ".join(f"`{word}`" for word in self.words)


@dataclass(frozen=True, slots=True)
class Words:
    """Some words with commas between them. ``fault`` may look closer at a word that is not among ``words``."""

    words: tuple[str, ...]
    fault: Callable[[str], str | None] = lambda _word: None
    """None where the word is to be looked up in ``words``, "" where it is right, else what is wrong with it."""

    def parse(self, text: str) -> Value:
        return tuple(word.strip() for word in text.split(","))

    def refusal(self, name: str, value: Value) -> str | None:
        assert isinstance(value, tuple)
        for word in value:
            fault = self.fault(word)
            if fault:
                return fault
            if fault is None and word not in self.words:
                return f"Hyperparameter {name}: value {list(value)} not in range {list(self.words)}"
        return None

    @property
    def accepts(self) -> str:
        return "comma list of " + ", ".join(f"`{word}`" for word in self.words)


@dataclass(frozen=True, slots=True)
class Signs:
    """One of -1, 0 and 1 for each feature, as a tuple's text; kept as text, which is what the library takes."""

    def parse(self, text: str) -> Value:
        given = _literal(text)
        signs = given if isinstance(given, tuple | list) else (given,)
        if not all(type(sign) is int for sign in signs):
            raise ValueError(text)
        return f"({','.join(map(str, signs))})"

    def refusal(self, name: str, value: Value) -> str | None:
        signs = str(value).strip("()").split(",")
        if {*signs} <= {"-1", "0", "1"}:
            return None
        return f"Hyperparameter {name}: value {value} not in range [-1, 0, 1]"

    @property
    def accepts(self) -> str:
        return "tuple of -1, 0 and 1, such as `(1,-1,0)`"


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of feature numbers, as a nested list's text. Numbers count from 0, as the library's do."""

    def parse(self, text: str) -> Value:
        groups = _literal(text)
        if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
            raise ValueError(text)
        if not all(type(feature) is int for group in groups for feature in group):
            raise ValueError(text)
        return str(groups)

    def refusal(self, name: str, value: Value) -> str | None:
        if "-" not in str(value):
            return None
        return f"Hyperparameter {name}: value {value} not in range [0, +inf)"

    @property
    def accepts(self) -> str:
        return "nested list of feature numbers from 0, such as `[[0, 1], [2, 3]]`"


def _outside(name: str, value: Value, interval: Interval) -> str | None:
    assert isinstance(value, int | float)
    return None if value in interval else f"Hyperparameter {name}: {value} is not in {interval}"


def _literal(text: str) -> tuple[int, ...] | list[list[int]] | int:
    try:
        found: tuple[int, ...] | list[list[int]] | int = ast.literal_eval(text)
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return found
