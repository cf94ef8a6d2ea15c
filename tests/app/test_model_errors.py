"""What a caller is told when a container answers with an error, and of which it is: real boto3, real programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.app.cars import BUCKET, Cars
from tests.gateways import until
from tests.pipelines import CAR

PROGRAM = f"""#!{sys.executable}
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        status, _, said = body.partition(b" ")
        self.answer(int(status), said)

    def answer(self, status, said):
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.send_header("content-type", "text/plain")
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *ignored):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
"""Answers as it is told: a status, a blank, and what it says."""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "says"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return path


@pytest.fixture
def endpoint(cars: Cars, program: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Cars, str]]:
    """An endpoint of these containers, given as what each definition has beside its image."""
    definitions, mode = request.param
    name = request.node.originalname.replace("_", "-")[:60]
    given = [{"Image": str(program), **one} if "Image" not in one else one for one in definitions]
    cars.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=cars.gateway.role,
        Containers=given,
        InferenceExecutionConfig={"Mode": mode},
    )
    variant = {
        "VariantName": "v",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m4.xlarge",
    }
    cars.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    cars.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    cars.endpoints.append(name)
    described = cars.settled(name)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    yield cars, name
    cars.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    cars.sagemaker.delete_model(ModelName=name)


def refused(cars: Cars, name: str, body: bytes, **options: Any) -> dict[str, Any]:
    """All that botocore makes of the error, and the members that it has no place for."""
    raw: dict[str, Any] = {}

    def keep(response_dict: dict[str, Any], **_: object) -> None:
        raw.update(json.loads(response_dict["body"]))

    event = "before-parse.sagemaker-runtime.InvokeEndpoint"
    cars.runtime.meta.events.register(event, keep)
    try:
        with pytest.raises(ClientError) as caught:
            cars.invoke(name, body, **options)
    finally:
        cars.runtime.meta.events.unregister(event, keep)
    return {**raw, **caught.value.response}


@pytest.mark.parametrize("endpoint", [([{}], "Serial")], indirect=True)
def test_statuses_and_bodies(endpoint: tuple[Cars, str]) -> None:
    """424 is a server's error, as is whatever is no client's; bytes that are no text are said to be none."""
    cars, name = endpoint
    for status, whose in [
        (400, "client"),
        (415, "client"),
        (424, "server"),
        (500, "server"),
        (503, "server"),
    ]:
        error = refused(cars, name, b"%d it said so" % status)
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
        text = f'Received {whose} error ({status}) from primary with message "it said so". See '
        assert error["Error"]["Message"].startswith(text)
        code = "CLIENT_ERROR_FROM_MODEL" if whose == "client" else "INTERNAL_FAILURE_FROM_MODEL"
        assert error["ErrorCode"] == code
        assert (error["OriginalStatusCode"], error["OriginalMessage"]) == (status, "it said so")
        assert error["LogStreamArn"].endswith(f"log-group:/aws/sagemaker/Endpoints/{name}")
    error = refused(cars, name, b"500 \xff\xfe\x00")
    text = "Received server error (500) from primary and could not load the entire response body. See "
    assert error["Error"]["Message"].startswith(text)
    assert cars.invoke(name, b"200 fine") == b"fine"
    assert cars.invoke(name, b"200 ") == b""


NAMED = [
    {"ContainerHostname": "says"},
    {"ContainerHostname": "model", "Image": "xgboost", "ModelDataUrl": f"s3://{BUCKET}/xgb.tar.gz"},
]


@pytest.mark.parametrize("endpoint", [(NAMED, "Serial")], indirect=True)
def test_a_container_is_called_by_its_name(endpoint: tuple[Cars, str]) -> None:
    cars, name = endpoint
    assert "error (418) from says with" in refused(cars, name, b"418 short")["Error"]["Message"]
    error = refused(cars, name, b"200 plain")
    assert "client error (415) from model with" in error["Error"]["Message"]
    helped = "says (process) answered with content type 'text/plain', and model (xgboost) reads text/csv"
    assert helped in error["OriginalMessage"]
    logs, group = cars.gateway.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    found = until(
        lambda: logs.filter_log_events(logGroupName=group, filterPattern='"reads text/csv"')["events"]
    )
    assert [event["logStreamName"].split("/")[2] for event in found] == ["model"]
    text = "the containers of endpoint test-a-container-is-called-by-its-name run in series"
    assert text in refused(cars, name, b"200 x", TargetContainerHostname="says")["Error"]["Message"]


@pytest.mark.parametrize("endpoint", [(NAMED, "Direct")], indirect=True)
def test_one_container_is_picked(endpoint: tuple[Cars, str]) -> None:
    """Mode Direct: only the one that is named runs, and it gets the caller's content type and Accept."""
    cars, name = endpoint
    assert cars.invoke(name, b"200 it alone", TargetContainerHostname="says") == b"it alone"
    error = refused(cars, name, CAR, TargetContainerHostname="model")
    assert "from model with" in error["Error"]["Message"]
    for options, text in [
        ({}, "TargetContainerHostname is missing. Name one of says, model."),
        ({"TargetContainerHostname": "other"}, "there is no container other. Name one of says, model."),
    ]:
        error = refused(cars, name, b"200 x", **options)
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
            "ValidationError",
            400,
        )
        assert text in error["Error"]["Message"]
    here = {"EndpointName": name, "VariantName": "v", "ContainerName": "says"}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ContainerLatency",
        "Dimensions": [{"Name": key, "Value": value} for key, value in here.items()],
    }
    query = {"Id": "n", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "SampleCount"}}
    told = cars.gateway.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=0, EndTime=4_000_000_000
    )
    assert sum(told["MetricDataResults"][0]["Values"]) == 1
