"""Virtual environments by what they shall hold."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from skewless.errors import SkewlessError
from skewless.programs import environments
from skewless.programs.environments import python_for


def wheel(folder: Path, version: str = "1.0", name: str = "tiny_made_here") -> Path:
    """A package of one module, as pip takes it from a file."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return file


def code_with(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def says(python: str, program: str) -> str:
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_without_requirements_it_is_this_python(tmp_path: Path) -> None:
    assert python_for(tmp_path, tmp_path / "made", print) == sys.executable
    assert not (tmp_path / "made").exists()


def test_its_own_packages_come_first_and_ours_stand_behind(tmp_path: Path) -> None:
    code = code_with(tmp_path / "code", "./tiny_made_here-1.0-py3-none-any.whl")
    wheel(code)
    heard: list[str] = []
    python = python_for(code, tmp_path / "made", heard.append)
    assert python.startswith(str(tmp_path / "made"))
    assert says(python, "import tiny_made_here; print(tiny_made_here.VERSION)") == "1.0"
    assert says(python, "import skewless, numpy; print(numpy.__version__)")
    assert any("Successfully installed tiny-made-here-1.0" in line for line in heard)


def test_the_same_content_is_made_once(tmp_path: Path) -> None:
    code, other = (code_with(tmp_path / name, "numpy") for name in ("one", "two"))
    told: list[str] = []
    pythons: list[str] = []

    def make(folder: Path) -> Callable[[], None]:
        return lambda: pythons.append(python_for(folder, tmp_path / "made", told.append))

    threads = [Thread(target=make(folder)) for folder in (code, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pythons)) == 1
    assert sum("Requirement already satisfied: numpy" in line for line in told) == 1


def test_what_cannot_be_installed_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    code = code_with(tmp_path / "code", "--no-index", "no-such-package-anywhere==9")
    with pytest.raises(SkewlessError, match=r"cannot be installed: .*no-such-package-anywhere") as caught:
        python_for(code, tmp_path / "made", print)
    assert "pip" in str(caught.value)
    assert [one.name for one in (tmp_path / "made").iterdir() if one.is_dir()] == []


def test_files_that_requirements_name_count_for_the_content(tmp_path: Path) -> None:
    code = code_with(tmp_path / "code", "-r more.txt")
    keys = set()
    for line in ("numpy", "numpy>1"):
        (code / "more.txt").write_text(line)
        keys.add(environments._key(code, code / "requirements.txt"))
    (code / "requirements.txt").write_text("numpy\n")
    for script in ("x = 1", "x = 2"):
        (code / "inference.py").write_text(script)
        keys.add(environments._key(code, code / "requirements.txt"))
    assert len(keys) == 3
