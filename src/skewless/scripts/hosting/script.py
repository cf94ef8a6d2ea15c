"""A user's script as a module: found, imported, its functions looked over."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final

from skewless.bundles.archive import read_files
from skewless.errors import SettingError
from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.toolkit.errors import UserError
from skewless.settings import Settings

CONTAINER_PATH: Final = Path(__file__).parents[1] / "container_path"
"""The modules that SageMaker's containers offer. Last on the path: what the user has installed comes first."""

EXCLUSIVE: Final = "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn"
_STEPS: Final = ("input_fn", "predict_fn", "output_fn")
_SHOWN: Final = 10


def load_script(hosting: Hosting) -> ModuleType:
    """Import the script under its own name, its folder first on the path.

    SettingError where it is not there or would hide another module, UserError for functions that exclude each other;
    whatever the script raises is raised.
    """
    program = hosting.code / hosting.name
    if not program.is_file():
        raise SettingError(
            f"there is no {program}", hint=f"In {hosting.code} there is: {_listing(hosting.code)}."
        )
    name = program.stem
    if name in sys.modules or name in sys.stdlib_module_names:
        raise SettingError(
            f"a script named {program.name} hides the module {name}", hint="Give it another name."
        )
    sys.argv = [str(program)]  # for a script that reads its arguments wherever it is imported
    sys.path[:0] = dict.fromkeys([str(hosting.code), str(program.parent)])
    sys.path.append(str(CONTAINER_PATH))
    spec = spec_from_file_location(name, program)
    assert spec is not None  # of a .py file there always is one
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # models that were pickled find its classes under this name
    spec.loader.exec_module(module)
    if hasattr(module, "transform_fn") and any(hasattr(module, step) for step in _STEPS):
        raise UserError(EXCLUSIVE)
    return module


@contextmanager
def code_folder(code: Path) -> Iterator[Path]:
    """The folder of the code; of an archive one that it is unpacked into, until the block ends.

    ArtifactError names what is wrong with the archive.
    """
    if not code.is_file():
        yield code
        return
    with TemporaryDirectory(prefix="skewless-code-") as folder:
        for name, content in read_files(code, limits=Settings()).items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        yield Path(folder)


def _listing(folder: Path) -> str:
    found = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "") or "nothing"
