"""Glue's context and job objects (``awsglue.context``, ``awsglue.job``), over a plain Spark session."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from pyspark import SparkContext
from pyspark.sql import DataFrame, SparkSession

from skewless.errors import SettingError
from skewless.scripts.glue_frames import DynamicFrame, Reader, Writer, missing


class GlueContext:
    """A Spark session with Glue's way of reading and writing files."""

    def __init__(self, sparkContext: SparkContext, **options: Any) -> None:
        self.spark_session = SparkSession(sparkContext)
        self.create_dynamic_frame = Reader(self)
        self.write_dynamic_frame = Writer()

    @property
    def sparkSession(self) -> SparkSession:
        """The session, by its other name."""
        return self.spark_session

    def create_dynamic_frame_from_options(self, connection_type: str, **given: Any) -> DynamicFrame:
        """As ``create_dynamic_frame.from_options``."""
        return self.create_dynamic_frame.from_options(connection_type, **given)

    def create_data_frame_from_options(self, connection_type: str, **given: Any) -> DataFrame:
        """The same as a Spark frame."""
        return self.create_dynamic_frame.from_options(connection_type, **given).toDF()

    def get_logger(self) -> logging.Logger:
        """A logger with ``info``, ``warn`` and ``error``, whose lines go to the error output."""
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        return logging.getLogger("glue")

    def __getattr__(self, name: str) -> Any:
        raise missing("GlueContext", name, "Use Spark's own: glueContext.spark_session.")


class Job:
    """The run as the script tells it: begun by ``init``, done with ``commit``. There are no bookmarks to keep."""

    _begun: ClassVar[bool] = False

    def __init__(self, glue_context: GlueContext) -> None:
        self._context = glue_context

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Begin."""
        if not job_name:
            raise SettingError("Job.init has no job name", hint='Give args["JOB_NAME"].')
        Job._begun = True

    def isInitialized(self) -> bool:
        """Whether it has begun."""
        return Job._begun

    def commit(self) -> None:
        """Done."""
        if not Job._begun:
            raise SettingError("Job.commit was called before Job.init", hint="Call init first.")
