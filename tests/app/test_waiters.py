"""The waiters of boto3 return, or fail, as they do on AWS. Training's is in `test_training`."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import WaiterError

from tests.app.cars import BUCKET, Cars
from tests.pipelines import CAR
from tests.requests import PROCESSING, TRANSFORM, changed

OFTEN = {"Delay": 1, "MaxAttempts": 120}
WRITES = b"from pathlib import Path\nPath('/opt/ml/processing/output/made').write_text('here')\n"


def wait(cars: Cars, waiter: str, **what: Any) -> None:
    cars.sagemaker.get_waiter(waiter).wait(WaiterConfig=OFTEN, **what)


def put(cars: Cars, key: str, body: bytes) -> str:
    cars.gateway.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def process(cars: Cars, script: bytes) -> str:
    """The name of a job that runs this script."""
    name = f"waited-{uuid4().hex[:8]}"
    where = put(cars, f"waited/{name}/preprocess.py", script)
    request = {**PROCESSING, "ProcessingJobName": name, "RoleArn": cars.gateway.role}
    request = changed(request, "ProcessingInputs.0.S3Input.S3Uri", where)
    target = f"s3://{BUCKET}/waited/{name}/output"
    cars.sagemaker.create_processing_job(
        **changed(request, "ProcessingOutputConfig.Outputs.0.S3Output.S3Uri", target)
    )
    return name


def test_endpoints(cars: Cars) -> None:
    name = "waited-for"
    cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=cars.config("small"))
    cars.endpoints.append(name)
    wait(cars, "endpoint_in_service", EndpointName=name)
    assert cars.invoke(name) == b"vgood"
    cars.sagemaker.delete_endpoint(EndpointName=name)
    wait(cars, "endpoint_deleted", EndpointName=name)
    assert cars.gone(name)


def test_an_endpoint_that_fails(cars: Cars) -> None:
    name = "waited-for-in-vain"
    cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=cars.config("skewed"))
    cars.endpoints.append(name)
    with pytest.raises(WaiterError, match="terminal failure state") as caught:
        wait(cars, "endpoint_in_service", EndpointName=name)
    assert caught.value.last_response["EndpointStatus"] == "Failed"


def test_a_transform_job(cars: Cars) -> None:
    request = {
        **TRANSFORM,
        "TransformJobName": f"waited-{uuid4().hex[:8]}",
        "ModelName": cars.model("small"),
        "TransformOutput": {**TRANSFORM["TransformOutput"], "S3OutputPath": f"s3://{BUCKET}/classes"},
    }
    where = put(cars, "waited/cars.csv", CAR + b"\n")
    cars.sagemaker.create_transform_job(
        **changed(request, "TransformInput.DataSource.S3DataSource.S3Uri", where)
    )
    wait(cars, "transform_job_completed_or_stopped", TransformJobName=request["TransformJobName"])
    made = cars.gateway.client("s3").get_object(Bucket=BUCKET, Key="classes/cars.csv.out")["Body"].read()
    assert made.split() == [b"vgood"]


def test_a_processing_job(cars: Cars) -> None:
    name = process(cars, WRITES)
    wait(cars, "processing_job_completed_or_stopped", ProcessingJobName=name)
    cars.gateway.client("s3").head_object(Bucket=BUCKET, Key=f"waited/{name}/output/made")


def test_a_processing_job_that_fails(cars: Cars) -> None:
    name = process(cars, b"raise SystemExit(3)")
    with pytest.raises(WaiterError, match="terminal failure state") as caught:
        wait(cars, "processing_job_completed_or_stopped", ProcessingJobName=name)
    assert caught.value.last_response["ProcessingJobStatus"] == "Failed"
