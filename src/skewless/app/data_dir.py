"""The data folder of `skewless up`: who we are in it, who runs in it, and where everything lies."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

import msgspec

from skewless.errors import SettingError
from skewless.names import DEFAULT_ROLE, Names

REGION: Final = "us-east-1"

_SECRET_LENGTH: Final = 40
_FLOCK: Final = Struct("hhqqi4x")
_WHOLE_FILE: Final = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
"""Linux's struct flock: a lock for one holder. Of an open file (OFD), so that one can be asked for and not taken."""
_LONGEST_SOCKET: Final = 100
"""Bytes of a Unix socket's path: 108 on Linux, less the end mark and some room."""


class Identity(msgspec.Struct, frozen=True):
    """The key pair of an installation, and the region that it says it is."""

    access_key: str
    secret_key: str
    region: str

    @property
    def strong(self) -> bool:
        """Whether the secret is as long and mixed as the ones made here, so that it may guard an open port."""
        return len(self.secret_key) >= _SECRET_LENGTH and len(set(self.secret_key)) >= _SECRET_LENGTH // 4


class Running(msgspec.Struct, frozen=True):
    """A gateway that answers."""

    pid: int
    url: str
    started: float


@dataclass(frozen=True, slots=True)
class DataDir:
    """One data folder."""

    root: Path

    @property
    def database(self) -> str:
        """The URL of the state, where the user gives no other."""
        return f"sqlite:///{self.root / 'state.db'}"

    @property
    def s3(self) -> Path:
        """A folder for each bucket."""
        return self.root / "s3"

    @property
    def logs(self) -> Path:
        """Log groups and streams."""
        return self.root / "logs"

    @property
    def jobs(self) -> Path:
        """A folder for each job that runs."""
        return self.root / "jobs"

    @property
    def endpoints(self) -> Path:
        """A folder for each deployment that serves."""
        return self.root / "endpoints"

    @property
    def environments(self) -> Path:
        """Virtual environments of containers and scripts."""
        return self.root / "environments"

    @property
    def run(self) -> Path:
        """What lives as long as a gateway: the lock, its address, sockets."""
        return self.root / "run"

    def make(self) -> None:
        """Make the folders, for our eyes only. SettingError where that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            for folder in (self.s3, self.logs, self.run):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SettingError(
                f"the data folder {self.root} cannot be used: {error.strerror}",
                hint="Choose another with --data-dir.",
            ) from None

    def identity(self) -> Identity | None:
        """Who we are; None before the first start. SettingError where the file is damaged."""
        file = self.root / "identity.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=Identity)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SettingError(
                f"{file} cannot be read: {error}",
                hint="Restore it, or remove it: the next start makes new keys.",
            ) from None

    def make_identity(self, region: str) -> Identity:
        """New keys, in a file that only its owner can read."""
        letters = string.ascii_letters + string.digits
        made = Identity(
            "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16)),
            "".join(secrets.choice(letters) for _ in range(_SECRET_LENGTH)),
            region,
        )
        part = self.root / ".identity.json.part"
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(msgspec.to_builtins(made), file, indent=2)
        part.replace(self.root / "identity.json")
        return made

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder. SettingError where another gateway has it."""
        with (self.run / "lock").open("w") as file:
            try:
                fcntl.fcntl(file, fcntl.F_OFD_SETLK, _WHOLE_FILE)
            except BlockingIOError:
                running = self.running()
                told = f" at {running.url} (process {running.pid})" if running else ""
                raise SettingError(
                    f"a gateway is up in {self.root} already{told}",
                    hint="Use it, or end it with `skewless down`.",
                ) from None
            try:
                self._address.unlink(missing_ok=True)  # of one that was killed
                yield
            finally:
                self._address.unlink(missing_ok=True)

    @contextmanager
    def sockets(self) -> Iterator[Path]:
        """A folder for Unix sockets, whose paths may not be long."""
        here = self.run / "sockets"
        if len(os.fsencode(here.absolute() / f"i-{'0' * 17}.sock")) <= _LONGEST_SOCKET:
            here.mkdir(exist_ok=True)
            yield here.absolute()
            return
        with tempfile.TemporaryDirectory(prefix="skewless-") as folder:
            yield Path(folder)

    def announce(self, url: str, started: float) -> None:
        """Tell that a gateway answers at this address."""
        part = self.run / ".gateway.json.part"
        part.write_bytes(msgspec.json.encode(Running(os.getpid(), url, started)))
        part.replace(self._address)

    def running(self) -> Running | None:
        """The gateway that answers here, if one does."""
        try:
            with (self.run / "lock").open() as lock:
                kind, *_ = _FLOCK.unpack(fcntl.fcntl(lock, fcntl.F_OFD_GETLK, _WHOLE_FILE))
            if kind == fcntl.F_UNLCK:
                return None  # nobody holds it
            return msgspec.json.decode(self._address.read_bytes(), type=Running)
        except (OSError, ValueError):
            return None

    @property
    def _address(self) -> Path:
        return self.run / "gateway.json"


def role_arn(identity: Identity) -> str:
    """The ARN of the default execution role."""
    return Names(identity.region).role("/", DEFAULT_ROLE)
