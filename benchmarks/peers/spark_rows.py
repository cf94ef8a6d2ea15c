"""The car pipeline in Spark, local[2], one row at a time or files: ``python -m benchmarks.peers.spark_rows``.

``FOLDER one`` answers rounds of one row each. ``FOLDER batch INPUT… OUTPUT`` transforms files, after a first one that
warms it, and prints the seconds of each as a line of JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import xgboost
from pyspark.ml import PipelineModel
from pyspark.ml.feature import OneHotEncoder, StringIndexerModel, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col

import skewless.spark
from benchmarks.peers.rounds import Case, answer_rounds


class SparkCars:
    """The same categories and the same trees; the trees run as `xgboost.spark` runs them, over Arrow batches."""

    def __init__(self, work: Path) -> None:
        recipe = json.loads((work / "cars" / "recipe.json").read_text())
        self.columns, self.labels, self.rows = recipe["columns"], recipe["labels"], recipe["rows"]
        self.model = bytes((work / "cars" / "xgb.json").read_bytes())
        self.spark: SparkSession = skewless.spark.session("benchmarks", "local[2]")
        self.features = self._fitted(recipe["values"])

    def _fitted(self, values: list[list[str]]) -> PipelineModel:
        frame = self.spark.createDataFrame([tuple(row) for row in self.rows], self.columns)
        stages: list[Any] = []
        for name, known in zip(self.columns, values, strict=True):
            stages.append(StringIndexerModel.from_labels(known, name, f"{name}_index"))
            frame = stages[-1].transform(frame)
        for name in self.columns:
            encoder = OneHotEncoder(inputCol=f"{name}_index", outputCol=f"{name}_hot").fit(frame)
            stages.append(encoder)
            frame = encoder.transform(frame)
        stages.append(
            VectorAssembler(inputCols=[f"{name}_hot" for name in self.columns], outputCol="features")
        )
        return PipelineModel(stages)

    def transform(self, frame: DataFrame) -> DataFrame:
        """A frame of cars to one of labels."""
        ready = self.features.transform(frame).select(vector_to_array(col("features"), "float32").alias("x"))
        return ready.mapInArrow(_predicting(self.model, self.labels), "cat string")

    def one(self, row: tuple[str, ...]) -> str:
        """One row, there and back."""
        frame = self.spark.createDataFrame([row], self.columns)
        return str(self.transform(frame).collect()[0]["cat"])

    def file(self, source: str, target: str) -> float:
        """Seconds for a CSV file."""
        begin = time.perf_counter()
        schema = ", ".join(f"{name} string" for name in self.columns)
        frame = self.spark.read.csv(Path(source).absolute().as_uri(), schema=schema)
        self.transform(frame).write.mode("overwrite").text(Path(target).absolute().as_uri())
        return time.perf_counter() - begin


def _predicting(
    model: bytes, labels: list[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def predict(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
        names = pa.array(labels)
        for batch in batches:
            column = batch.column(0)
            matrix = column.flatten().to_numpy().reshape(len(batch), -1)
            found = pa.array(booster.inplace_predict(matrix).astype("int32"))
            yield pa.RecordBatch.from_arrays([names.take(found)], ["cat"])

    return predict


def main() -> None:
    """One row or files."""
    folder, what, *files = sys.argv[1:]
    cars = SparkCars(Path(folder))
    if what == "one":
        rows = [tuple(row) for row in cars.rows]
        answer_rounds({"Spark local[2], one row": Case(cars.one, rows)}, {"pyspark": cars.spark.version})
        return
    *inputs, output = files
    print(json.dumps([cars.file(source, str(Path(output, str(turn)))) for turn, source in enumerate(inputs)]))
    cars.spark.stop()
    shutil.rmtree(Path(output, "0"))


if __name__ == "__main__":
    main()
