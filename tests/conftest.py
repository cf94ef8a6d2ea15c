"""What several tests share: one Spark session, the car example fitted once, and a gateway."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import skewless.spark
from skewless.datasets import CAR_COLUMNS, write_car_evaluation
from skewless.jobs.training.hyperparameter_file import read_hyperparameters
from skewless.jobs.training.train import train
from tests.databases import database_url, postgres_server, postgres_url
from tests.gateways import Gateway, gateway

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["database_url", "postgres_server", "postgres_url"]  # fixtures that stand elsewhere

ROOT = Path(__file__).resolve().parent.parent

# A busy machine may hold an example up for longer than the 200 ms that it has by default.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def example(name: str) -> ModuleType:
    """A module of the car example."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples/car_evaluation" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One Spark for all tests of a process."""
    warehouse = tmp_path_factory.mktemp("spark")
    session = skewless.spark.session(
        "tests",
        master="local[2]",
        spark__sql__shuffle__partitions="2",
        spark__sql__warehouse__dir=str(warehouse),
        spark__driver__memory="2g",
        # Thousands of small plans: compiling their code for speed costs more than it wins.
        spark__driver__extraJavaOptions="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # Each worker would import XGBoost and pandas anew, which takes seconds.
        spark__python__daemon__module="tests.spark_workers",
        spark__executorEnv__PYTHONPATH=str(ROOT),
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests of a process that do not end it."""
    with gateway(tmp_path_factory.mktemp("up")) as found:
        yield found


@dataclass(frozen=True)
class Cars:
    """The car example's files."""

    data: Path
    folder: Path


@pytest.fixture(scope="session")
def cars(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Cars:
    """The example's data and everything that its fit.py makes of it."""
    folder = tmp_path_factory.mktemp("cars")
    data = folder / "car.data"
    write_car_evaluation(data)
    example("fit").fit(spark, data, folder)
    return Cars(data, folder)


@pytest.fixture(scope="session")
def car_pipeline(cars: Cars) -> Path:
    """The example's pipeline.yaml, with XGBoost trained by the example's hyperparameters."""
    hyperparameters = read_hyperparameters(ROOT / "examples/car_evaluation/hyperparameters.json")
    train(cars.folder / "train", cars.folder / "validation", hyperparameters, cars.folder / "xgb.tar.gz")
    schema = {
        "input": [{"name": name, "type": "string"} for name in CAR_COLUMNS],
        "output": {"name": "features", "type": "double", "struct": "vector"},
    }
    post = {"input": [{"name": "label", "type": "double"}], "output": {"name": "cat", "type": "string"}}
    containers = [
        {
            "image": "sparkml",
            "model_data": "model.tar.gz",
            "environment": {"SAGEMAKER_SPARKML_SCHEMA": schema},
        },
        {"image": "xgboost", "model_data": "xgb.tar.gz"},
        {
            "image": "sparkml",
            "model_data": "postprocess.tar.gz",
            "environment": {"SAGEMAKER_SPARKML_SCHEMA": post},
        },
    ]
    file = cars.folder / "pipeline.yaml"
    file.write_text(json.dumps({"containers": containers}))
    return file
