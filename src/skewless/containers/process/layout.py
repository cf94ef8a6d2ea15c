"""The private folder of a container's program, laid out as SageMaker does below /opt/ml, and what it is told of it."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from skewless.containers.part import SUBMIT_DIRECTORY
from skewless.programs.program import Cover
from skewless.programs.surroundings import clean_environment, private_opt_ml

ML: Final = "/opt/ml"
_SOCKET: Final = "skewless.sock"
_LONGEST_SOCKET: Final = 100
"""Bytes of a Unix socket's path: 108 on Linux, less the end mark and some room."""
_FOLDERS: Final = ("model", "code", "input/config", "input/data", "output/data")
_PORTS: Final = range(20_000, 32_000, 20)
"""Blocks of ports, below those that the kernel gives to anybody: one to answer on, the others for more of its own."""
_PREFIX: Final = "skewless-container-"
_NEW: Final = 60.0
"""Seconds within which a folder may have been made and not be held yet."""
_CROWDED: Final = 0.005
"""Seconds until another try where too many wait to be connected."""


class Layout:
    """One container's private folder; what is at /opt/ml for its program lies in ``ml``."""

    def __init__(
        self, folder: Path | None, model: Mapping[str, bytes], code: Mapping[str, bytes] | None
    ) -> None:
        """Lay it out. ``code`` is what was brought apart from the model; without it the model's own lies there too."""
        folder = folder or Path(tempfile.gettempdir())
        folder.mkdir(parents=True, exist_ok=True)
        _clear_left_over(folder)
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        self._lock = _open(self.root)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.ml = self.root / ML.lstrip("/")
        for name in _FOLDERS:
            (self.ml / name).mkdir(parents=True)
        for name in ("work", "tmp"):
            (self.root / name).mkdir()
        _write(model, self.ml / "model")
        if code is not None:
            _write(code, self.ml / "code")
        elif (self.ml / "model" / "code").is_dir():
            (self.ml / "code").rmdir()
            (self.ml / "code").symlink_to("model/code")
        # By its number, since the path to a socket may be too long.
        self._number = os.open(self.ml, os.O_PATH | os.O_DIRECTORY)
        self.port, self._claim = _claimed_ports()

    def covers(self) -> list[Cover]:
        """What makes this folder's /opt/ml the program's. OSError where the machine has no /opt."""
        return [private_opt_ml(self.root)]

    def real(self, path: str) -> Path:
        """Where that lies for us, which the program sees at an absolute path."""
        return self.root / path.lstrip("/") if Path(path).is_relative_to(ML) else Path(path)

    def environment(self, given: Mapping[str, str], *, private: bool) -> dict[str, str]:
        """The program's environment at its next start; ``private``: it sees its folder at /opt/ml."""
        # Not the ports that it had: the kernel keeps them for a while for connections that just ended.
        taken, self.port, self._claim = self._claim, *_claimed_ports()
        taken.close()
        ml = ML if private else str(self.ml)
        (self.ml / _SOCKET).unlink(missing_ok=True)
        own = {
            "SAGEMAKER_BASE_DIR": ml,
            "SM_MODEL_DIR": f"{ml}/model",
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SAGEMAKER_SAFE_PORT_RANGE": f"{self.port + 1}-{self.port + _PORTS.step - 1}",
            "TMPDIR": str(self.root / "tmp"),
        }
        if len(os.fsencode(f"{ml}/{_SOCKET}")) <= _LONGEST_SOCKET:
            own["SKEWLESS_BIND_TO_SOCKET"] = f"{ml}/{_SOCKET}"
        script = given.get(SUBMIT_DIRECTORY)
        if script and not private:
            own[SUBMIT_DIRECTORY] = str(self.real(script))
        return {**clean_environment(), **given, **own}

    def connect(self, timeout: float) -> socket.socket:
        """A connection to the program, by its Unix socket or its port. OSError where it listens on neither."""
        if (self.ml / _SOCKET).exists():
            with suppress(ConnectionRefusedError, FileNotFoundError):
                return _connect_to(f"/proc/self/fd/{self._number}/{_SOCKET}", timeout)
        made = socket.create_connection(("127.0.0.1", self.port), timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def remove(self) -> None:
        """Remove the folder; a second call does nothing."""
        if self._number >= 0:
            os.close(self._number)
            os.close(self._lock)
            self._number = -1
            self._claim.close()
        shutil.rmtree(self.root, ignore_errors=True)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _clear_left_over(folder: Path) -> None:
    """Remove what processes that were killed left behind: our own folders that nobody holds."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            number = _open(left)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found = os.fstat(number)
                if found.st_uid == os.geteuid() and time.time() - found.st_mtime > _NEW:
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(number)


def _connect_to(path: str, timeout: float) -> socket.socket:
    """A connection by a Unix socket; where too many wait for theirs, the kernel says so instead of having us wait."""
    deadline = time.monotonic() + timeout
    while True:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(timeout)
        try:
            made.connect(path)
            return made
        except BlockingIOError:
            made.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(_CROWDED)
        except BaseException:
            made.close()
            raise


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _claimed_ports() -> tuple[int, socket.socket]:
    """The first of a block of ports that nobody has, and the claim to it, which is given up by closing it.

    A program binds its port some time after it was told, so a look at the port alone could give it to two; who listens
    on a socket would then be taken for the other. The claim is a name that the kernel lets only one have.
    """
    for start in random.sample(_PORTS, len(_PORTS)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                claim.bind(f"\0skewless.ports.{start}")
                probe.bind(("127.0.0.1", start))
                return start, claim
            except OSError:
                claim.close()
    raise OSError(f"no port between {_PORTS.start} and {_PORTS.stop} is free")
