"""Hundreds of everything on a real gateway: made, listed in pages, described, deleted, and nothing left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.app.cars import XGBOOST, tolerating
from tests.app.works import BUCKET, ENDED, GLUE_ENDED, Works
from tests.gateways import gateway, until
from tests.requests import CONFIG, TRAINING, TRANSFORM, changed

MANY: Final = 200
ENDPOINTS: Final = 20
AT_ONCE: Final = 8
"""Clients."""

Make = Callable[[int], Any]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Works]:
    with gateway(tmp_path_factory.mktemp("many")) as up:
        yield Works(up, artifacts)


def each(work: Make, number: int = MANY) -> None:
    """Do it with every number, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(number)))


def names(prefix: str) -> list[str]:
    return [f"{prefix}-{number:03}" for number in range(MANY)]


def listed(client: Any, operation: str, size: int = 60, **filters: Any) -> list[list[dict[str, Any]]]:
    """Its pages, without what they are called."""
    paginator = client.get_paginator(operation)
    pages = paginator.paginate(PaginationConfig={"PageSize": size}, **filters)
    return [next(value for value in page.values() if isinstance(value, list)) for page in pages]


def check_pages(client: Any, operation: str, name: str, prefix: str, **filters: Any) -> None:
    """Everything is there once, in order, in pages of the asked size; filters narrow it."""
    pages = listed(client, operation, NameContains=prefix, SortBy="Name", SortOrder="Ascending", **filters)
    assert [len(page) for page in pages] == [60, 60, 60, 20]
    assert [one[name] for page in pages for one in page] == names(prefix)
    (few,) = listed(client, operation, NameContains=f"{prefix}-01", SortBy="Name", SortOrder="Descending")
    assert [one[name] for one in few] == names(prefix)[19:9:-1]
    times = [one["CreationTime"] for page in listed(client, operation, SortBy="CreationTime") for one in page]
    assert times in (sorted(times), sorted(times, reverse=True))


def test_models_and_configurations(works: Works) -> None:
    sagemaker = works.sagemaker

    def make(number: int) -> None:
        container = {"Image": XGBOOST, "ModelDataUrl": "s3://cars-and-labels/xgb.tar.gz"}
        sagemaker.create_model(
            ModelName=f"many-{number:03}", ExecutionRoleArn=works.up.role, PrimaryContainer=container
        )
        variant = {**CONFIG["ProductionVariants"][0], "ModelName": f"many-{number:03}"}
        sagemaker.create_endpoint_config(EndpointConfigName=f"many-{number:03}", ProductionVariants=[variant])

    def remove(number: int) -> None:
        name = f"many-{number:03}"
        assert sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["Image"] == XGBOOST
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        assert config["ProductionVariants"][0]["ModelName"] == name
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        sagemaker.delete_model(ModelName=name)

    each(make)
    check_pages(sagemaker, "list_models", "ModelName", "many")
    check_pages(sagemaker, "list_endpoint_configs", "EndpointConfigName", "many")
    each(remove)
    assert listed(sagemaker, "list_models", NameContains="many") == [[]]
    assert listed(sagemaker, "list_endpoint_configs", NameContains="many") == [[]]


