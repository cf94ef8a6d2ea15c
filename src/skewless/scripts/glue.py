"""The process of a Glue script, ``python -m skewless.scripts.glue FOLDER``: names and Spark first, then the script."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from pyspark import SparkContext

from skewless.jobs.glue_script import Script, write_error
from skewless.scripts.main_script import offer_python2_names, run_main
from skewless.scripts.spark_settings import prepare_spark

PYTHON_PATH: Final = Path(__file__).with_name("python_path")
"""The modules that Glue offers, under the names that it gives them."""


def main(folder: Path) -> NoReturn:
    """Run the script; this process ends as the script does."""
    script = Script.read(folder)
    # First: archives that are brought along may hold modules of the same names, which need what is not here.
    sys.path.insert(0, str(PYTHON_PATH))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PYTHON_PATH), os.environ.get("PYTHONPATH", "")])
    conf = list(script.conf)
    if script.python2:
        offer_python2_names()
        conf.insert(0, ("spark.python.daemon.module", "skewless.scripts.worker_daemon"))
    if script.spark:
        buckets = prepare_spark(folder, script.services, conf, script.jars)
        if buckets is not None:
            buckets.keep_fresh()
    status, error = run_main(Path(script.file), script.address, script.arguments, python2=script.python2)
    if error is not None:
        write_error(folder, error)
    _stop_spark()
    sys.exit(status)


def _stop_spark() -> None:
    context = SparkContext._active_spark_context
    if context is not None:
        context.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
