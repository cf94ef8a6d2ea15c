"""How a training program is started: its command, its environment, its Python, its private folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from skewless.errors import SkewlessError
from skewless.jobs.job import Job
from skewless.jobs.script_environment import environment_of, private_tmp
from skewless.jobs.script_training import places
from skewless.jobs.script_training.code import command_of, is_package
from skewless.jobs.script_training.failure import Failed, script_failure
from skewless.jobs.script_training.python import private_python
from skewless.jobs.script_training.variables import HOST, Script, check_handed, variables
from skewless.programs.environments import python_for
from skewless.programs.output import Tell, print_line
from skewless.programs.program import Program, run_program
from skewless.programs.surroundings import private_opt_ml
from skewless.settings import Settings

_INFO: Final = 20
_PIP: Final = ("python3", "-m", "pip", "install")
_PACKAGE: Final = (*_PIP, "--disable-pip-version-check", "--no-build-isolation", ".")
_REQUIREMENTS: Final = " ".join((*_PIP, "-r", "requirements.txt"))
_IN_FOLDER: Final = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')
"""Runs a command in a folder that is there for the program alone."""


def script_program(
    job: Job,
    script: Script,
    root: Path,
    runtime: str,
    resources: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, str]],
    tell: Tell,
) -> tuple[Program, list[str]]:
    """A script with what its code asks for installed, and its command as its user knows it.

    Failed where something cannot be installed; SettingError where the script is not there or cannot be given its
    hyperparameters.
    """
    code = places.on_disk(root, places.CODE)
    command = command_of(script, code)
    told = variables(script, image=runtime, job_name=job.asked.name, resources=resources, inputs=inputs)
    environment = _environment(job, _with_requirements(code)) | told | _toolkit(job)
    check_handed(command, environment)
    if is_package(code):
        installing = run_program(_program(job, root, places.CODE, _PACKAGE, environment, print_line))
        if installing.status:
            raise Failed(script_failure("InstallModuleError", installing, _PACKAGE), installing.status)
    if script.log_level <= _INFO:
        print_line(f"Invoking script with the following command: {' '.join(command)}")
    return _program(job, root, places.CODE, command, environment, tell), command


def own_program(job: Job, command: Sequence[str], root: Path, tell: Tell) -> Program:
    """A program by its command."""
    environment = _environment(job, sys.executable)
    check_handed(command, environment)
    return _program(job, root, places.ML, command, environment, tell)


def _program(
    job: Job,
    root: Path,
    folder: PurePosixPath,
    command: Sequence[str],
    environment: Mapping[str, str],
    tell: Tell,
) -> Program:
    # A program of the machine's may lie in /tmp, with what it needs beside it.
    own = [Path(part) for part in command if part.startswith("/") and _is_there(part)]
    kept = (_environments(), *own, *(path.parent for path in own))
    covers = [private_tmp(job, *kept), private_opt_ml(root)]
    return Program(
        [*_IN_FOLDER, str(folder), *command], environment, job.folder, covers, tell=tell, stop_below=True
    )


def _environment(job: Job, python: str) -> dict[str, str]:
    """What every program finds; what the request gives goes before the machine's own."""
    programs = private_python(job.folder / "python", python)
    environment = {
        **environment_of(job),
        "TRAINING_JOB_NAME": job.asked.name,
        "TRAINING_JOB_ARN": job.asked.arn,
        **(job.asked.request.get("Environment") or {}),
    }
    return {**environment, "PATH": os.pathsep.join([str(programs), environment["PATH"]])}


def _toolkit(job: Job) -> dict[str, str]:
    """What the toolkit sets besides its own variables."""
    given = (job.asked.request.get("Environment") or {}).get("PYTHONPATH")
    return {
        "CURRENT_HOST": HOST,
        "SAGEMAKER_JOB_NAME": job.asked.name,
        "SAGEMAKER_REGION": job.asked.services.region,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(places.CODE), given))),
    }


def _with_requirements(code: Path) -> str:
    try:
        return python_for(code, _environments(), print_line)
    except SkewlessError as error:
        raise Failed(
            f'InstallRequirementsError:\nErrorMessage "{error}"\nCommand "{_REQUIREMENTS}"', 1
        ) from None


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # no path at all, but a line for a shell
        return False


def _environments() -> Path:
    return Settings.read().environments.expanduser()
