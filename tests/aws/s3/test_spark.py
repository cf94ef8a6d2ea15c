"""Spark and S3 clients on the same folder: each sees at once what the other did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from skewless.scripts.buckets import Buckets
from tests.aws.s3.conftest import Server

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def spark_on_buckets(spark: SparkSession, server: Server, tmp_path: Path) -> Iterator[SparkSession]:
    """The run's Spark, while its paths lead to the server's folder."""
    settings = Buckets(server.folder, tmp_path / "tables").conf()
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    names = {name.removeprefix("spark.hadoop."): value for name, value in settings.items()}
    for name, value in names.items():
        hadoop.set(name, value)
    yield spark
    for name in names:
        hadoop.unset(name)


def test_spark_and_boto3_share_a_folder(bucket: str, spark_on_buckets: SparkSession, s3: Any) -> None:
    def keys() -> list[str]:
        return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    s3.put_object(Bucket=bucket, Key="in/cars.csv", Body=b"low,5more\nhigh,2\n")
    frame = spark_on_buckets.read.csv(f"s3://{bucket}/in/cars.csv")
    assert sorted(tuple(row) for row in frame.collect()) == [("high", "2"), ("low", "5more")]
    for _ in range(2):
        frame.coalesce(1).rdd.map(",".join).saveAsTextFile(f"s3a://{bucket}/out/train")
        assert keys() == ["in/cars.csv", "out/train/_SUCCESS", "out/train/part-00000"]
        got = s3.get_object(Bucket=bucket, Key="out/train/part-00000")
        assert (got["ContentLength"], got["Body"].read()) == (17, b"low,5more\nhigh,2\n")
        # Spark refuses to write to a folder that is there: deleting the objects deletes it.
        wanted = [{"Key": key} for key in keys() if key.startswith("out/")]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
        assert keys() == ["in/cars.csv"]
