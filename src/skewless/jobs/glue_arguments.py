"""The arguments of a Glue run: those that are for Glue itself, and those that the script gets."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from skewless.errors import SettingError, UnsupportedError

_FOR_GLUE: Final = (
    "--additional-python-modules",
    "--conf",
    "--extra-files",
    "--extra-jars",
    "--extra-py-files",
    "--job-language",
    "--python-modules-installer-option",
    "--scriptLocation",
    "--user-jars-first",
)
_NOW_CONF: Final = re.compile(r"\s+--conf\s+")


@dataclass(frozen=True, slots=True)
class Arguments:
    """A run's arguments, read."""

    script: list[str]
    """For the script, as its command line has them."""
    python_files: list[str]
    """Addresses of modules, zips, eggs and wheels for the script's path."""
    files: list[str]
    jars: list[str]
    conf: list[tuple[str, str]]


def read_arguments(given: Mapping[str, str]) -> Arguments:
    """SettingError or UnsupportedError names an argument that cannot be followed."""
    language = given.get("--job-language", "python")
    if language.lower() != "python":
        raise UnsupportedError(
            f"--job-language is {language!r}, and only scripts in Python are run here",
            hint="Write the script in Python, or run it with spark-submit.",
        )
    wheels, required = _modules(given.get("--additional-python-modules", ""))
    for requirement in required:
        _check_installed(requirement)
    return Arguments(
        script=[part for name, value in given.items() if name not in _FOR_GLUE for part in (name, value)],
        python_files=[*_list(given, "--extra-py-files"), *wheels],
        files=list(_list(given, "--extra-files")),
        jars=list(_list(given, "--extra-jars")),
        conf=list(_conf(given.get("--conf", ""))),
    )


def _list(given: Mapping[str, str], name: str) -> Iterator[str]:
    for address in given.get(name, "").split(","):
        if address.strip():
            yield address.strip()


def _conf(text: str) -> Iterator[tuple[str, str]]:
    """``a=b``, and more after it as ``--conf c=d``, which is how several are put into the one argument."""
    for setting in _NOW_CONF.split(text.strip().removeprefix("--conf ")) if text.strip() else ():
        name, mark, value = setting.strip().partition("=")
        if not mark or not re.fullmatch(r"spark\.[^\s=]+", name):
            raise SettingError(
                f"--conf: {setting.strip()!r} is no setting of Spark's",
                hint="Write spark.NAME=VALUE, and further ones as --conf spark.NAME=VALUE in the same text.",
            )
        yield name, value.strip()


def _modules(text: str) -> tuple[list[str], list[Requirement]]:
    """Wheels by address, and requirements by name, of ``--additional-python-modules``."""
    wheels, required = [], []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if "://" in part:
            if not part.endswith("-none-any.whl"):
                raise UnsupportedError(
                    f"--additional-python-modules: {part} is no wheel of pure Python, and a run installs nothing",
                    hint=_install("its package"),
                )
            wheels.append(part)
            continue
        try:
            required.append(Requirement(part))
        except InvalidRequirement as error:
            raise SettingError(
                f"--additional-python-modules: {part!r} is no requirement: {error}",
                hint="Write NAME==VERSION, several parted by commas.",
            ) from None
    return wheels, required


def _check_installed(required: Requirement) -> None:
    try:
        version = importlib.metadata.version(required.name)
    except importlib.metadata.PackageNotFoundError:
        raise SettingError(
            f"--additional-python-modules: {required} is not installed, and a run installs nothing",
            hint=_install(str(required)),
        ) from None
    if not required.specifier.contains(version, prereleases=True):
        raise SettingError(
            f"--additional-python-modules: {required} is asked for, and {required.name} {version} is installed",
            hint=f"{_install(str(required))} Or ask for the version that is there.",
        )


def _install(what: str) -> str:
    return f"Install it where Skewless runs: {sys.executable} -m pip install '{what}'."
