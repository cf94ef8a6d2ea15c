"""Whole pipelines as people build them: fitted in Spark, exported, served over HTTP and run as a batch.

Every answer is Spark's own prediction for the row, though it came in as CSV.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import (
    IDF,
    PCA,
    Bucketizer,
    CountVectorizer,
    HashingTF,
    Imputer,
    OneHotEncoder,
    RegexTokenizer,
    RFormula,
    StandardScaler,
    StopWordsRemover,
    StringIndexer,
    Tokenizer,
    VectorAssembler,
)
from pyspark.ml.regression import GeneralizedLinearRegression

import skewless.spark
from skewless.codecs.csvtext import quoted
from skewless.javatext import double_text
from tests.serving.running import serving

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SKEWLESS = Path(sys.executable).with_name("skewless")
WORDS = [
    *("the", "a", "loan", "Loan", "was", "paid,", "late", "early", "never", "'refused'"),
    *("über", "naïve", "日本", "and", "or", "bank", "BANK"),
]


def texts(spark: SparkSession, source: random.Random) -> DataFrame:
    rows = []
    for _ in range(120):
        words = [source.choice(WORDS) for _ in range(source.randrange(0, 12))]
        rows.append((" ".join(words), float("late" in words or "never" in words)))
    return spark.createDataFrame(rows, "text string, label double")


def counted_text() -> Pipeline:
    stages: list[Any] = [
        Tokenizer(inputCol="text", outputCol="words"),
        StopWordsRemover(inputCol="words", outputCol="kept"),
        CountVectorizer(inputCol="kept", outputCol="counts", minDF=2),
        IDF(inputCol="counts", outputCol="features"),
        LogisticRegression(maxIter=5, regParam=0.01),
    ]
    return Pipeline(stages=stages)


def hashed_text() -> Pipeline:
    """Into a default HashingTF's 262,144 slots."""
    stages: list[Any] = [
        RegexTokenizer(inputCol="text", outputCol="words", pattern=r"\W+"),
        StopWordsRemover(inputCol="words", outputCol="kept"),
        HashingTF(inputCol="kept", outputCol="counts"),
        IDF(inputCol="counts", outputCol="features", minDocFreq=2),
        LogisticRegression(maxIter=5, regParam=0.01),
    ]
    return Pipeline(stages=stages)


def mixed(spark: SparkSession, source: random.Random) -> DataFrame:
    """With missing numbers, and cities that few have."""
    rows = []
    for _ in range(150):
        age = None if source.random() < 0.15 else float(source.randrange(18, 90))
        income = None if source.random() < 0.1 else round(source.lognormvariate(10, 1), 2)
        city = source.choice(["Ulm", "Köln", "São Paulo", "Washington, DC"])
        visits = source.randrange(0, 30)
        rows.append((age, income, city, visits, float((age or 40.0) > 45 and visits % 3 > 0)))
    return spark.createDataFrame(rows, "age double, income double, city string, visits int, label double")


def tabular() -> Pipeline:
    numbers = ["age_filled", "income_filled"]
    stages: list[Any] = [
        Imputer(inputCols=["age", "income"], outputCols=numbers, strategy="median"),
        Bucketizer(
            inputCol="age_filled",
            outputCol="age_group",
            splits=[-float("inf"), 30.0, 45.0, 60.0, float("inf")],
        ),
        StringIndexer(inputCol="city", outputCol="city_index", handleInvalid="keep"),
        OneHotEncoder(inputCols=["age_group", "city_index"], outputCols=["age_hot", "city_hot"]),
        VectorAssembler(inputCols=[*numbers, "visits", "age_hot", "city_hot"], outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="features", withMean=True),
        GBTClassifier(maxIter=5, maxDepth=3, seed=1),
    ]
    return Pipeline(stages=stages)


def formula() -> Pipeline:
    stages: list[Any] = [
        RFormula(formula="visits ~ city + age:city + income", handleInvalid="keep", labelCol="count"),
        GeneralizedLinearRegression(family="poisson", labelCol="count", maxIter=5, regParam=0.1),
    ]
    return Pipeline(stages=stages)


def full(spark: SparkSession, source: random.Random) -> DataFrame:
    rows = mixed(spark, source)
    return rows.na.fill({"age": 40.0, "income": 1000.0}).selectExpr(
        "age / 100 as age", "income / 100000 as income", "city", "visits"
    )


def clusters() -> Pipeline:
    columns = [f"x{number}" for number in range(6)]
    stages: list[Any] = [
        VectorAssembler(inputCols=columns, outputCol="raw"),
        PCA(k=3, inputCol="raw", outputCol="features"),
        KMeans(k=4, seed=3, maxIter=5),
    ]
    return Pipeline(stages=stages)


def points(spark: SparkSession, source: random.Random) -> DataFrame:
    rows = [tuple(source.gauss(place % 3, 1.0) for place in range(6)) for _ in range(150)]
    return spark.createDataFrame(rows, ", ".join(f"x{number} double" for number in range(6)))


CASES: dict[str, tuple[Callable[[], Pipeline], Callable[..., DataFrame], Sequence[str]]] = {
    "text-counted": (counted_text, texts, ["text"]),
    "text-hashed": (hashed_text, texts, ["text"]),
    "mixed-tabular": (tabular, mixed, ["age", "income", "city", "visits"]),
    "formula-glm": (formula, full, ["age", "income", "city"]),
    "pca-clusters": (clusters, points, [f"x{number}" for number in range(6)]),
}


def field(value: Any) -> str:
    if value is None:
        return ""
    return double_text(value) if isinstance(value, float) else quoted(str(value))


@pytest.mark.parametrize("name", CASES)
def test_served_and_in_batch_as_in_spark(spark: SparkSession, tmp_path: Path, name: str) -> None:
    build, made, inputs = CASES[name]
    frame = made(spark, random.Random(5)).cache()
    model = build().fit(frame)
    skewless.spark.export(model, tmp_path / "model.tar.gz", sample=frame.select(*inputs))
    rows = model.transform(frame.select(*inputs)).select(*inputs, "prediction").collect()
    wanted = [
        double_text(row.prediction) if isinstance(row.prediction, float) else str(row.prediction)
        for row in rows
    ]
    body = "".join(",".join(field(row[column]) for column in inputs) + "\n" for row in rows).encode()
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text("containers:\n- image: sparkml\n  model_data: model.tar.gz\n")

    with serving(pipeline, tmp_path) as server:
        assert server.ask(body).body.decode().splitlines() == wanted
        lines = body.splitlines(keepends=True)
        for line, answer in list(zip(lines, wanted, strict=True))[:40]:
            assert server.ask(line).body.decode() == answer

    source = tmp_path / "rows.csv"
    source.write_bytes(body)
    options = ["transform", str(pipeline), str(source), "--output", str(tmp_path / "out")]
    done = subprocess.run([SKEWLESS, *options], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/rows.csv.out").read_text().splitlines() == wanted
