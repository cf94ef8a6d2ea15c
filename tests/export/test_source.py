"""Which source travels with a class of one's own, and what is refused because it would not run elsewhere."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from skewless.errors import UnsupportedError
from skewless.export.source import source_of
from skewless.python_stage import PythonStage
from tests.parity import own_stages

HEAD = "from skewless.python_stage import PythonStage\n"
CLASS = "class Own(PythonStage):\n    def row(self, x):\n        return x\n"


def own(folder: Path, text: str) -> type[PythonStage]:
    """The class Own of a module with this text."""
    file = folder / f"module_{folder.name}.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    kind = module.Own
    assert isinstance(kind, type)
    return kind


def test_a_module_travels_whole() -> None:
    assert source_of(own_stages.Hot, ()) == Path(own_stages.__file__).read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"import pytest\n{HEAD}{CLASS}", r"line 1 of its module imports pytest.*requires = \(\"pytest\",\)"),
        (
            f"{HEAD}{CLASS}    def late(self):\n        import yaml.nodes\n",
            r"line 6 .* imports yaml.nodes.*Declare it",
        ),
        (
            f"import tests.builders\n{HEAD}{CLASS}",
            "imports tests.builders, which would not travel. Take what",
        ),
        (
            f"{HEAD}class A:\n    {CLASS.replace(chr(10), chr(10) + '    ')}\nOwn = A.Own\n",
            "inside a function or an",
        ),
        (f"{HEAD}{CLASS}    __slots__ = ('a',)\n", "it has __slots__"),
    ],
)
def test_what_would_not_run_elsewhere_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnsupportedError, match=f"class Own cannot be a stage: .*{said}"):
        source_of(own(tmp_path, text), ())


def test_imports_for_others_do_not_matter(tmp_path: Path) -> None:
    text = f"""from typing import TYPE_CHECKING
import yaml
{HEAD}if TYPE_CHECKING:
    import pytest
{CLASS}if __name__ == "__main__":
    import tests
"""
    assert source_of(own(tmp_path, text), ("PyYAML",)) == text


SCRIPT = """
import math
import os.path as paths
from dataclasses import dataclass, field
from skewless import PythonStage
import numpy as np
from skewless.export.source import source_of
LIMIT = 3
@dataclass
class Own(PythonStage):
    inputs = {"x": "double"}
    outputs = dict(y="double")
    low: float = math.pi
    seen: list[float] = field(default_factory=list)
    def row(self, x: np.float64) -> float:
        return [paths.sep for _ in range(1)] and max(self.low, abs(x))
class Lost(PythonStage):
    def row(self, x):
        return [min(x, LIMIT, helper(y)) for y in x]
def helper(y):
    return y
print(source_of(Own, ()))
try:
    source_of(Lost, ())
except Exception as error:
    print("##", error)
"""


def test_of_a_script_the_class_travels_with_its_imports(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    text, _, lost = done.stdout.partition("## ")
    assert lost.startswith("class Lost cannot be a stage: it uses LIMIT, helper of the script or notebook")
    assert "print" not in text
    made = own(tmp_path, text)
    assert made(low=1.0).row(-2.5) == 2.5  # type: ignore[call-arg]


def test_a_class_without_source_is_refused() -> None:
    program = f"{HEAD}{CLASS}\nfrom skewless.export.source import source_of\nsource_of(Own, ())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "class Own cannot be a stage: its source cannot be found" in done.stderr
    assert "Put the class with all that it uses into a file of its own" in done.stderr
