"""SageMaker by boto3 and the AWS CLI: models, configurations, jobs; the supervisor's part is told by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from skewless.control import running
from skewless.control.plane import Members, Plane
from tests.fronts import ACCESS_KEY, REGION, SECRET, client, front
from tests.planes import Clock
from tests.planes import plane as make_plane
from tests.requests import CONFIG, MODEL, PROCESSING, TRAINING, TRANSFORM, changed, furnish

KINDS = {"training": TRAINING, "processing": PROCESSING, "transform": TRANSFORM}
AWS = Path(sys.executable).with_name("aws")


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Plane]:
    folder = tmp_path_factory.mktemp("plane")
    with make_plane(folder, clock=clock) as plane:
        furnish(plane, folder / "s3")
        yield plane


@pytest.fixture(scope="module")
def url(plane: Plane) -> Iterator[str]:
    with front(plane) as url:
        yield url


@pytest.fixture(scope="module")
def sagemaker(url: str) -> Any:
    made = client("sagemaker", url)
    made.create_model(**MODEL)
    return made


def refusal(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_model_and_its_configuration_come_back_as_they_went(sagemaker: Any) -> None:
    found = sagemaker.describe_model(ModelName="cars")
    assert {name: found[name] for name in MODEL} == MODEL
    assert found["CreationTime"].timestamp() == 1_700_000_000
    with pytest.raises(ClientError) as raised:
        sagemaker.create_model(**MODEL)
    assert refusal(raised) == (
        "ValidationException",
        'Cannot create already existing model "arn:aws:sagemaker:us-east-1:000000000000:model/cars".',
    )
    sagemaker.create_endpoint_config(**CONFIG)
    found = sagemaker.describe_endpoint_config(EndpointConfigName="cars")
    assert found["ProductionVariants"] == [{**CONFIG["ProductionVariants"][0], "InitialVariantWeight": 1.0}]
    sagemaker.delete_endpoint_config(EndpointConfigName="cars")
    with pytest.raises(ClientError) as raised:
        sagemaker.describe_endpoint_config(EndpointConfigName="cars")
    assert refusal(raised)[0] == "ValidationException"
    assert "Could not find endpoint configuration" in refusal(raised)[1]


def ask(sagemaker: Any, verb: str, kind: str, name: str, **members: Any) -> Members:
    answer: Members = getattr(sagemaker, f"{verb}_{kind}_job")(**{**members, f"{kind.title()}JobName": name})
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_from_its_request_to_its_end(plane: Plane, sagemaker: Any, clock: Clock, kind: str) -> None:
    prefix = kind.title()
    created = ask(sagemaker, "create", kind, "first", **KINDS[kind], Tags=[{"Key": "a", "Value": "b"}])
    arn = created[f"{prefix}JobArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:000000000000:{kind}-job/first"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        ask(sagemaker, "create", kind, "first", **KINDS[kind])
    running.began(plane, kind, "first")
    running.progress(plane, kind, "first", {"secondary": "Downloading", "message": "Downloading input data"})
    running.progress(plane, kind, "first", {"metric": "train:rmse", "value": 0.5})
    clock.move(90)
    artifact = {"ModelArtifacts": {"S3ModelArtifacts": "s3://data/xgb/first/output/model.tar.gz"}}
    running.ended(plane, kind, "first", "Completed", None, artifact)
    if kind != "processing":
        waiter = sagemaker.get_waiter(f"{kind}_job_completed_or_stopped")
        waiter.wait(**{f"{prefix}JobName": "first"})
    found = ask(sagemaker, "describe", kind, "first")
    assert found[f"{prefix}JobStatus"] == "Completed"
    assert (found[f"{prefix}EndTime"] - found[f"{prefix}StartTime"]).total_seconds() == 90
    if kind == "training":
        assert found["ModelArtifacts"] == artifact["ModelArtifacts"]
        assert found["TrainingTimeInSeconds"] == 90
        assert [one["MetricName"] for one in found["FinalMetricDataList"]] == ["train:rmse"]
        assert [one["Status"] for one in found["SecondaryStatusTransitions"]] == [
            "Starting",
            "Downloading",
            "Completed",
        ]
    with pytest.raises(ClientError) as raised:
        ask(sagemaker, "stop", kind, "first")
    assert refusal(raised) == (
        "ValidationException",
        f"The request was rejected because the {kind} job is in status Completed.",
    )
    with pytest.raises(ClientError) as raised:
        ask(sagemaker, "describe", kind, "none")
    assert refusal(raised)[0] == "ValidationException"


def test_a_failed_job_ends_a_waiter(plane: Plane, sagemaker: Any) -> None:
    ask(sagemaker, "create", "training", "fails", **TRAINING)
    running.began(plane, "training", "fails")
    running.ended(plane, "training", "fails", "Failed", "ClientError: no")
    with pytest.raises(WaiterError, match="terminal failure state"):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="fails")
    found = ask(sagemaker, "describe", "training", "fails")
    assert (found["TrainingJobStatus"], found["FailureReason"]) == ("Failed", "ClientError: no")


def test_paginators_go_through_all_jobs(sagemaker: Any) -> None:
    for number in range(25):
        ask(sagemaker, "create", "transform", f"many-{number:02}", **TRANSFORM)
    pages = sagemaker.get_paginator("list_transform_jobs").paginate(NameContains="many", SortBy="Name")
    names = [[one["TransformJobName"] for one in page["TransformJobSummaries"]] for page in pages]
    assert [len(page) for page in names] == [10, 10, 5]
    assert [name for page in names for name in page] == [
        f"many-{number:02}" for number in reversed(range(25))
    ]


@pytest.mark.parametrize(
    ("operation", "request_", "said"),
    [
        (
            "create_model",
            changed(MODEL, "ModelName", "no_underscore"),
            "at 'modelName' failed to satisfy constraint",
        ),
        ("create_model", changed(MODEL, "Containers", MODEL["Containers"] * 8), "less than or equal to 15"),
        (
            "create_training_job",
            changed(TRAINING, "ResourceConfig.InstanceType", "ml.none"),
            "enum value set",
        ),
        (
            "create_transform_job",
            changed(TRANSFORM, "Environment", {f"n{number}": "v" for number in range(17)}),
            "less than or equal to 16",
        ),
        ("list_models", {"MaxResults": 101}, "less than or equal to 100"),
    ],
)
def test_the_model_of_the_service_is_kept_to(
    sagemaker: Any, operation: str, request_: Members, said: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(sagemaker, operation)(**request_)
    code, message = refusal(raised)
    assert code == "ValidationException"
    assert "validation error" in message
    assert said in message


def test_the_cli(url: str, tmp_path: Path) -> None:
    request = tmp_path / "training.json"
    request.write_text(json.dumps({**TRAINING, "TrainingJobName": "by-cli"}))

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [AWS, "--endpoint-url", url, "sagemaker", *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={
                **os.environ,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": REGION,
            },
        )
        return json.loads(done.stdout) if done.stdout else None

    assert run("create-training-job", "--cli-input-json", f"file://{request}")["TrainingJobArn"]
    assert run("stop-training-job", "--training-job-name", "by-cli") is None
    found = run("describe-training-job", "--training-job-name", "by-cli")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopping", "Stopping")
