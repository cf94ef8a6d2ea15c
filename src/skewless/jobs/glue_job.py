"""A run of a Glue job: its script from S3, in a process and a folder of its own, with Spark where it wants it."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from skewless.blobs import Blobs
from skewless.errors import SettingError, SkewlessError, UnsupportedError
from skewless.jobs.glue_arguments import Arguments, read_arguments
from skewless.jobs.glue_script import MODULE, Script, read_error
from skewless.jobs.job import Job, Outcome
from skewless.jobs.script_environment import blobs_of, environment_of, private_tmp, write_programs
from skewless.programs.output import say
from skewless.programs.program import Ended, FoldersRefused, Program, reason, run_program

ERROR_STREAM: Final = "error"
"""The mark of lines for the log group ``/aws-glue/jobs/error``."""


def run(job: Job) -> Outcome:
    """Run the script to its end."""
    try:
        blobs = blobs_of(job)
        arguments = read_arguments(job.asked.request.get("Arguments") or {})
        path = _fetch(job, blobs, arguments)
        ended = _run(job, path)
    except SkewlessError as error:
        # Told in the log and as the run's ErrorMessage, which knows no classes of faults.
        _tell(str(error))
        return Outcome("Failed", str(error))
    if ended.status == 0:
        return Outcome("Completed")
    return Outcome(
        "Failed", read_error(job.folder) or reason(ended, "Command failed with exit code {1}: {0}")
    )


def _fetch(job: Job, blobs: Blobs, arguments: Arguments) -> list[str]:
    """Lay out the run's folder; gives the folders and archives for the script's path."""
    command = job.asked.request["Command"]
    kind, address = command.get("Name"), command.get("ScriptLocation")
    if kind not in ("glueetl", "pythonshell"):
        raise UnsupportedError(
            f"the job's command is {kind!r}", hint="Commands that can be run are glueetl and pythonshell."
        )
    if not address:
        raise SettingError(
            "the job's command has no ScriptLocation", hint="Give the script's address: s3://BUCKET/KEY."
        )
    work, python, jars = (job.folder / name for name in ("work", "python", "jars"))
    for folder in (work, python, jars):
        folder.mkdir()
    script = _download(blobs, [address], job.folder / "script")[0]
    path = _path(_download(blobs, arguments.python_files, python), python)
    _download(blobs, arguments.files, work)
    Script(
        file=str(script),
        address=address,
        arguments=[*_identity(job), *arguments.script],
        spark=kind == "glueetl",
        python2=command.get("PythonVersion", "2").startswith("2"),
        services=job.asked.services,
        jars=[str(jar) for jar in _download(blobs, arguments.jars, jars) if _is_archive(jar)],
        conf=arguments.conf,
    ).write(job.folder)
    return path


def _identity(job: Job) -> list[str]:
    """What Glue itself puts on every command line."""
    given = job.asked.request.get("Arguments") or {}
    own = {"--JOB_NAME": job.asked.request["JobName"], "--JOB_RUN_ID": job.asked.name}
    return [part for name, value in own.items() if name not in given for part in (name, value)]


def _download(blobs: Blobs, addresses: Sequence[str], folder: Path) -> list[Path]:
    files = []
    for address in addresses:
        file = folder / (address.rpartition("/")[2] or "unnamed")
        blobs.download(address, file)
        files.append(file)
    return files


def _path(files: Sequence[Path], folder: Path) -> list[str]:
    """Single modules by their folder, archives by themselves."""
    return [str(folder), *(str(file) for file in files if file.suffix != ".py" and _is_archive(file))]


def _is_archive(file: Path) -> bool:
    """Whether a file can be what its address says; the log names one that cannot, which is left out.

    Published workflows bring MLeap's jar and modules along, and work here without them, whatever is in the files.
    """
    if zipfile.is_zipfile(file):
        return True
    _tell(f"{file.name} is left out: it is no jar or zip ({file.stat().st_size:,} bytes)")
    return False


def _run(job: Job, path: Sequence[str]) -> Ended:
    environment = environment_of(job)
    write_programs(job, {})
    environment["PYTHONPATH"] = os.pathsep.join(path)
    program = Program(
        command=[sys.executable, "-m", MODULE, str(job.folder)],
        environment=environment,
        folder=job.folder / "work",
        covers=[private_tmp(job)],
        tell_error=partial(say, ERROR_STREAM),
    )
    try:
        return run_program(program)
    except FoldersRefused as error:
        _tell(f"the script shares this machine's /tmp with other programs: {error}")
        return run_program(replace(program, covers=[]))


def _tell(line: str) -> None:
    say(ERROR_STREAM, f"skewless: {line}")
