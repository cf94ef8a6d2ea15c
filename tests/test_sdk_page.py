"""What docs/sdk.md shows is what `make sdk` runs."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

SCRIPTS = [path.read_text() for path in sorted((ROOT / "sdk").glob("v*.py"))]
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/sdk.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_stands_in_a_script(example: str) -> None:
    assert any(example in script for script in SCRIPTS)


def test_all_scripts_are_run() -> None:
    suite = (ROOT / "sdk" / "test_sdk.py").read_text()
    unrun = [path.name for path in (ROOT / "sdk").glob("v*.py") if f'"{path.name}"' not in suite]
    assert unrun == []
