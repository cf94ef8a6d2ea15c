"""A Python of a job's own: what a script installs is gone with the job, and never reaches ours."""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

TOOLKIT: Final = Path(__file__).parents[2] / "scripts" / "container_path"
"""What scripts import from SageMaker's own packages; an installed package of the same name goes before it."""


def private_python(folder: Path, base: str = sys.executable) -> Path:
    """Make one; gives its folder of programs, for the front of a path.

    It sees the packages of ``base``, a Python or one in a virtual environment, behind its own, then those of the
    running Python and the toolkit's names.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    behind = dict.fromkeys(
        (str(_packages(Path(base).parents[1])), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    )
    # Lines of code, since folders that are only named would not have their own path files read.
    lines = [f"import site; site.addsitedir({path!r})" for path in behind]
    (_packages(folder) / "behind.pth").write_text("".join(f"{line}\n" for line in [*lines, str(TOOLKIT)]))
    programs = folder / "bin"
    for name in ("pip", "pip3"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{programs / "python"}" -m pip "$@"\n')
        (programs / name).chmod(0o755)
    return programs


def _packages(environment: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return environment / "lib" / version / "site-packages"
