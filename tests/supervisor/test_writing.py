"""What is told to a database that refuses for a while."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from skewless.store import Store
from skewless.supervisor import processes
from skewless.supervisor.writing import written


def test_it_is_told_when_the_database_is_free_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'state.db'}")
    event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 1"))
    store.engine.dispose()  # connections from now on do not wait for others
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def tell() -> None:
        telling = asyncio.create_task(written(partial(processes.register, store, 1)))
        async with asyncio.timeout(30):
            while "tried again" not in caplog.text:
                await asyncio.sleep(0.01)
            assert not telling.done()
            other.execute("COMMIT")
            await telling

    asyncio.run(tell())
    assert other.execute("SELECT pid FROM processes").fetchall() == [(1,)]
    other.close()
    store.close()
