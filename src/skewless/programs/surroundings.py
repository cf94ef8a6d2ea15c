"""What a user's program finds around it: a clean environment, its own programs on the path, its private folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from skewless.programs.program import Cover

# Settings of the process that starts it would send the program elsewhere, or change what it computes.
_NOT_INHERITED: Final = ("AWS_", "SKEWLESS_", "SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "TMPDIR")


def clean_environment(inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a program inherits: no credentials, no settings of ours, and no proxy on the way to this machine."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_NOT_INHERITED)}
    no_proxy = ",".join(filter(None, (kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1,localhost")))
    return {**kept, "PYTHONUNBUFFERED": "1", "no_proxy": no_proxy, "NO_PROXY": no_proxy}


def write_programs(folder: Path, programs: Mapping[str, str]) -> None:
    """Write programs for the front of a path, each by its name and what Python is to be started with.

    ``python`` and ``python3`` are this very Python where nothing else is given.
    """
    folder.mkdir(exist_ok=True)
    for name, arguments in {"python": "", "python3": "", **programs}.items():
        # A script and no link: Python finds its environment by the path that it was started with.
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (folder / name).chmod(0o755)


def private_tmp(folder: Path, needed: Iterable[str | Path | None]) -> Cover:
    """A /tmp of the program's own, as on a machine of its own: programs write to fixed names there.

    ``folder`` is made for it. What is needed besides Python itself, and lies in the machine's /tmp, is kept.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)
    python = (sys.prefix, sys.base_prefix, *sys.path, Path.home(), os.environ.get("XDG_CACHE_HOME"))
    return Cover("/tmp", str(folder), _inside(Path("/tmp"), [Path(one) for one in (*needed, *python) if one]))


def private_opt_ml(root: Path) -> Cover:
    """An /opt/ml of the program's own, which is ``root``/opt/ml; the rest of the machine's /opt stays as it is."""
    return Cover(
        "/opt", str(root / "opt"), sorted(str(one) for one in Path("/opt").iterdir() if one.name != "ml")
    )


def _inside(folder: Path, paths: Iterable[Path]) -> list[str]:
    """The existing ones of these paths that lie in a folder, without those that lie in each other."""
    inside = {path.resolve() for path in paths if path.exists()}
    inside = {path for path in inside if folder in path.parents}
    return sorted(str(path) for path in inside if not inside.intersection(path.parents))
