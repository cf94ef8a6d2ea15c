"""The compiled library is that of the sources beside it, and a missing one is told with the way out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skewless.errors import SettingError
from skewless.native import library
from tools import build_native

ALL_OF_IT = """
import pkgutil, sys
import skewless.native
from skewless.native import library
library.FILE = library.FILE.with_name("gone.so")
for module in pkgutil.iter_modules(skewless.native.__path__, "skewless.native."):
    if module.name != "skewless.native.kernels":
        __import__(module.name)
print("imported")
"""


def test_the_library_is_of_these_sources() -> None:
    """Else: python tools/build_native.py, or make setup."""
    assert library.kernels().skewless_sources().decode() == build_native.digest()


def test_the_hash_minds_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_native.digest()
    for file in build_native.FOLDER.glob("*.[ch]"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(build_native, "FOLDER", tmp_path)
    assert build_native.digest() == before
    (tmp_path / "dots.c").write_bytes((tmp_path / "dots.c").read_bytes() + b"\n")
    assert build_native.digest() != before


@pytest.mark.parametrize("loaded", [library.kernels, library.row_kernels])
def test_a_missing_library(loaded: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "FILE", tmp_path / "kernels.so")
    with pytest.raises(SettingError, match=r"make setup.*pip install --force-reinstall skewless"):
        loaded.__wrapped__()  # type: ignore[attr-defined]


def test_something_else_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kernels.so").write_bytes(b"no library")
    monkeypatch.setattr(library, "FILE", tmp_path / "kernels.so")
    with pytest.raises(SettingError, match="the compiled kernels cannot be used"):
        library.kernels.__wrapped__()


def test_the_modules_are_imported_without_it() -> None:
    ran = subprocess.run([sys.executable, "-c", ALL_OF_IT], capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.stderr) == ("imported", "")
