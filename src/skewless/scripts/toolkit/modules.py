"""Modules by name, and scripts as processes: ``modules`` and ``entry_point`` of SageMaker's toolkits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skewless.errors import UnsupportedError
from skewless.lazy import resolve
from skewless.scripts.toolkit.errors import ExecuteUserScriptError, ImportModuleError

DEFAULT_MODULE_NAME = "default_user_module_name"


def exists(name: str) -> bool:
    """Whether a module can be imported."""
    try:
        resolve(name)
    except ImportError:
        return False
    return True


def has_requirements(path: str) -> bool:
    """Whether a folder has a requirements.txt."""
    return Path(path, "requirements.txt").is_file()


def import_module(uri: str, name: str = DEFAULT_MODULE_NAME, **_cache: bool) -> object:
    """The module of a local folder. ImportModuleError tells why it cannot be; UnsupportedError for an address."""
    folder = _local(uri)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return resolve(name)
    except Exception as error:
        raise ImportModuleError(f"{type(error).__name__}: {error}") from error


def run_entry_point(
    uri: str,
    user_entry_point: str,
    args: Sequence[str],
    env_vars: Mapping[str, str] | None = None,
    wait: bool = True,
    **_named: Any,
) -> subprocess.Popen[bytes]:
    """Run a script of a local folder as a process of its own. ExecuteUserScriptError where it fails."""
    folder = _local(uri)
    command = (
        [sys.executable, user_entry_point, *args]
        if user_entry_point.endswith(".py")
        else ["/bin/sh", "-c", f'./{user_entry_point} "$@"', user_entry_point, *args]
    )
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **(env_vars or {})})
    if wait and process.wait():
        raise ExecuteUserScriptError(
            f"ExecuteUserScriptError:\nExitCode {process.returncode}\nCommand {' '.join(command)!r}"
        )
    return process


def _local(uri: str) -> str:
    if "://" in uri:
        raise UnsupportedError(
            f"{uri}: code is not fetched by the script itself",
            hint="It is in the folder that SAGEMAKER_SUBMIT_DIRECTORY tells when the script starts.",
        )
    return str(Path(uri))