def test_training_and_transform_jobs(works: Works) -> None:
    """Made and told to stop at once: most never get a process, some end by themselves, and all of them end."""
    sagemaker = works.sagemaker
    training = {
        **TRAINING,
        "RoleArn": works.up.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/xgb"},
    }
    for number, channel in enumerate(("train", "validation")):
        place = f"InputDataConfig.{number}.DataSource.S3DataSource.S3Uri"
        training = changed(training, place, f"s3://{BUCKET}/output/{channel}")
    transform = {**TRANSFORM, "ModelName": works.cars.model("small")}
    place = "TransformInput.DataSource.S3DataSource.S3Uri"
    transform = changed(transform, place, works.put("batch/many.csv", b"low,low,5more,more,big,high\n"))
    transform = changed(transform, "TransformOutput.S3OutputPath", f"s3://{BUCKET}/scored")

    def make(number: int) -> None:
        name = f"many-{number:03}"
        sagemaker.create_training_job(**{**training, "TrainingJobName": name})
        with tolerating("is in status"):
            sagemaker.stop_training_job(TrainingJobName=name)
        sagemaker.create_transform_job(**{**transform, "TransformJobName": name})
        with tolerating("is in status"):
            sagemaker.stop_transform_job(TransformJobName=name)

    def states(kind: str) -> Counter[str]:
        pages = listed(sagemaker, f"list_{kind.lower()}_jobs", 100, NameContains="many")
        return Counter(one[f"{kind}JobStatus"] for page in pages for one in page)

    def all_ended(kind: str) -> bool:
        return sum(count for state, count in states(kind).items() if state in ENDED) == MANY

    def look(number: int) -> None:
        shown = sagemaker.describe_training_job(TrainingJobName=f"many-{number:03}")
        assert shown["SecondaryStatusTransitions"][-1]["Status"] == shown["SecondaryStatus"]
        assert shown["TrainingJobStatus"] != "Failed", shown
        shown = sagemaker.describe_transform_job(TransformJobName=f"many-{number:03}")
        assert shown["TransformJobStatus"] != "Failed", shown
        sagemaker.delete_training_job(TrainingJobName=f"many-{number:03}")

    each(make)
    for kind in ("Training", "Transform"):
        until(partial(all_ended, kind), 120)
        check_pages(sagemaker, f"list_{kind.lower()}_jobs", f"{kind}JobName", "many")
        stopped = listed(
            sagemaker, f"list_{kind.lower()}_jobs", 100, StatusEquals="Stopped", NameContains="many"
        )
        assert sum(map(len, stopped)) == states(kind)["Stopped"] > 0
    each(look)
    assert listed(sagemaker, "list_training_jobs", NameContains="many") == [[]]
    works.nothing_left()


def test_glue_jobs_and_runs(works: Works) -> None:
    glue = works.glue
    command = {
        "Name": "pythonshell",
        "PythonVersion": "3",
        "ScriptLocation": works.put("code/nothing.py", b"pass\n"),
    }
    for number in range(MANY):
        glue.create_job(Name=f"many-{number:03}", Role=works.up.role, Command=command)
    pages = listed(glue, "get_jobs")
    assert sorted(one["Name"] for page in pages for one in page) == names("many")
    busy = "many-000"
    glue.update_job(
        JobName=busy,
        JobUpdate={
            "Role": works.up.role,
            "Command": command,
            "ExecutionProperty": {"MaxConcurrentRuns": MANY},
        },
    )
    runs = [glue.start_job_run(JobName=busy)["JobRunId"] for _ in range(MANY)]
    for start in range(0, MANY, 25):
        glue.batch_stop_job_run(JobName=busy, JobRunIds=runs[start : start + 25])

    def shown() -> list[dict[str, Any]]:
        return [one for page in listed(glue, "get_job_runs", JobName=busy) for one in page]

    until(lambda: all(one["JobRunState"] in GLUE_ENDED for one in shown()), 120)
    assert sorted(one["Id"] for one in shown()) == sorted(runs)
    assert {one["JobRunState"] for one in shown()} <= {"STOPPED", "SUCCEEDED"}
    each(lambda number: glue.delete_job(JobName=f"many-{number:03}"))
    assert listed(glue, "get_jobs") == [[]]
    works.nothing_left()


def test_endpoints(works: Works) -> None:
    """Each is a process of its own; the 200 of them are in the longer suite."""
    cars = works.cars
    config = cars.config("small")
    some = [f"some-{number:03}" for number in range(ENDPOINTS)]
    for name in some:
        cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        cars.endpoints.append(name)
    try:
        assert {cars.settled(name)["EndpointStatus"] for name in some} == {"InService"}
        pages = listed(
            cars.sagemaker,
            "list_endpoints",
            7,
            StatusEquals="InService",
            SortBy="Name",
            SortOrder="Ascending",
        )
        assert [len(page) for page in pages] == [7, 7, 6]
        assert [one["EndpointName"] for page in pages for one in page] == some
        assert {cars.invoke(name) for name in some} == {b"vgood"}
        assert len(works.up.children()) == ENDPOINTS
    finally:
        cars.clean()
    assert listed(cars.sagemaker, "list_endpoints") == [[]]
    works.nothing_left()
    assert list(works.up.folder.endpoints.iterdir()) == []
