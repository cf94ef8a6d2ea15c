"""Virtual environments for programs that bring a requirements.txt: made once for each content, kept, and shared."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from skewless.errors import SkewlessError
from skewless.programs.output import Tell
from skewless.programs.program import Program, run_program
from skewless.programs.surroundings import clean_environment

REQUIREMENTS: Final = "requirements.txt"
_COMPLETE: Final = ".complete"
_SHOWN: Final = 5
"""Last lines of pip's that a failure repeats."""
# Installers say what they could not do on lines that begin so; the rest are notices and hints.
_ERROR: Final = re.compile(r"\s*error[: ]", re.IGNORECASE)


def python_for(code: Path, environments: Path, tell: Tell) -> str:
    """The Python that shall run the code in a folder.

    It is this one, or where a requirements.txt lies beside the code, that of a virtual environment which has what
    stands in it, and behind that what this Python has. ``tell`` hears pip's output while it is made. SkewlessError says
    why it cannot be made; nothing of it is kept then.
    """
    requirements = code / REQUIREMENTS
    if not requirements.is_file():
        return sys.executable
    environments.mkdir(parents=True, exist_ok=True)
    folder = environments / _key(code, requirements)
    with _locked(folder.with_suffix(".lock")):
        if not (folder / _COMPLETE).exists():
            _make(folder, requirements, tell)
    return str(folder / "bin" / "python")


def _key(code: Path, requirements: Path) -> str:
    """What decides about the content: the requirements with the files they lead to, this Python, and its packages."""
    digest = hashlib.sha256()
    for part in (sys.version, sys.prefix, sysconfig.get_path("purelib")):
        digest.update(part.encode() + b"\0")
    digest.update(requirements.read_bytes())
    # A line may name a file beside it: other requirements, constraints, a wheel. Then all that lies there counts.
    if _leads_on(requirements):
        for file in sorted(one for one in code.rglob("*") if one.is_file()):
            digest.update(b"\0" + str(file.relative_to(code)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:32]


def _leads_on(requirements: Path) -> bool:
    lines = requirements.read_text(errors="replace").splitlines()
    return any(re.match(r"\s*(-|\.|[^#]*/)", line) for line in lines)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One process at a time; the others wait until it is made."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path, requirements: Path, tell: Tell) -> None:
    # In its own place, since its programs hold its path; the mark that it is complete comes last.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.EnvBuilder(symlinks=True).create(folder)
        python = str(folder / "bin" / "python")
        _look_behind(folder)
        _install(python, requirements, tell)
        (folder / _COMPLETE).touch()
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SkewlessError(
            f"the virtual environment {folder} cannot be made: {error.strerror or error}",
            hint="Set SKEWLESS_ENVIRONMENTS to a folder with room that may be written.",
        ) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _look_behind(folder: Path) -> None:
    """Let it see this Python's packages behind its own, with what their .pth files add."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / "lib" / version / "site-packages"
    behind = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    lines = [f"import site; site.addsitedir({path!r})" for path in behind]
    (own / "behind.pth").write_text("".join(f"{line}\n" for line in lines))


def _install(python: str, requirements: Path, tell: Tell) -> None:
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        tell(line)

    options = ["--disable-pip-version-check", "--no-input", "--no-color"]
    command = [python, "-m", "pip", *options, "install", "-r", requirements.name]
    ended = run_program(Program(command, clean_environment(), requirements.parent, tell=hear))
    if ended.status:
        said = [line.strip() for line in heard if _ERROR.match(line)] or [line for line in heard if line]
        raise SkewlessError(
            f"what {REQUIREMENTS} asks for cannot be installed: {' | '.join(said[-_SHOWN:])[:900]}",
            hint="Try it yourself with pip; where packages come from is decided by pip's own configuration.",
        )
