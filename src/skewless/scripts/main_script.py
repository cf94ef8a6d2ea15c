"""Runs a file as the main program of this process, and says in one line what it failed with."""

from __future__ import annotations

import builtins
import functools
import re
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

LONGEST: Final = 1000
"""Characters of what a failure says."""

PYTHON2_NAMES: Final = {
    "reduce": functools.reduce,
    "xrange": range,
    "unicode": str,
    "basestring": str,
    "long": int,
    "unichr": chr,
}
"""Built-in names of Python 2 that have an equal in Python 3."""

_BELOW: Final = re.compile(r"\n\s*at |\n\nJVM stacktrace:|\n\tat ")
_NO_BUCKET: Final = re.compile(r"target File System for URI : (s3[an]?://[^/\s]+)|S3AFileSystem not found")


def offer_python2_names() -> None:
    """Let scripts use them as if they were built in."""
    for name, value in PYTHON2_NAMES.items():
        setattr(builtins, name, value)


def run_main(file: Path, address: str, arguments: list[str], *, python2: bool) -> tuple[int, str | None]:
    """Exit status of the script, and what it failed with. What it raised is printed as Python would."""
    try:
        code: CodeType = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        told = _no_python(error, address, file.name, python2)
        print(told, file=sys.stderr)
        return 1, told
    module = ModuleType("__main__")
    module.__file__ = str(file)
    # What Spark's workers get of its functions is looked up under this name.
    sys.modules["__main__"] = module
    sys.argv = [str(file), *arguments]
    sys.path.insert(0, str(file.parent))
    try:
        exec(code, vars(module))
    except SystemExit as error:
        return _exit(error)
    except BaseException as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, below)
        return 1, summary(error)
    return 0, None


def _exit(error: SystemExit) -> tuple[int, str | None]:
    if error.code is None or error.code == 0:
        return 0, None
    if isinstance(error.code, int):
        return error.code & 0xFF or 1, f"Command failed with exit code {error.code}"
    print(error.code, file=sys.stderr)
    return 1, f"SystemExit: {str(error.code)[:LONGEST]}"


def _no_python(error: SyntaxError | ValueError, address: str, name: str, python2: bool) -> str:
    if not isinstance(error, SyntaxError) or error.lineno is None:
        return f"{address} is no Python source: {error}"
    told = f"SyntaxError: {error.msg} ({name}, line {error.lineno}): {(error.text or '').strip()[:200]}"
    if not python2:
        return told
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"{told}. The job's PythonVersion is 2, and scripts run on Python {version} here: the built-ins "
        f"{', '.join(sorted(PYTHON2_NAMES))} are there, Python 2's syntax (print without parentheses, "
        "except X, e) is not. Write it so that Python 3 reads it."
    )


def summary(error: BaseException) -> str:
    """An exception in one line, as Python ends a traceback, without the JVM's own stack."""
    text = str(error)
    short = " ".join(_BELOW.split(text)[0].split())
    if found := _NO_BUCKET.search(text):
        bucket = found[1] or "of the path"
        short += (
            f" (Is there such a bucket? The storage here has none {f'at {bucket}' if found[1] else bucket}.)"
        )
    name = type(error).__name__
    return f"{name}: {short[:LONGEST]}" if short else name
