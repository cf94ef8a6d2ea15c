"""Endpoints from end to end: real boto3, the real gateway, real instances."""

from __future__ import annotations

import os
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.lifetime import runs
from tests.app.cars import BUCKET, LABELS, Cars
from tests.containers.programs import executable
from tests.gateways import until
from tests.pipelines import CAR, PRICY


def test_it_answers_and_says_who_did(cars: Cars) -> None:
    described = cars.endpoint("plain", "small", count=2)
    assert described["EndpointStatus"] == "InService"
    assert [one["CurrentInstanceCount"] for one in described["ProductionVariants"]] == [2]
    assert len(described["ProductionVariants"][0]["DeployedImages"]) == 3
    answer = cars.runtime.invoke_endpoint(EndpointName="plain", Body=CAR, ContentType="text/csv")
    assert answer["Body"].read() == b"vgood"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "small")
    assert cars.invoke("plain", CAR + b"\n" + PRICY).split() == [b"vgood", b"unacc"]


def test_a_container_that_refuses_is_named(cars: Cars) -> None:
    cars.endpoint("refusing", "small")
    with pytest.raises(ClientError) as caught:
        cars.invoke("refusing", b"low,low,9,more,big,high")
    error: dict[str, Any] = caught.value.response
    assert error["Error"]["Code"] == "ModelError"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == 400
    assert "column 'doors'" in error["OriginalMessage"]
    assert 'Received client error (400) from container-1 with message "' in error["Error"]["Message"]
    with pytest.raises(ClientError, match=r"client error \(415\) from container-1"):
        cars.invoke("refusing", ContentType="image/png")
    logs = cars.gateway.client("logs")
    group = "/aws/sagemaker/Endpoints/refusing"
    # An answer does not wait until its line is in the log.
    found = until(lambda: logs.filter_log_events(logGroupName=group, filterPattern="doors")["events"])
    assert [event["logStreamName"].split("/")[2] for event in found] == ["container-1"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"EndpointName": "nobody"}, "Endpoint nobody of account 000000000000 not found. ListEndpoints"),
        ({"EndpointName": "asks"}, "Endpoint asks of account 000000000000 not found. Is it asked?"),
        ({"TargetVariant": "other"}, "Variant other not found for Request. Its variants are small."),
        ({"TargetContainerHostname": "container-2"}, "in series"),
        ({"TargetModel": "a.tar.gz"}, "no multi-model container"),
        ({"InferenceComponentName": "part"}, "no inference components"),
    ],
)
def test_what_cannot_be_asked(cars: Cars, options: dict[str, str], text: str) -> None:
    if "asked" not in cars.endpoints:
        cars.endpoint("asked", "small")
    with pytest.raises(ClientError) as caught:
        cars.runtime.invoke_endpoint(**{"EndpointName": "asked", "Body": CAR} | options)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert text in str(caught.value)


def test_an_update_changes_all_answers_at_once(cars: Cars) -> None:
    cars.endpoint("changing", "small")
    before = set(cars.gateway.children())
    described = cars.update("changing", "capital")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "config-capital-1")
    assert {cars.invoke("changing") for _ in range(5)} == {LABELS["capital"]}
    until(lambda: not before & set(cars.gateway.children()))


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("skewed", ["container-3", "vgood", "vGood", "row"]),
        ("corrupt", ["container-3", f"s3://{BUCKET}/corrupt.tar.gz"]),
    ],
)
def test_an_update_that_fails_changes_nothing(cars: Cars, version: str, reason: list[str]) -> None:
    cars.endpoint("steady", "small")
    described = cars.update("steady", version)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "config-small-1")
    start = f"The container-3 for production variant {version} did not pass the ping health check."
    assert described["FailureReason"].startswith(start)
    assert all(part in described["FailureReason"] for part in reason)
    assert cars.invoke("steady") == b"vgood"
    assert len(list(cars.gateway.folder.endpoints.iterdir())) == 1


def test_a_creation_that_fails_leaves_nothing_behind(cars: Cars) -> None:
    before = set(cars.gateway.children())
    described = cars.endpoint("failed", "skewed", count=2)
    assert described["EndpointStatus"] == "Failed"
    assert "container-3" in described["FailureReason"]
    assert set(cars.gateway.children()) == before
    with pytest.raises(ClientError, match="not found"):
        cars.invoke("failed")
    assert cars.update("failed", "small")["EndpointStatus"] == "InService"


def test_model_data_that_vanished(cars: Cars) -> None:
    gone = cars.gateway.folder.s3 / BUCKET / "gone.tar.gz"
    gone.write_bytes(b"there for now")
    config = cars.config("gone")
    gone.unlink()
    cars.sagemaker.create_endpoint(EndpointName="late", EndpointConfigName=config)
    cars.endpoints.append("late")
    described = cars.settled("late")
    assert described["EndpointStatus"] == "Failed"
    assert f"s3://{BUCKET}/gone.tar.gz" in described["FailureReason"]


def test_a_crashed_instance_comes_back_and_nobody_notices(cars: Cars) -> None:
    before = set(cars.gateway.children())
    cars.endpoint("crashing", "small", count=2)
    first, _ = sorted(set(cars.gateway.children()) - before)
    os.kill(first, signal.SIGKILL)
    assert {cars.invoke("crashing") for _ in range(30)} == {b"vgood"}
    until(lambda: len(set(cars.gateway.children()) - before - {first}) == 2)
    killed = set(cars.gateway.children()) - before
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(runs, killed)))  # else one request could be lost twice
    assert cars.invoke("crashing") == b"vgood"  # it waits for the first that is up again


