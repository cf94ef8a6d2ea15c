"""The programs of a Spark processing job, ``python -m skewless.scripts.processing submit|driver|python FOLDER …``.

``submit`` is the image's smspark-submit, ``driver`` the Python that Spark then starts for the script, and ``python`` a
plain Python whose PySpark reaches the buckets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import pyspark

from skewless.errors import SettingError, UnsupportedError
from skewless.jobs.job import ASKED, Asked
from skewless.scripts.buckets import Buckets
from skewless.scripts.main_script import run_main
from skewless.scripts.spark_settings import prepare_spark

CONFIGURATION: Final = Path("/opt/ml/processing/input/conf/configuration.json")
"""Where the SDK puts a processor's ``configuration``."""

_LISTS: Final = ("--jars", "--py-files", "--files")
_EVENT_LOGS: Final = "--local-spark-event-logs-dir"


def submit(folder: Path, arguments: Sequence[str]) -> NoReturn:
    """As the image's program: folders become lists of the files in them, event logs go where asked."""
    services = _asked(folder).services
    given, conf = _read(arguments)
    prepare_spark(folder, services, [*_configuration(), *conf])
    os.environ["PYSPARK_DRIVER_PYTHON"] = str(folder / "bin" / "spark-driver")
    program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    os.execv(program, [str(program), *given])


def driver(folder: Path, arguments: Sequence[str]) -> NoReturn:
    """Run the script, and look for new buckets meanwhile."""
    services = _asked(folder).services
    if services.s3_folder is not None:
        Buckets(Path(services.s3_folder), folder / "mounts").keep_fresh()
    file, *rest = arguments
    sys.exit(run_main(Path(file), file, rest, python2=False)[0])


def python(folder: Path, arguments: Sequence[str]) -> NoReturn:
    """Python with these arguments."""
    prepare_spark(folder, _asked(folder).services)
    os.execv(sys.executable, [sys.executable, *arguments])


def _asked(folder: Path) -> Asked:
    return msgspec.json.decode((folder / ASKED).read_bytes(), type=Asked)


def _read(arguments: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """spark-submit's arguments, and the settings of Spark that the others stand for."""
    given: list[str] = []
    conf: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest:
        part = rest.pop(0)
        name, mark, value = part.partition("=")
        if name not in (*_LISTS, _EVENT_LOGS):
            given.append(part)
            # The script; what follows is its own.
            if not part.startswith("-"):
                return [*given, *rest], conf
            if part.startswith("--") and not mark and part not in ("--verbose", "--supervise") and rest:
                given.append(rest.pop(0))
            continue
        if not mark:
            if not rest:
                raise SettingError(f"smspark-submit: {name} has no value")
            value = rest.pop(0)
        if name == _EVENT_LOGS:
            Path(value).mkdir(parents=True, exist_ok=True)
            conf += [("spark.eventLog.enabled", "true"), ("spark.eventLog.dir", Path(value).as_uri())]
        else:
            given += [name, ",".join(_files(value))]
    return given, conf


def _files(text: str) -> list[str]:
    """A list with each folder in it replaced by the files that it holds."""
    found: list[str] = []
    for part in filter(None, text.split(",")):
        inside = sorted(map(str, Path(part).iterdir())) if Path(part).is_dir() else [part]
        found += inside
    return found


def _configuration() -> list[tuple[str, str]]:
    if not CONFIGURATION.is_file():
        return []
    found = msgspec.json.decode(CONFIGURATION.read_bytes())
    settings: list[tuple[str, str]] = []
    for one in found if isinstance(found, list) else [found]:
        if one.get("Classification") != "spark-defaults":
            raise UnsupportedError(
                f"configuration.json: the classification {one.get('Classification')!r} is not there",
                hint="spark-defaults is, and all of Spark's settings can be given in it.",
            )
        settings += [(name, str(value)) for name, value in (one.get("Properties") or {}).items()]
    return settings


PROGRAMS: Final = {"submit": submit, "driver": driver, "python": python}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:])
