"""Ask a Spark model about rows in Arrow: all in one job, and each by itself only where it refuses or drops some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.serializers import AutoBatchedSerializer, CPickleSerializer, Serializer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.serializers import ArrowStreamSerializer
from pyspark.sql.types import StructType
from pyspark.util import _load_from_socket

from skewless.export.spark import rows_to_arrow, to_arrow

Answers = list[list[dict[str, Any]] | None]
"""What Spark makes of each row by itself: the rows it gives (none, when it drops it), None when it fails."""

# Spark would answer rows that the driver has while it plans, by other code than that of its jobs.
_NOT_PLANNED: Final = {
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.ConvertToLocalRelation"
}
_PICKLED: Final[Serializer] = AutoBatchedSerializer(CPickleSerializer())  # type: ignore[no-untyped-call]
_PARTITIONS: Final = "spark.sql.leafNodeDefaultParallelism"
_FAILS: Final = (PySparkException, Py4JError)


@contextmanager
def settings(spark: SparkSession, values: dict[str, str]) -> Iterator[None]:
    """Spark with these settings of SQL for a while."""
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key in values:
            spark.conf.unset(key)


def frame_of(spark: SparkSession, rows: pa.Table, schema: StructType) -> DataFrame:
    """Rows as a frame that the driver has: no Python worker takes part, as where a list becomes a frame."""
    jvm: Any = spark._jvm
    batches = rows.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]
    context: Any = spark.sparkContext
    read = jvm.PythonSQLUtils.readArrowStreamFromFile
    given = context._serialize_to_jvm(batches, ArrowStreamSerializer(), read, jvm.ArrowIteratorServer)
    return DataFrame(jvm.PythonSQLUtils.toDataFrame(given, schema.json(), spark._jsparkSession), spark)


@contextmanager
def lists_in_the_driver() -> Iterator[None]:
    """Frames of lists are such frames for a while: what is fitted on them asks no Python worker at each round."""
    ordinary: Any = SparkSession.createDataFrame

    def create(spark: SparkSession, data: Any, schema: Any = None, **more: Any) -> DataFrame:
        made: DataFrame = ordinary(spark, data, schema, **more)
        return (
            frame_of(spark, rows_to_arrow(data, made.schema), made.schema) if isinstance(data, list) else made
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SparkSession, "createDataFrame", create)
        yield


def answers(model: Any, spark: SparkSession, rows: pa.Table, schema: StructType) -> Answers:
    """All at once where Spark takes them all, otherwise each by itself."""
    try:
        made = answers_together(model, spark, rows, schema)
    except _FAILS:
        return answers_one_by_one(model, spark, rows, schema)
    return (
        [[row] for row in made]
        if len(made) == rows.num_rows
        else answers_one_by_one(model, spark, rows, schema)
    )


def answers_together(
    model: Any, spark: SparkSession, rows: pa.Table, schema: StructType
) -> list[dict[str, Any]]:
    """In one job of one partition, which keeps their order but for what joins."""
    with settings(spark, {**_NOT_PLANNED, _PARTITIONS: "1"}):
        made: list[dict[str, Any]] = to_arrow(model.transform(frame_of(spark, rows, schema))).to_pylist()
    return made


def answers_one_by_one(model: Any, spark: SparkSession, rows: pa.Table, schema: StructType) -> Answers:
    """A partition for each row of one plan: a row that is refused fails the job for its partition alone."""
    if not rows.num_rows:
        return []
    with settings(spark, {**_NOT_PLANNED, _PARTITIONS: str(rows.num_rows)}):
        made = model.transform(frame_of(spark, rows, schema))
        if "Exchange" in made._jdf.queryExecution().executedPlan().toString():
            return [_alone(model, spark, rows.slice(place, 1), schema) for place in range(rows.num_rows)]
        counts = _counts(made, rows.num_rows)
    answered = [place for place, count in enumerate(counts) if count]
    flat = iter(answers_together(model, spark, rows.take(pa.array(answered, pa.int64())), schema))
    return [None if count is None else [next(flat) for _ in range(count)] for count in counts]


def _alone(model: Any, spark: SparkSession, row: pa.Table, schema: StructType) -> list[dict[str, Any]] | None:
    """Where rows change their partition, in joins."""
    try:
        return answers_together(model, spark, row, schema)
    except _FAILS:
        return None


def _counts(made: DataFrame, partitions: int) -> Sequence[int | None]:
    """How many rows each partition has, None where it fails."""
    context: Any = made.sparkSession.sparkContext

    def count(partition: int) -> int | None:
        # An RDD for each, since a job that fails takes those with it that are at the same RDD.
        rows = made._jdf.javaToPython()
        try:
            socket = context._jvm.PythonRDD.runJob(context._jsc.sc(), rows, [partition])
        except _FAILS:
            return None
        with _load_from_socket(socket, _PICKLED) as given:
            return sum(1 for _ in given)

    # Spark's cost for one row is mostly waiting.
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(count, range(partitions)))
