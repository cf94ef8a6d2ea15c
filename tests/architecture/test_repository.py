"""The repository as a whole: it carries its licence and its types, and no address of one workplace or registry."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Where packages come from is the machine's affair (pip's settings). Put together here, so that this file passes too.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("registry", "npmjs"),
        ("repo", "maven"),
        ("anaconda", "org"),
        ("download", "pytorch", "org"),
    )
)
# A folder of one developer's or one CI's machine.
WORKPLACE = re.compile(r"(?<![\w.$}~-])/" + r"(?:work|home/\w+|root|Users/\w+|opt/(?:wheels|pypi)\b)/")
LOCK = (ROOT / "requirements.lock").read_text()


def tracked_files() -> Iterator[Path]:
    """What git tracks; without git (a source archive), every file outside hidden and ignored folders."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listing = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
        if listing.returncode == 0:
            yield from (ROOT / name for name in listing.stdout.decode().split("\0") if name)
            return
    for file in ROOT.rglob("*"):
        parts = file.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in {"demo-output", "__pycache__"} for part in parts):
            yield file


def lines() -> Iterator[tuple[str, str]]:
    for file in tracked_files():
        if file.is_file():
            text = file.read_bytes().decode(errors="replace")
            for number, line in enumerate(text.splitlines(), 1):
                yield f"{file.relative_to(ROOT)}:{number}", line


def test_no_registry_address() -> None:
    assert [
        f"{place}: {line[:120]}" for place, line in lines() if any(host in line for host in REGISTRY_HOSTS)
    ] == []


def test_no_path_of_one_machine() -> None:
    assert [f"{place}: {line[:120]}" for place, line in lines() if WORKPLACE.search(line)] == []


def test_the_lock_names_no_place() -> None:
    assert re.findall(r"^.*(?:://|--index|--extra-index|--find-links|@ ).*$", LOCK, re.MULTILINE) == []


def test_everything_in_the_lock_has_a_version_and_hashes() -> None:
    entries = [entry for entry in re.split(r"\n(?=\S)", LOCK) if not entry.startswith("#")]
    assert len(entries) > 40
    assert [
        entry.partition("\n")[0]
        for entry in entries
        if not re.match(r"[a-z0-9-]+==[^ ]+ ", entry) or "--hash=sha256:" not in entry
    ] == []


def test_the_lock_brings_no_gpu_libraries() -> None:
    assert re.findall(r"^(?:torch|nvidia|cuda|triton|xgboost=).*$", LOCK, re.MULTILINE) == []


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


def test_the_package_is_typed() -> None:
    assert (ROOT / "src" / "skewless" / "py.typed").is_file()
