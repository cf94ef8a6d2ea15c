"""States and the steps between them that are legal: one frozen table for each thing that has a life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skewless.errors import SkewlessError


class IllegalStep(SkewlessError):
    """Something was to go from one state to another that does not follow it. Nothing has been changed."""


@dataclass(frozen=True, slots=True)
class States:
    """What may follow what. A state that nothing follows is an end."""

    what: str
    """What has these states, for the error's text: ``Glue job run``."""
    follows: Mapping[str, tuple[str, ...]]

    @property
    def alive(self) -> tuple[str, ...]:
        """The states that are not an end."""
        return tuple(state for state, then in self.follows.items() if then)

    def step(self, name: str, before: str, after: str) -> str:
        """The state ``after``. IllegalStep where it does not follow ``before``."""
        if after not in self.follows[before]:
            raise IllegalStep(f"{self.what} {name} is {before} and cannot become {after}")
        return after
