"""Containers that run code: which command stands behind an image, and with what it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from skewless.containers.images import PROCESS, PYTHON, is_path, program_at
from skewless.containers.part import PROGRAM, SUBMIT_DIRECTORY, Part
from skewless.containers.process.container import ProcessContainer, Runnable
from skewless.containers.process.hosting import Hosting
from skewless.containers.process.layout import ML, Layout
from skewless.programs.environments import python_for
from skewless.settings import Settings

SERVING: Final = "skewless.scripts.hosting"
"""What serves a script. It stands above this layer and is started, never imported."""
_SKOPS: Final = Path(__file__).parents[1] / "scripts" / "skops_serving"
_PYTHON: Final = "python"
"""The Python that has what the container asks for."""
_INFERENCE: Final = "inference.py"
_KIND: Final = "SKEWLESS_HOSTING"
"""The variable that tells which container is to be played."""
_CODE: Final = f"{ML}/code"


def runs_code(part: Part) -> bool:
    """Whether a container is a program or a script, and not data."""
    return part.runtime in (PROCESS, PYTHON) or part.names_script


def load_script(part: Part, settings: Settings, hosting: Hosting) -> ProcessContainer:
    """A container that serves a script in Python, by the functions it has."""
    given = {**part.environment, _KIND: part.runtime}
    if part.runtime == PYTHON:
        given.setdefault(PROGRAM, _INFERENCE)
    if settings.strict:
        given["SKEWLESS_STRICT"] = "1"
    folder = given.get(SUBMIT_DIRECTORY, "")
    if part.script is not None or not folder:
        given[SUBMIT_DIRECTORY] = _CODE
    return _load(part, (_PYTHON, "-m", SERVING), given, settings, hosting)


def load_skops(part: Part, settings: Settings, hosting: Hosting) -> ProcessContainer:
    """A container that serves the estimator of a skops file; the script is ours, and the model holds no code."""
    folder = {SUBMIT_DIRECTORY: str(_SKOPS), PROGRAM: _INFERENCE}
    own = replace(part, runtime=PYTHON, environment={**part.environment, **folder}, script=None)
    return load_script(own, settings, hosting)


def load_program(part: Part, settings: Settings, hosting: Hosting) -> ProcessContainer:
    """A container that is a program by itself."""
    given = dict(part.environment)
    if part.script is not None:
        given[SUBMIT_DIRECTORY] = _CODE
    command = program_at(Path(part.image)) if is_path(part.image) else hosting.images[part.image].command
    return _load(part, command, given, settings, hosting)


def _load(
    part: Part, command: Sequence[str], given: dict[str, str], settings: Settings, hosting: Hosting
) -> ProcessContainer:
    registered = hosting.images.get(part.image)
    layout = Layout(hosting.folder, part.files, part.script)
    try:
        code = layout.real(given.get(SUBMIT_DIRECTORY, _CODE).removeprefix("file://"))
        python = python_for(code, settings.environments.expanduser(), partial(hosting.say, part.name))
        if python != sys.executable:
            path = given.get("PATH", os.environ.get("PATH", os.defpath))
            given["PATH"] = f"{Path(python).parent}{os.pathsep}{path}"
        memory = (registered and registered.memory_mb) or settings.container_memory_mb
        health = hosting.health_timeout or (registered and registered.health_timeout)
        what = Runnable(
            (python, *command[1:]) if command[0] == _PYTHON else command,
            given,
            layout,
            health or settings.health_timeout,
            memory << 20,
        )
        return ProcessContainer(part.name, part.runtime, what, settings, hosting)
    except BaseException:
        layout.remove()
        raise
