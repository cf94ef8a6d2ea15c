"""Which code from artifacts may be executed: only what the user said, by its SHA-256, or all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from skewless.errors import SettingError

ALL: Final = "all"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trust:
    """The user's trust; by default none. A part of a hash is not enough, since whoever changes code can match it."""

    everything: bool = False
    hashes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, given: Given, where: str = "trust") -> Trust:
        """From what a user wrote: True or ``all``, hashes in one text with commas or spaces, or several of them.

        SettingError names the word that is neither and ``where`` it stands.
        """
        if isinstance(given, Trust):
            return given
        if isinstance(given, bool):
            return cls(given)
        texts = [given] if isinstance(given, str) else given
        words = [word for text in texts for word in re.split(r"[,\s]+", text.lower()) if word]
        for word in words:
            if word != ALL and not _SHA256.fullmatch(word):
                raise SettingError(
                    f"{where}: {word!r} is no SHA-256 of 64 hexadecimal digits",
                    hint="Copy the hash from the refusal, or say all.",
                )
        return cls(ALL in words, frozenset(words) - {ALL})

    def allows(self, digest: str) -> bool:
        """Whether code of this SHA-256 may run."""
        return self.everything or digest in self.hashes

    def __or__(self, other: Trust) -> Trust:
        return Trust(self.everything or other.everything, self.hashes | other.hashes)

    def __str__(self) -> str:
        return ",".join([ALL] * self.everything + sorted(self.hashes))


NO_TRUST: Final = Trust()
Given: TypeAlias = Trust | bool | str | Iterable[str]
"""What users say it with; see `Trust.of`."""
