"""The state, on both databases: its schema, its transactions, and what is left of it when a writer is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from skewless.errors import SettingError
from skewless.store import Store
from skewless.store.tables import METADATA, REVISION, TAGS, TRANSITIONS


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store.open(database_url)
    yield store
    store.close()


def tags(store: Store) -> dict[str, str]:
    with store.begin() as c:
        return {row.key: row.value for row in c.execute(select(TAGS))}


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"arn": "a", "key": key, "value": value}


def test_migrations_make_the_tables_as_they_are(store: Store) -> None:
    with store.begin() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_migration_is_known_without_alembic(store: Store) -> None:
    with store.begin() as c:
        assert MigrationContext.configure(c).get_current_heads() == (REVISION,)


def test_alembic_is_loaded_only_to_migrate(tmp_path: Path) -> None:
    program = (
        "import sys; from skewless.store import Store\n"
        f"Store.open('sqlite:///{tmp_path / 'state.db'}').close(); print('alembic' in sys.modules)"
    )
    said = [subprocess.check_output([sys.executable, "-c", program], text=True).strip() for _ in range(2)]
    assert said == ["True", "False"]


def test_a_difference_between_tables_and_migrations_would_be_seen(store: Store) -> None:
    with store.begin() as c:
        c.execute(text("ALTER TABLE tags ADD COLUMN other INTEGER"))
        assert len(compare_metadata(MigrationContext.configure(c), METADATA)) == 1


def test_a_transaction_is_kept_or_undone_whole(store: Store) -> None:
    def add(*rows: dict[str, str], fail: bool = False) -> None:
        with store.begin() as c:
            for row in rows:
                c.execute(insert(TAGS), [row])
            if fail:
                raise ZeroDivisionError

    add(tag("kept", "é😀"))
    with pytest.raises(ZeroDivisionError):
        add(tag("undone"), fail=True)
    with pytest.raises(IntegrityError):
        add(tag("undone too"), tag("kept"))
    assert tags(store) == {"kept": "é😀"}


def test_what_is_kept_is_there_after_reopening(database_url: str) -> None:
    for number in range(3):
        store = Store.open(database_url)
        with store.begin() as c:
            c.execute(insert(TAGS), [tag(str(number))])
        assert len(tags(store)) == number + 1
        store.close()


def test_transactions_that_read_and_then_write_follow_each_other(store: Store) -> None:
    """As if each had the database alone: nothing is overwritten, nothing is refused."""
    with store.begin() as c:
        c.execute(insert(TAGS), [tag("number", "0")])
    failures: list[BaseException] = []

    def count() -> None:
        try:
            for _ in range(20):
                with store.begin() as c:
                    before = int(c.scalars(select(TAGS.c.value)).one())
                    c.execute(update(TAGS).values(value=str(before + 1)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert tags(store) == {"number": "160"}


def test_many_may_open_a_new_database_at_once(database_url: str) -> None:
    failures: list[BaseException] = []

    def open_and_write(key: str) -> None:
        try:
            store = Store.open(database_url)
            with store.begin() as c:
                c.execute(insert(TAGS), [tag(key)])
            store.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = Store.open(database_url)
    assert sorted(tags(store)) == ["0", "1", "2", "3"]
    store.close()


WRITER = """
import sys
from sqlalchemy import insert
from skewless.store import Store
from skewless.store.tables import TAGS, TRANSITIONS
store = Store.open(sys.argv[1])
step = dict(kind="training", name="job", status="Starting", message="", started=0)
number = 0
while True:
    with store.begin() as c:
        c.execute(insert(TAGS), [{"arn": "a", "key": f"{number:06d}", "value": ""}])
        c.execute(insert(TRANSITIONS), [{**step, "number": number}])
    print(number, flush=True)
    number += 1
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_kept(database_url: str) -> None:
    command = [sys.executable, "-c", WRITER, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        for line in writer.stdout:
            if int(line) >= 30:
                break
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().split("\n") if line]
    store = Store.open(database_url)
    with store.begin() as c:
        numbers = list(c.scalars(select(TRANSITIONS.c.number).order_by(TRANSITIONS.c.number)))
        assert c.scalar(select(func.count()).select_from(TAGS)) == len(
            numbers
        )  # both of a transaction, or none
        c.execute(insert(TAGS), [tag("writable again")])
    store.close()
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > max([30, *told[:-1]])  # the last number told may be cut itself


def test_a_database_that_cannot_be_used_is_named_without_its_password(tmp_path: Path) -> None:
    refused = {
        f"sqlite:///{tmp_path / 'missing' / 'state.db'}": "unable to open database file",
        f"postgresql://user:secret@/db?host={tmp_path}": "cannot be used",
        "oracle+nothing://user:secret@host/db": "cannot be used",
        "no url": "cannot be used",
    }
    for url, what in refused.items():
        with pytest.raises(SettingError, match=what) as caught:
            Store.open(url)
        assert "secret" not in str(caught.value)
        assert caught.value.hint


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"these are my notes\n" * 100)
    with pytest.raises(SettingError, match="not a database"):
        Store.open(f"sqlite:///{file}")
    assert file.read_bytes() == b"these are my notes\n" * 100


def test_a_database_of_a_newer_skewless_is_refused(database_url: str) -> None:
    Store.open(database_url).close()
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SettingError, match="newer"):
        Store.open(database_url)
