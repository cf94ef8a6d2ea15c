"""The databases that the state may lie in: SQLite in a folder, and a PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from pwd import getpwnam
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

READY_WITHIN = 60.0


def _programs() -> Path:
    """The folder of PostgreSQL's programs. Debian keeps them out of PATH, one folder a version."""
    for _ in range(2):
        places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        found = [place for place in places if (place / "postgres").exists()]
        on_path = shutil.which("postgres")
        if on_path:
            found.insert(0, Path(on_path).resolve().parent)
        if found:
            return found[0]
        _install()
    raise AssertionError("there is no PostgreSQL, and installing it brought none")


def _install() -> None:
    assert os.geteuid() == 0, "install PostgreSQL (Debian: apt-get install postgresql)"
    assert shutil.which("apt-get"), "install PostgreSQL (Debian: apt-get install postgresql)"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", "-qq", *command], env=environment, check=True, timeout=240)


class Server:
    """A running PostgreSQL, reached by a Unix socket in a folder of its own, without password."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        # It refuses to be run by root.
        owner = getpwnam("nobody") if os.geteuid() == 0 else None
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        data = folder / "data"
        making = ["initdb", "-D", str(data), "-U", "skewless", "-A", "trust", "-E", "UTF8", "--no-sync"]
        self._run(programs, making, wait=True)
        options = ["-k", str(folder), "-h", "", "-F", "-c", "max_connections=200"]
        self.process = self._run(programs, ["postgres", "-D", str(data), *options])

    def _run(self, programs: Path, command: list[str], *, wait: bool = False) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(programs / command[0]), *command[1:]],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._as,  # type: ignore[call-overload]
            )
        assert not wait or process.wait(120) == 0, self.told()
        assert isinstance(process, subprocess.Popen)
        return process

    def told(self) -> str:
        """The end of what the server wrote."""
        return (self.folder / "log").read_text()[-2000:]

    def url(self, database: str) -> str:
        return f"postgresql://skewless@/{database}?host={quote(str(self.folder))}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="skewless", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + READY_WITHIN
        while True:
            assert self.process.poll() is None, self.told()
            try:
                return self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < end, self.told()
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # "fast": open connections are ended
        self.process.wait(60)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL for the whole run."""
    # Not below pytest's folders: those are closed to other users, and too deep for a socket.
    with tempfile.TemporaryDirectory(prefix="skewless-pg-") as folder:
        server = Server(Path(folder), _programs())
        try:
            server.wait()
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    name = f"test_{uuid4().hex}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    url = request.getfixturevalue("postgres_url")
    assert isinstance(url, str)
    return url
