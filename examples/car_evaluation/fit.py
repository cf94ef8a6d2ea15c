"""Fit the pre- and post-processing in Spark, once, and export both.

    python fit.py car.data OUTPUT

OUTPUT then holds train/ and validation/ (CSV: label, then the dense features), features/ (all rows as Spark
transformed them), saved/ (Spark's own form of the model), and the bundles model.tar.gz and postprocess.tar.gz.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.ml import Pipeline
from pyspark.ml.feature import IndexToString, OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col

import skewless.spark

ATTRIBUTES = ["buying", "maint", "doors", "persons", "lug_boot", "safety"]
SEED = 20


def pipeline() -> Pipeline:
    """The pre-processing: each attribute indexed, made one-hot, and all put in one vector."""
    indexers = [StringIndexer(inputCol=name, outputCol=f"{name}_index") for name in ATTRIBUTES]
    encoders = [OneHotEncoder(inputCol=f"{name}_index", outputCol=f"{name}_vec") for name in ATTRIBUTES]
    assembler = VectorAssembler(inputCols=[f"{name}_vec" for name in ATTRIBUTES], outputCol="features")
    return Pipeline(stages=[*indexers, *encoders, assembler])


def fit(spark: SparkSession, data: Path, output: Path) -> None:
    """Read, split, fit on the training part, write the transformed parts, export."""
    cars = spark.read.csv(data.as_uri(), header=False).toDF(*ATTRIBUTES, "class")
    labels = StringIndexer(inputCol="class", outputCol="label").fit(cars)
    labelled = labels.transform(cars)
    train, validation = labelled.randomSplit([0.8, 0.2], seed=SEED)

    preprocess = pipeline().fit(train)
    preprocess.write().overwrite().save((output / "saved").as_uri())
    write_csv(preprocess.transform(train), output / "train")
    write_csv(preprocess.transform(validation), output / "validation")
    write_csv(preprocess.transform(labelled.coalesce(1)), output / "features")

    skewless.spark.export(preprocess, output / "model.tar.gz", sample=train)
    postprocess = IndexToString(inputCol="label", outputCol="cat", labels=labels.labels)
    skewless.spark.export(postprocess, output / "postprocess.tar.gz", sample=labelled.select("label"))
    (output / "labels.txt").write_text("\n".join(labels.labels))


def write_csv(frame: DataFrame, folder: Path) -> None:
    """Label first, then every feature, zeros included, no header: what the XGBoost algorithm reads."""
    size = len(frame.schema["features"].metadata["ml_attr"]["attrs"]["binary"])
    features = vector_to_array(col("features"))
    columns = [features[slot].alias(f"f{slot}") for slot in range(size)]
    frame.select(col("label"), *columns).write.mode("overwrite").csv(folder.as_uri())


def main() -> None:
    """Run it with a local Spark."""
    data, output = (Path(argument).resolve() for argument in sys.argv[1:3])
    spark = skewless.spark.session("car-evaluation")
    try:
        fit(spark, data, output)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
