"""Glue job definitions: what is checked when one is written, and the defaults that it then has."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from skewless.control.errors import ServiceError
from skewless.control.plane import Members, Plane
from skewless.control.roles import GLUE, require_role
from skewless.names import bucket_and_key

ETL: Final = "glueetl"
SHELL: Final = "pythonshell"
MOST_MINUTES: Final = 10_080
MOST_RETRIES: Final = 10
MOST_RUNS: Final = 1000
"""Runs of one job at a time, as AWS's quota has it."""

IGNORED: Final = (
    "JobMode",
    "LogUri",
    "Connections",
    "AllocatedCapacity",
    "MaxCapacity",
    "WorkerType",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "NotificationProperty",
    "GlueVersion",
    "ExecutionClass",
    "SourceControlDetails",
    "MaintenanceWindow",
)
"""Members of a definition that are kept and given back, and change nothing: there is one machine and one Spark."""

CAPACITY: Final = ("AllocatedCapacity", "MaxCapacity", "WorkerType", "NumberOfWorkers")
_FIRST_VERSION: Final = "0.9"
"""What a job is of that names no version, as when Python 2 was what a script without PythonVersion was written in."""
_UNITS: Final = {
    "Standard": 1.0,
    "G.025X": 0.25,
    "G.1X": 1.0,
    "G.2X": 2.0,
    "G.4X": 4.0,
    "G.8X": 8.0,
    "G.12X": 12.0,
    "G.16X": 16.0,
    "R.1X": 1.0,
    "R.2X": 2.0,
    "R.4X": 4.0,
    "R.8X": 8.0,
    "Z.2X": 2.0,
}
"""Data processing units of a worker, as the service's model documents them."""


def definition(plane: Plane, connection: Connection, members: Members) -> Members:
    """A definition as it is kept: checked, with its defaults. ``members`` are those of CreateJob or JobUpdate."""
    for needed in ("Role", "Command"):
        if needed not in members:
            raise refused(f"A job needs a {needed}; an update replaces the whole definition.")
    if members.get("CodeGenConfigurationNodes"):
        raise refused(
            "CodeGenConfigurationNodes (visual jobs) are not supported by this version. Give the script itself."
        )
    require_role(plane, connection, members["Role"], GLUE)
    command = _command(members["Command"])
    _between("MaxRetries", members.get("MaxRetries"), 0, MOST_RETRIES)
    runs = members.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1)
    _between("MaxConcurrentRuns", runs, 1, MOST_RUNS)
    defaults = {
        "JobMode": "SCRIPT",
        "DefaultArguments": {},
        "MaxRetries": 0,
        "GlueVersion": _FIRST_VERSION,
    }
    kept = {name: value for name, value in members.items() if name not in (*CAPACITY, "Name", "Tags")}
    worked_out = {
        "ExecutionProperty": {"MaxConcurrentRuns": runs},
        "Timeout": timeout(members, _default_timeout(command, members.get("GlueVersion", _FIRST_VERSION))),
    }
    return defaults | kept | worked_out | capacity(members, command)


def timeout(members: Members, default: int) -> int:
    """Minutes that a run may take."""
    minutes: int = members.get("Timeout", default)
    _between("Timeout", minutes, 1, MOST_MINUTES)
    return minutes


def capacity(members: Members, command: Members) -> Members:
    """The capacity members of an answer, worked out from those that were given."""
    workers, kind = members.get("NumberOfWorkers"), members.get("WorkerType")
    units = members.get("MaxCapacity", members.get("AllocatedCapacity"))
    if workers is None and kind is None:
        default = 10.0 if command["Name"] == ETL else 0.0625
        return _units(float(default if units is None else units))
    if units is not None:
        raise refused("Please do not set Max Capacity if using Worker Type and Number of Workers.")
    if workers is None or kind is None:
        raise refused("Please set both Worker Type and Number of Workers.")
    _between("NumberOfWorkers", workers, 1, 299)
    return _units(_UNITS[kind] * workers) | {"WorkerType": kind, "NumberOfWorkers": workers}


def refused(message: str) -> ServiceError:
    """Glue's refusal of a request."""
    return ServiceError("InvalidInputException", message)


def not_found(message: str) -> ServiceError:
    """Glue's refusal where something is not there."""
    return ServiceError("EntityNotFoundException", message)


def _default_timeout(command: Members, version: str) -> int:
    major = version.split(".")[0]
    return 480 if command["Name"] == ETL and major.isdecimal() and int(major) >= 5 else 2880


def _units(units: float) -> Members:
    return {"AllocatedCapacity": int(units), "MaxCapacity": units}


def _command(command: Members) -> Members:
    name = command.get("Name")
    if name not in (ETL, SHELL):
        raise refused(
            f"Command.Name is {name!r}, which is not supported by this version. "
            f"Use {ETL} for a script with Spark, or {SHELL} for one without."
        )
    location = bucket_and_key(command.get("ScriptLocation", ""))
    if location is None or not location[1]:
        raise refused("Command.ScriptLocation must be the s3:// address of the job's script.")
    version = command.get("PythonVersion")
    if version is not None and version not in ("2", "3", "3.6", "3.7", "3.9", "3.10", "3.11"):
        raise refused(f"Command.PythonVersion is {version!r}; use 3, or 2 for a script of that era.")
    return command


def _between(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise refused(f"{name} is {value}, and must be from {least} to {most}.")