def test_weights_and_numbers_change_without_a_new_fleet(cars: Cars) -> None:
    cars.endpoint("weighted", "small", "capital")
    before = set(cars.gateway.children())
    seen = Counter(cars.invoke("weighted") for _ in range(60))
    assert min(seen[label] for label in LABELS.values()) > 5
    assert cars.invoke("weighted", TargetVariant="capital") == b"VGOOD"
    cars.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="weighted",
        DesiredWeightsAndCapacities=[
            {"VariantName": "small", "DesiredWeight": 0.0},
            {"VariantName": "capital", "DesiredWeight": 1.0, "DesiredInstanceCount": 2},
        ],
    )
    variants = {one["VariantName"]: one for one in cars.settled("weighted")["ProductionVariants"]}
    assert variants["capital"]["CurrentInstanceCount"] == 2
    assert {cars.invoke("weighted") for _ in range(20)} == {b"VGOOD"}
    assert before < set(cars.gateway.children())
    cars.sagemaker.update_endpoint(
        EndpointName="weighted",
        EndpointConfigName=cars.config("small", "capital"),
        RetainAllVariantProperties=True,
    )
    kept = {
        one["VariantName"]: one["CurrentWeight"] for one in cars.settled("weighted")["ProductionVariants"]
    }
    assert kept == {"small": 0.0, "capital": 1.0}


def test_what_is_under_way_is_not_disturbed(cars: Cars, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    # It never answers a ping, and ends, which fails the creation, when it may.
    slow = executable(tmp_path / "slow", f"#!/bin/sh\nuntil [ -e {gate} ]; do sleep 0.1; done\n")
    cars.sagemaker.create_model(
        ModelName="busy", ExecutionRoleArn=cars.gateway.role, PrimaryContainer={"Image": str(slow)}
    )
    variant = {
        "VariantName": "v",
        "ModelName": "busy",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m4.xlarge",
    }
    cars.sagemaker.create_endpoint_config(EndpointConfigName="busy", ProductionVariants=[variant])
    cars.sagemaker.create_endpoint(EndpointName="busy", EndpointConfigName="busy")
    cars.endpoints.append("busy")
    with pytest.raises(
        ClientError, match=r"Cannot update in-progress endpoint .* It is Creating: ask again when"
    ):
        cars.sagemaker.delete_endpoint(EndpointName="busy")
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        cars.sagemaker.update_endpoint(EndpointName="busy", EndpointConfigName=cars.config("small"))
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        cars.sagemaker.create_endpoint(EndpointName="busy", EndpointConfigName=cars.config("small"))
    gate.touch()


def test_names_that_are_not_there(cars: Cars) -> None:
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        cars.sagemaker.create_endpoint(EndpointName="lost", EndpointConfigName="nothing")
    for operation in (cars.sagemaker.describe_endpoint, cars.sagemaker.delete_endpoint):
        with pytest.raises(ClientError, match="Could not find endpoint"):
            operation(EndpointName="lost")


def test_nobody_is_answered_once_the_end_was_asked_for(cars: Cars) -> None:
    """Not by the call that follows at once, though the instances are ended later; and one of the same name serves."""
    for _ in range(2):
        cars.endpoint("leaving", "small")
        assert cars.invoke("leaving") == b"vgood"
        cars.sagemaker.delete_endpoint(EndpointName="leaving")
        with pytest.raises(ClientError, match="Endpoint leaving of account 000000000000 not found") as caught:
            cars.invoke("leaving")
        assert caught.value.response["Error"]["Code"] == "ValidationError"
        until(lambda: cars.gone("leaving"))


def test_lists_in_pages(cars: Cars) -> None:
    for number in range(3):
        cars.endpoint(f"listed-{number}", "small")
    pages = list(
        cars.sagemaker.get_paginator("list_endpoints").paginate(
            NameContains="listed", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
        )
    )
    names = [one["EndpointName"] for page in pages for one in page["Endpoints"]]
    assert (len(pages), names) == (2, ["listed-0", "listed-1", "listed-2"])
    assert all(before <= after for before, after in pairwise(names))


def test_metrics_of_an_endpoint_and_its_containers(cars: Cars) -> None:
    cars.endpoint("measured", "small")
    for _ in range(8):
        cars.invoke("measured")
    with pytest.raises(ClientError):
        cars.invoke("measured", b"low")
    cloudwatch = cars.gateway.client("cloudwatch")
    here = [
        {"Name": "EndpointName", "Value": "measured"},
        {"Name": "VariantName", "Value": "small"},
    ]

    def ask(name: str, *more: dict[str, str]) -> dict[str, float]:
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": statistic.lower(),
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/SageMaker",
                            "MetricName": name,
                            "Dimensions": [*here, *more],
                        },
                        "Period": 3600,
                        "Stat": statistic,
                    },
                }
                for statistic in ("Sum", "SampleCount")
            ],
            StartTime=0,
            EndTime=4_000_000_000,
        )
        return {one["Id"]: sum(one["Values"]) for one in answer["MetricDataResults"]}

    assert ask("Invocations")["sum"] == 9
    assert ask("Invocation4XXErrors") == {"sum": 1, "samplecount": 9}
    assert ask("ModelLatency")["sum"] > ask("OverheadLatency")["sum"] * 0 > -1
    times = [ask("ContainerLatency", {"Name": "ContainerName", "Value": f"container-{n}"}) for n in (1, 2, 3)]
    assert [one["samplecount"] for one in times] == [9, 8, 8]
    assert 0 < sum(one["sum"] for one in times) < ask("ModelLatency")["sum"]
