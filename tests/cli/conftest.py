"""A pipeline to use, a copy of it to spoil, and the commands: in this process, which is quick, and for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from skewless.cli.main import main
from tests.pipelines import build

SKEWLESS = Path(sys.executable).with_name("skewless")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline.yaml; nobody writes into its folder."""
    return build(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture
def folder(pipeline: Path, tmp_path: Path) -> Path:
    """A folder with the same files, which a test may change."""
    return Path(shutil.copytree(pipeline.parent, tmp_path / "own"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process."""
    # It would change pyarrow for all other tests.
    for name in ("lean.keep_pandas_out", "server.keep_small"):
        monkeypatch.setattr(f"skewless.serving.{name}", lambda: None)

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["skewless", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code
        assert isinstance(status, int)
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture
def really() -> Run:
    """Runs a command as a process of its own."""

    def really(
        *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Done:
        done = subprocess.run(
            [SKEWLESS, *arguments],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return really
