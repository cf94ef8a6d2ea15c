"""Which child processes there are, in the store, so that those of a gateway that was killed can be ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import DBAPIError

from skewless.store import Store
from skewless.store.tables import PROCESSES
from skewless.supervisor.children import began


def register(store: Store, pid: int) -> None:
    """Note a child that was started."""
    with store.begin() as connection:
        connection.execute(delete(PROCESSES).where(PROCESSES.c.pid == pid))
        connection.execute(insert(PROCESSES).values(pid=pid, began=began(pid) or 0, boot=_boot()))


def forget(store: Store, pid: int) -> None:
    """Note that a child and its group have ended. Where that cannot be written, the next start does it."""
    with suppress(DBAPIError), store.begin() as connection:
        connection.execute(delete(PROCESSES).where(PROCESSES.c.pid == pid))


def end_left_over(store: Store) -> None:
    """Kill what a gateway that was killed has left behind."""
    with store.begin() as connection:
        for row in connection.execute(select(PROCESSES)).all():
            # No number is given out anew while a group of it exists: where the child is gone, its group is still ours.
            if row.boot == _boot() and began(row.pid) in (None, row.began):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(row.pid, signal.SIGKILL)
        connection.execute(delete(PROCESSES))


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
