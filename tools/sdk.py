"""Make an environment for each generation of the SageMaker Python SDK below .make/. Run by ``make sdk``.

They are not ours: Skewless and its clients talk over the wire only, and what the SDKs need must not decide what we
need. So each gets a virtual environment of its own, from the requirement in `sdk/<generation>.txt`.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PLACE: Final = ROOT / ".make" / "sdk"
GENERATIONS: Final = ("v2", "v3")


def main() -> int:
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return max(map(make, GENERATIONS))


def make(generation: str) -> int:
    """One environment, unless it is there already; gives the exit status."""
    asked = ROOT / "sdk" / f"{generation}.txt"
    place = PLACE / generation
    python, stamp = place / "bin" / "python", place / "finished"
    wanted = f"{asked.read_text()}{sys.version}\n{place}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return 0
    print(f"sdk: installing {asked.read_text().strip()}; the first time this takes some minutes", flush=True)
    pip = (python, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check")
    try:
        subprocess.run((sys.executable, "-m", "venv", "--clear", place), check=True)
        subprocess.run((*pip, "install", "--requirement", asked), check=True)
    except subprocess.CalledProcessError as error:
        print(f"sdk: this failed: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        print("sdk: The reason stands above. Put it right and run `make sdk` again.", file=sys.stderr)
        return 1
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
