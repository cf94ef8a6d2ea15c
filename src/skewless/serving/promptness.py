"""Which bodies are quick enough to be processed on the event loop, where everyone else waits meanwhile."""

from __future__ import annotations

from typing import Final

_MOST: Final = 16 << 10
"""Bytes of a body that may ever be; at this size a thread no longer costs much beside the work."""
_SHARE: Final = 1_000_000
"""Nanoseconds that a request may hold the loop, again and again."""
_BEYOND: Final = 25 * _SHARE
"""Nanoseconds that requests in a row may hold it beyond their shares, before they have to leave."""
_PROOF: Final = 8
"""Requests that have to be quick in a thread before their like come to the loop; a slow one takes two proofs back."""


class Promptness:
    """Learns from how long requests took. A pipeline starts in threads, and returns there when it becomes slow.

    One slow request alone says little: the machine may have been busy. So what is over the share adds up, and quick
    requests pay it back.
    """

    def __init__(self) -> None:
        self.size = 0
        """The largest body, in bytes, for the event loop."""
        self._owed = 0
        self._proofs = 0
        self._proven = 0

    def took(self, size: int, nanoseconds: int) -> None:
        """A body of so many bytes was processed in that time, on the loop where it is within ``size``."""
        if size > self.size:
            self._prove(size, nanoseconds)
        elif nanoseconds > _SHARE or self._owed:
            self._owed = max(0, self._owed + nanoseconds - _SHARE)
            if self._owed > _BEYOND:
                self.size, self._owed = size // 2, 0

    def _prove(self, size: int, nanoseconds: int) -> None:
        """In a thread it took so long; quick ones let bodies up to twice their size in."""
        if size > _MOST:
            return
        if 2 * nanoseconds > _SHARE:
            self._proofs = max(0, self._proofs - 2)
            return
        self._proofs += 1
        self._proven = max(self._proven, size)
        if self._proofs == _PROOF:
            self.size = min(_MOST, 2 * self._proven)
            self._proofs = self._proven = 0
