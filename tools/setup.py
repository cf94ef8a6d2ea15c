"""Make .venv hold exactly what requirements.lock says, plus this checkout. Run by ``make setup``.

Needs nothing but a bare Python. It may be run at any time: a finished set-up is recognised in a moment, one that was
interrupted or damaged is built again. pip takes its own settings (index, certificates, cache) from the machine.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = ROOT / ".make"
STAMP = STATE / "setup.stamp"
UNFINISHED = STATE / "setup.unfinished"
KERNELS = ROOT / "src" / "skewless" / "native" / "kernels.so"

# Published as source only. It is installed last and built by the setuptools of the lock: a build environment of
# pip's own would take whichever setuptools is newest that day, unhashed.
SOURCE_ONLY = ("pyspark",)


def main() -> int:
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("w") as lock:
        wait_for_turn(lock.fileno())
        if STAMP.exists() and STAMP.read_text() == stamp() and KERNELS.exists() and not damage():
            return 0
        return build()


def wait_for_turn(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another setup of this checkout is running; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def stamp() -> str:
    """What a finished set-up depends on: the files that describe it, and where it lies (scripts hold the path)."""
    digest = hashlib.sha256(str(ROOT).encode())
    kernels = sorted((ROOT / "src" / "skewless" / "native").glob("*.[ch]"))
    for file in (LOCK, ROOT / "pyproject.toml", Path(__file__), ROOT / "tools" / "build_native.py", *kernels):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def build() -> int:
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    try:
        reason = "the last set-up did not finish" if UNFINISHED.exists() else damage()
        UNFINISHED.touch()
        if reason:
            if VENV.exists():
                say(f"building .venv again: {reason}")
            create_venv()
        install()
    except subprocess.CalledProcessError as error:
        say(f"this failed: {' '.join(map(str, error.cmd))}")
        say("The reason stands above. Put it right and run `make setup` again; it starts afresh.")
        return 1
    except KeyboardInterrupt:
        say("interrupted; `make setup` starts afresh")
        return 130
    UNFINISHED.unlink()
    STAMP.write_text(stamp())
    say(f"done in {time.monotonic() - started:.0f} s")
    return 0


def damage() -> str:
    """Why the virtual environment cannot be used, or an empty string."""
    probe = "import sys, pip; print(pip.__file__, (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        answer = subprocess.run(
            [PYTHON, "-I", "-c", probe], capture_output=True, text=True, check=True
        ).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return "its Python does not run"
    if answer[-1:] != ["True"]:
        return "its Python is not 3.11, 3.12 or 3.13"
    scripts = VENV / "bin" / "pip"
    if not scripts.exists() or f"{VENV}/" not in scripts.read_text():
        return "it was made in another place"
    gone = next(missing_files(), None)
    return f"{gone} is missing" if gone else ""


def missing_files() -> Iterator[Path]:
    """Files that pip installed and that are no longer there; compiled ones do not matter."""
    for record in VENV.glob("lib/python3.*/site-packages/*.dist-info/RECORD"):
        site = record.parent.parent
        with record.open(newline="") as lines:
            for name, *_ in csv.reader(lines):
                if not name.endswith(".pyc") and not os.path.lexists(os.path.join(site, name)):  # noqa: PTH118
                    yield site / name


def create_venv() -> None:
    add_ensurepip()
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--clear", VENV)


def add_ensurepip() -> None:
    """Debian keeps ensurepip in a package of its own. Root gets it; others are told the command."""
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode == 0:
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        say(f"{sys.executable} cannot make virtual environments: the module ensurepip is missing.")
        say(f"On Debian or Ubuntu, run:   sudo apt-get install {package}")
        say("and then `make setup` again.")
        UNFINISHED.unlink(missing_ok=True)
        raise SystemExit(1)
    say(f"installing {package}, which this Python needs to make virtual environments")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, env=quiet)


def install() -> None:
    say("installing what requirements.lock says; the first time this takes some minutes")
    wheels = STATE / "wheels.lock"
    wheels.write_text("".join(block for block in blocks() if not is_source_only(block)))
    locked = ("install", "--require-hashes", "--no-deps", "--no-build-isolation", "-r")
    pip(*locked, wheels)
    pip(*locked, LOCK)
    pip("check")
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def blocks() -> Iterator[str]:
    """The lock file's entries: a line that starts at the margin, with the indented lines below it."""
    block = ""
    for line in LOCK.read_text().splitlines(keepends=True):
        if block and not line[0].isspace():
            yield block
            block = ""
        block += line
    yield block


def is_source_only(block: str) -> bool:
    return block.partition("==")[0] in SOURCE_ONLY


def pip(*arguments: str | Path) -> None:
    run(PYTHON, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", *arguments)


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=env)


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
