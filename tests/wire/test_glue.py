"""Glue by boto3, as the published workflow asks for it; the supervisor's part is told by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.control import running
from skewless.control.first_start import ensure_default_role
from skewless.control.plane import Plane
from tests.fronts import client, front
from tests.planes import Clock
from tests.planes import plane as make_plane

JOB: dict[str, Any] = {
    "Role": "arn:aws:iam::000000000000:role/SkewlessExecutionRole",
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/scripts/preprocessor.py"},
    "DefaultArguments": {
        "--s3_input_data_location": "s3://b/data/car.data",
        "--s3_model_bucket_prefix": "model",
        "--extra-py-files": "s3://b/scripts/python.zip",
        "--extra-jars": "s3://b/scripts/mleap_spark_assembly.jar",
    },
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as plane:
        ensure_default_role(plane)
        yield plane


@pytest.fixture
def glue(plane: Plane) -> Iterator[Any]:
    with front(plane) as url:
        yield client("glue", url)


def test_the_published_workflow(plane: Plane, glue: Any, clock: Clock) -> None:
    name = "preprocessing-cars"
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName=name)
    assert glue.create_job(Name=name, **JOB)["Name"] == name
    run = glue.start_job_run(JobName=name)["JobRunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=name)
    assert glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "STARTING"
    (asked,) = running.to_start(plane)
    assert asked.request["Arguments"] == JOB["DefaultArguments"]
    running.began(plane, "glue", run)
    assert glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "RUNNING"
    clock.move(61.5)
    running.ended(plane, "glue", run, "Completed")
    done = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
    assert (done["JobRunState"], done["ExecutionTime"], done["Attempt"]) == ("SUCCEEDED", 61, 0)
    assert (done["CompletedOn"] - done["StartedOn"]).total_seconds() == 61.5
    assert (done["MaxCapacity"], done["AllocatedCapacity"], done["Timeout"]) == (10.0, 10, 2880)
    glue.delete_job(JobName=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName=name)


def test_a_definition_comes_back_as_it_went(glue: Any) -> None:
    whole = JOB | {
        "Description": "d",
        "LogUri": "s3://b/logs",
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
        "NonOverridableArguments": {"--a": "b"},
        "Connections": {"Connections": ["c"]},
        "MaxRetries": 2,
        "Timeout": 60,
        "NotificationProperty": {"NotifyDelayAfter": 5},
        "GlueVersion": "4.0",
        "NumberOfWorkers": 2,
        "WorkerType": "G.1X",
        "ExecutionClass": "STANDARD",
        "JobRunQueuingEnabled": True,
    }
    glue.create_job(Name="j", Tags={"k": "v"}, **whole)
    found = glue.get_job(JobName="j")["Job"]
    assert {member: found[member] for member in whole} == whole
    assert glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:000000000000:job/j")["Tags"] == {"k": "v"}
    glue.update_job(JobName="j", JobUpdate=JOB)
    assert "Description" not in glue.get_job(JobName="j")["Job"]


def test_runs_are_stopped_one_by_one(plane: Plane, glue: Any) -> None:
    glue.create_job(Name="j", **JOB)
    run = glue.start_job_run(JobName="j", Arguments={"--a": "1"}, Timeout=5)["JobRunId"]
    answer = glue.batch_stop_job_run(JobName="j", JobRunIds=[run, "jr_none"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": "j", "JobRunId": run}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    running.ended(plane, "glue", run, "Stopped")
    shown = glue.get_job_runs(JobName="j")["JobRuns"][0]
    assert (shown["JobRunState"], shown["Arguments"], shown["Timeout"]) == ("STOPPED", {"--a": "1"}, 5)


def test_paginators_and_bad_requests(glue: Any) -> None:
    for number in range(7):
        glue.create_job(Name=f"j{number}", **JOB)
    pages = glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 3})
    assert [job["Name"] for page in pages for job in page["Jobs"]] == [f"j{number}" for number in range(7)]
    for operation, asked in (
        ("list_jobs", {"NextToken": "by-hand"}),
        ("create_job", {"Name": "x" * 256, **JOB}),
        ("start_job_run", {"JobName": "j1", "Timeout": 99_999}),
        ("create_job", {"Name": "x", **JOB, "Role": "nobody"}),
        ("create_job", {"Name": "x", **JOB, "WorkerType": "G.3X"}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(glue, operation)(**asked)
        assert caught.value.response["Error"]["Code"] == "InvalidInputException", operation
    with pytest.raises(glue.exceptions.IdempotentParameterMismatchException):
        glue.create_job(Name="j1", **(JOB | {"MaxRetries": 1}))
