"""Settings for a script's Spark, laid out as a folder that Spark reads by itself whichever way it is started."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pyspark import SparkContext
from pyspark.sql import functions

from skewless.export import java
from skewless.export.blas import JAVA_ONLY
from skewless.scripts.buckets import SCHEMES, Buckets
from skewless.scripts.main_script import PYTHON2_NAMES
from skewless.services import Services

_LOG4J: Final = Path(java.__file__).with_name("log4j2.properties")
_S3A: Final = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_JAVA: Final = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")

SPARK2_FUNCTIONS: Final = frozenset(
    {"abs", "ascii", "bin", "hash", "hex", "max", "min", "pow", "round", "slice", "sum"}
)
"""Functions of Spark 2.4 with the names of Python's own."""

DEFAULTS: Final[Mapping[str, str]] = {
    "spark.master": "local[2]",
    "spark.driver.memory": "2g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.eventLog.enabled": "false",
    # Spark's own 200 are for clusters: here each one is a task that costs more than its share of the rows.
    "spark.sql.shuffle.partitions": "4",
    # One machine talks to itself; whatever name or address it has outside does not matter.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def prepare_spark(
    folder: Path, services: Services, conf: Iterable[tuple[str, str]] = (), jars: Iterable[str] = ()
) -> Buckets | None:
    """Make this process, and what it starts, one whose Spark reaches the services' storage.

    ``folder`` is the job's own. Gives the buckets where they are folders; None where S3 is elsewhere.
    """
    buckets = None
    settings = {**DEFAULTS, "spark.local.dir": str(folder / "spark")}
    if services.s3_folder is not None:
        buckets = Buckets(Path(services.s3_folder), folder / "mounts")
        settings |= buckets.conf()
    else:
        settings |= _elsewhere(services)
    if joined := ",".join(jars):
        settings["spark.jars"] = joined
    settings |= dict(conf)
    own = f"-Dlog4j2.configurationFile={_LOG4J.as_uri()} {JAVA_ONLY}"
    for name in _JAVA:
        settings[name] = f"{own} {settings.get(name, '')}".rstrip()
    home = folder / "spark-conf"
    home.mkdir(exist_ok=True)
    (home / "spark-defaults.conf").write_text("".join(f"{k}={_escaped(v)}\n" for k, v in settings.items()))
    java.use_java()
    os.environ |= {
        "SPARK_CONF_DIR": str(home),
        "PYSPARK_PYTHON": sys.executable,
        # Spark asks for the machine's own name otherwise, which not every machine can resolve.
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",
    }
    return buckets


def hide_new_functions() -> None:
    """Have ``from pyspark.sql.functions import *`` leave those built-ins alone that it left alone in Spark 2.

    Published scripts import so, and then call ``reduce``, which Spark 4 has too and which does something else there.
    """
    hidden = {*vars(builtins), *PYTHON2_NAMES} - SPARK2_FUNCTIONS
    functions.__all__ = [name for name in functions.__all__ if name not in hidden]


def stop_spark() -> None:
    """Stop the script's Spark if it is still there, so that it leaves nothing half done."""
    context = SparkContext._active_spark_context
    if context is not None:
        context.stop()


def _elsewhere(services: Services) -> dict[str, str]:
    """Hadoop's own client for S3, whose jar is not in pyspark: ``--extra-jars`` can bring it."""
    return {
        **{f"spark.hadoop.fs.{scheme}.impl": _S3A for scheme in SCHEMES},
        "spark.hadoop.fs.s3a.endpoint": services.s3_endpoint_url or "",
        "spark.hadoop.fs.s3a.endpoint.region": services.region,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }


def _escaped(value: str) -> str:
    """As java.util.Properties reads it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
