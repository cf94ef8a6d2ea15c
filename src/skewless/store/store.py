"""Connections to the state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from skewless.errors import SettingError
from skewless.lazy import resolve
from skewless.store.tables import REVISION

MIGRATE: Final = "skewless.store.migrating:migrate"
"""A quarter of a second of imports, which a start with tables that are up to date does without."""


class Store:
    """The database, its schema up to date. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Store:
        """Connect and migrate. SettingError where that cannot be."""
        try:
            parsed = make_url(url)
            if parsed.drivername in ("postgresql", "postgres"):
                parsed = parsed.set(drivername="postgresql+psycopg")
            # A database may be started anew meanwhile: a connection is looked at before it is used.
            engine = create_engine(parsed, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise SettingError(
                f"the database URL cannot be used: {error}",
                hint="Write sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME with the extra `postgres`.",
            ) from None
        if engine.dialect.name == "sqlite":
            _as_we_want(engine)
        else:
            _one_at_a_time(engine)
        try:
            with engine.begin() as connection:
                if not _up_to_date(connection):
                    resolve(MIGRATE)(connection)
        except SettingError:
            engine.dispose()
            raise
        except DBAPIError as error:
            engine.dispose()
            raise SettingError(
                f"the database at {parsed.render_as_string(hide_password=True)} cannot be used: {error.orig}",
                hint="Check that it exists, that it may be written, and the user's name and password.",
            ) from None
        return cls(engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: kept when the block ends, undone when it raises."""
        with self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _as_we_want(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # else the driver begins and commits by guesses of its own
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer; one that says so at once can.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _one_at_a_time(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # SQLite's transactions follow each other, and so do these: what operations read stays true until they write.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(4700)")


def _up_to_date(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [REVISION]
