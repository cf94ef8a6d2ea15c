"""What the supervisor has to tell the state, told in the end even where the database refuses for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError

_AGAIN: Final = 1.0
"""Seconds until the next try."""

log = logging.getLogger("skewless.supervisor")

T = TypeVar("T")


async def written(write: Callable[[], T]) -> T:
    """What ``write`` gives, in a thread. While the database is locked, full or away, it is tried again.

    The processes have done their part by then: giving up would leave the state telling something else for ever.
    """
    told = False
    while True:
        try:
            return await asyncio.to_thread(write)
        except DBAPIError as error:
            if not told:
                log.warning("the state cannot be written, which is tried again until it can: %s", error.orig)
            told = True
            await asyncio.sleep(_AGAIN)
