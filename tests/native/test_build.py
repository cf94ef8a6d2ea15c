"""A wheel has the compiled library and says for which machines; what is built is not built again."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tools import build_native

ROOT = Path(__file__).parents[2]


def test_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.iterdir()
    assert made.name.endswith(f"-py3-none-{build_native.target()[1]}.whl")
    with zipfile.ZipFile(made) as wheel:
        assert wheel.read("skewless/native/kernels.so") == build_native.LIBRARY.read_bytes()
        assert b"Root-Is-Purelib: false" in wheel.read(
            next(n for n in wheel.namelist() if n.endswith("WHEEL"))
        )


def test_what_is_built_is_not_built_again() -> None:
    before = build_native.LIBRARY.stat()
    build_native.build()
    assert build_native.LIBRARY.stat().st_ino == before.st_ino
