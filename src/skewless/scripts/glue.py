"""The process of a Glue script, ``python -m skewless.scripts.glue FOLDER``: names and Spark first, then the script."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from skewless.jobs.glue_script import Script, write_error
from skewless.lazy import resolve
from skewless.scripts.main_script import offer_python2_names, run_main

# Scripts that want no Spark shall not wait for it.
LAZY: Final = {
    "prepare": "skewless.scripts.spark_settings:prepare_spark",
    "hide": "skewless.scripts.spark_settings:hide_new_functions",
    "stop": "skewless.scripts.spark_settings:stop_spark",
}
PYTHON_PATH: Final = Path(__file__).with_name("python_path")
"""The modules that Glue offers, under the names that it gives them."""


def main(folder: Path) -> NoReturn:
    """Run the script; this process ends as the script does."""
    script = Script.read(folder)
    # First: archives that are brought along may hold modules of the same names, which need what is not here.
    sys.path.insert(0, str(PYTHON_PATH))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PYTHON_PATH), os.environ.get("PYTHONPATH", "")])
    if script.python2:
        offer_python2_names()
    if script.spark:
        _prepare(folder, script)
    status, error = run_main(Path(script.file), script.address, script.arguments, python2=script.python2)
    if error is not None:
        write_error(folder, error)
    if script.spark:
        resolve(LAZY["stop"])()
    sys.exit(status)


def _prepare(folder: Path, script: Script) -> None:
    conf = list(script.conf)
    if script.python2:
        resolve(LAZY["hide"])()
        conf.insert(0, ("spark.python.daemon.module", "skewless.scripts.worker_daemon"))
    buckets = resolve(LAZY["prepare"])(folder, script.services, conf, script.jars)
    if buckets is not None:
        buckets.keep_fresh()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
