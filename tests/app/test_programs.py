"""Endpoints and transform jobs of a gateway whose containers are programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.containers.process.registered import Registered, changed_images
from tests.app.cars import BUCKET, Cars
from tests.containers.programs import executable, passing
from tests.gateways import until
from tests.pipelines import CAR


def model(cars: Cars, name: str, containers: list[dict[str, Any]]) -> None:
    cars.sagemaker.create_model(ModelName=name, ExecutionRoleArn=cars.gateway.role, Containers=containers)


def deploy(cars: Cars, name: str, containers: list[dict[str, Any]], **more: int) -> dict[str, Any]:
    model(cars, name, containers)
    variant = {
        "VariantName": "v",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m4.xlarge",
    }
    cars.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{**variant, **more}])
    cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    cars.endpoints.append(name)
    return cars.settled(name)


def chain(cars: Cars, tmp_path: Path) -> list[dict[str, Any]]:
    """A program by a name, the three containers of the example, and a program by its path."""
    with changed_images(cars.gateway.data_dir) as images:
        images["passing"] = Registered([str(passing(tmp_path))])
    return [{"Image": "passing"}, *cars.containers("small"), {"Image": str(passing(tmp_path, "last.py"))}]


def test_an_endpoint_with_programs(cars: Cars, tmp_path: Path) -> None:
    described = deploy(cars, "programs", chain(cars, tmp_path))
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    assert cars.invoke("programs", CAR) == b"vgood"
    asked = {"EndpointName": "programs", "Body": CAR, "ContentType": "text/csv"}
    told = cars.runtime.invoke_endpoint(**asked, CustomAttributes="mine")
    assert told["CustomAttributes"] == "mine; passed"
    assert cars.runtime.invoke_endpoint(**asked, InferenceId="7")["CustomAttributes"] == "7; passed"
    for body, text in (
        (b"vhigh", 'Received client error (418) from container-1 with message "too dear"'),
        (b"doomed", "Received server error (500) from container-1 with message"),
    ):
        with pytest.raises(ClientError) as caught:
            cars.invoke("programs", body)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert text in str(caught.value)

    def answers() -> bool:
        try:
            return bool(cars.invoke("programs", CAR) == b"vgood")
        except ClientError:
            return False

    assert until(answers)
    logs = cars.gateway.client("logs")
    group = "/aws/sagemaker/Endpoints/programs"
    for container in ("container-1", "container-5"):
        found = until(lambda: logs.filter_log_events(logGroupName=group, filterPattern="passing")["events"])
        streams = {event["logStreamName"].rpartition("/")[2] for event in found}
        assert container in streams


def test_a_program_that_does_not_start_is_named(cars: Cars, tmp_path: Path) -> None:
    bad = executable(
        tmp_path / "bad.py", f"#!{sys.executable} -S\nimport sys\nsys.exit('there is no model')\n"
    )
    described = deploy(cars, "bad-program", [*cars.containers("small")[:2], {"Image": str(bad)}])
    assert described["EndpointStatus"] == "Failed"
    reason = described["FailureReason"]
    assert reason.startswith("The container-3 for production variant v did not pass the ping health check.")
    assert "ended with status 1. It said: there is no model" in reason


def test_a_program_has_the_time_that_its_variant_gives(cars: Cars, tmp_path: Path) -> None:
    slow = executable(tmp_path / "slow.sh", "#!/bin/sh\nexec sleep 1000\n")
    with changed_images(cars.gateway.data_dir) as images:
        images["slow"] = Registered([str(slow)], health_timeout=1)
    described = deploy(cars, "slow-program", [{"Image": "slow"}, {"Image": "slow"}])
    assert described["EndpointStatus"] == "Failed"
    assert "did not answer a ping within 1 seconds" in described["FailureReason"]


def test_a_transform_job_with_programs(cars: Cars, tmp_path: Path) -> None:
    model(cars, "programs-in-batch", chain(cars, tmp_path))
    s3 = cars.gateway.client("s3")
    for name, body in (("cars", CAR), ("dear", b"vhigh"), ("doomed", b"doomed"), ("more", CAR)):
        s3.put_object(Bucket=BUCKET, Key=f"given/{name}.csv", Body=b"\n".join([body] * 3) + b"\n")
    cars.sagemaker.create_transform_job(
        TransformJobName="programs",
        ModelClientConfig={"InvocationsMaxRetries": 1},
        ModelName="programs-in-batch",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/given/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/made", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
    )

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = cars.sagemaker.describe_transform_job(TransformJobName="programs")
        return None if found["TransformJobStatus"] == "InProgress" else found

    found = until(ended)
    # What a program refuses is the caller's fault, what it dies of its own; it is started again for the next object.
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information"
    for name in ("cars", "more"):
        made = s3.get_object(Bucket=BUCKET, Key=f"made/{name}.csv.out")["Body"].read()
        assert made.split() == [b"vgood"] * 3
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["KeyCount"] == 2
    logs = cars.gateway.client("logs")
    group = "/aws/sagemaker/TransformJobs"
    events = [
        (event["logStreamName"].rpartition("/")[2], event["message"])
        for event in logs.filter_log_events(logGroupName=group, logStreamNamePrefix="programs/")["events"]
    ]
    told = [message for stream, message in events if stream == "data-log"]
    assert any("dear.csv: ClientError: 418" in line for line in told)
    assert any("doomed.csv: Bad HTTP status received from algorithm: 500" in line for line in told)
    assert ("container-1", "passing on 3 rows") in events
