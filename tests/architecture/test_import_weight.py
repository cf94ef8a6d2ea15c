"""A light process stays light: what serving and a bare import load, seen in a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

# xgboost is the Python package: serving calls the native library through ctypes.
HEAVY_FOR_SERVING = (
    "botocore",
    "pandas",
    "pyspark",
    "py4j",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "sqlglot",
    "xgboost",
)


def loaded_by(statement: str) -> set[str]:
    """Top-level names in ``sys.modules`` after a statement in a fresh process."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("library", ["pandas", "pyspark", "scipy", "sklearn", "xgboost"])
def test_the_probe_sees_what_is_installed(library: str) -> None:
    """Else the next test would pass because nothing is there to be loaded."""
    assert library in loaded_by(f"import {library}")


def test_serving_loads_no_heavy_library() -> None:
    assert loaded_by("import skewless.serving.app").isdisjoint(HEAVY_FOR_SERVING)


def test_a_bare_import_loads_no_numpy() -> None:
    assert loaded_by("import skewless").isdisjoint({"numpy", "pyarrow", *HEAVY_FOR_SERVING})


def test_the_control_plane_loads_no_numbers_and_no_wire() -> None:
    """What may exist and how it may change is said with the standard library and the store."""
    statement = "import skewless.control.operations, skewless.control.running"
    other = {"botocore", "numpy", "pandas", "pyarrow", "pyspark", "starlette", "uvicorn", "xgboost"}
    assert loaded_by(statement).isdisjoint(other)
