"""The paths of a training container, as its program sees them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from skewless.containers.process import layout

ML: Final = PurePosixPath(layout.ML)
CODE: Final = ML / "code"
MODEL: Final = ML / "model"
INPUT: Final = ML / "input"
CONFIG: Final = INPUT / "config"
DATA: Final = INPUT / "data"
OUTPUT: Final = ML / "output"
OUTPUT_DATA: Final = OUTPUT / "data"
INTERMEDIATE: Final = OUTPUT / "intermediate"
FAILURE: Final = OUTPUT / "failure"


def on_disk(root: Path, place: PurePosixPath) -> Path:
    """Where a path lies on this machine; ``root`` stands for the program's ``/``."""
    return root / place.relative_to("/")
