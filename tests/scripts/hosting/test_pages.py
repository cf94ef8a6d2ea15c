"""Pages of how to serve scripts and pipelines: files written, commands run, what they print compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(
    r"^```(?P<kind>\w+)\n(?:# (?P<file>\S+\.\w+)\n)?(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("page", ["script-mode", "own-python", "scikit-learn"])
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    blocks = list(BLOCK.finditer((ROOT / f"docs/how-to/{page}.md").read_text()))
    for block in blocks:
        if block["file"]:
            file = tmp_path / block["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block["text"])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = "".join(block["text"] for block in blocks if block["kind"] == "sh")
    done = subprocess.run(
        ["sh", "-euc", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    shown = "".join(block["text"] for block in blocks if block["kind"] == "text")
    assert done.stdout.strip() == shown.strip() != "", done.stderr
