"""The pre-processing as a script for AWS Glue, in the shape of the published example; runs on Glue and on Skewless.

Reads the cars, fits the pre-processing, writes train/ and validation/ as CSV (label, then every feature), and uploads
the bundles model.tar.gz and postprocess.tar.gz.
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import boto3
from awsglue.utils import getResolvedOptions
from mleap.pyspark.spark_support import SimpleSparkSerializer
from pyspark.ml import Pipeline
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import DataFrame, Row, SparkSession

ATTRIBUTES = ["buying", "maint", "doors", "persons", "lug_boot", "safety"]
OPTIONS = [
    "s3_input_data_location",
    "s3_output_bucket",
    "s3_output_bucket_prefix",
    "s3_model_bucket",
    "s3_model_bucket_prefix",
]
SEED = 20


def csv_line(row: Row) -> str:
    """Label first, then every feature, zeros included: what the XGBoost algorithm reads."""
    return ",".join(str(value) for value in (row.label, *row.features.toArray()))


def save(frame: DataFrame, bucket: str, folder: str) -> None:
    """Write a frame as lines of CSV, in place of what an earlier run left."""
    boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=f"{folder}/").delete()
    frame.select("label", "features").rdd.map(csv_line).saveAsTextFile(f"s3a://{bucket}/{folder}")


def upload(model: Any, sample: DataFrame, bucket: str, key: str) -> None:
    """Serialize with MLeap to a zip, pack it again as the tar.gz that SageMaker wants, and upload it."""
    bundle = Path("/tmp") / Path(key).name.removesuffix(".tar.gz")
    archive, packed = bundle.with_suffix(".zip"), bundle.with_suffix(".tar.gz")
    SimpleSparkSerializer().serializeToBundle(model, f"jar:file:{archive}", sample)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(bundle)
    with tarfile.open(packed, "w:gz") as tar:
        for part in sorted(bundle.iterdir()):
            tar.add(part, arcname=part.name)
    boto3.resource("s3").Bucket(bucket).upload_file(str(packed), key)


def main() -> None:
    """The whole job."""
    args = getResolvedOptions(sys.argv, OPTIONS)
    spark = SparkSession.builder.appName("car-evaluation").getOrCreate()

    cars = spark.read.csv(args["s3_input_data_location"], header=False).toDF(*ATTRIBUTES, "class").dropna()
    labels = StringIndexer(inputCol="class", outputCol="label").fit(cars)
    train, validation = labels.transform(cars).randomSplit([0.8, 0.2], seed=SEED)

    indexers = [StringIndexer(inputCol=name, outputCol=f"{name}_index") for name in ATTRIBUTES]
    encoders = [OneHotEncoder(inputCol=f"{name}_index", outputCol=f"{name}_vec") for name in ATTRIBUTES]
    assembler = VectorAssembler(inputCols=[f"{name}_vec" for name in ATTRIBUTES], outputCol="features")
    model = Pipeline(stages=[*indexers, *encoders, assembler]).fit(train)

    output = args["s3_output_bucket"], args["s3_output_bucket_prefix"]
    save(model.transform(train), output[0], f"{output[1]}/train")
    save(model.transform(validation), output[0], f"{output[1]}/validation")

    bucket, folder = args["s3_model_bucket"], args["s3_model_bucket_prefix"]
    upload(model, model.transform(train), bucket, f"{folder}/model.tar.gz")
    converter = IndexToString(inputCol="label", outputCol="cat", labels=labels.labels)
    upload(converter, train.select("label"), bucket, f"{folder}/postprocess.tar.gz")


if __name__ == "__main__":
    main()
