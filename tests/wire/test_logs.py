"""Logs and metrics by boto3 and by the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.control.plane import Plane
from tests.fronts import client, environment, front
from tests.planes import Clock
from tests.planes import plane as make_plane

AWS = Path(sys.executable).with_name("aws")
GROUP = "/aws/sagemaker/Endpoints/cars"
STREAM = "AllTraffic/i-0179208609ff7e488/container-1"
VARIANT = [{"Name": "EndpointName", "Value": "cars"}, {"Name": "VariantName", "Value": "AllTraffic"}]


@pytest.fixture
def clock() -> Clock:
    return Clock(int(time.time()) * 1000)


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as plane:
        yield plane


@pytest.fixture
def url(plane: Plane) -> Iterator[str]:
    with front(plane) as url:
        yield url


@pytest.fixture
def logs(url: str) -> Any:
    return client("logs", url)


def aws(url: str, *arguments: str) -> Any:
    """What the real CLI, without anything of the user's, answers."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": "", **environment(url)}
    done = subprocess.run(
        [str(AWS), *arguments, "--output", "json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_users_log_from_its_making_to_its_end(logs: Any, clock: Clock) -> None:
    with pytest.raises(
        logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"
    ):
        logs.describe_log_streams(logGroupName="mine")
    logs.create_log_group(logGroupName="mine")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="s/1")
    with pytest.raises(
        logs.exceptions.ResourceNotFoundException, match="The specified log stream does not exist"
    ):
        logs.get_log_events(logGroupName="mine", logStreamName="s/2")
    events = [{"timestamp": clock.ms + n, "message": f"é {n}\n\tnext"} for n in range(3)]
    answer = logs.put_log_events(logGroupName="mine", logStreamName="s/1", logEvents=events)
    assert "rejectedLogEventsInfo" not in answer
    read = logs.get_log_events(logGroupName="mine", logStreamName="s/1", startFromHead=True)
    assert read["events"] == [{**event, "ingestionTime": clock.ms} for event in events]
    again = logs.get_log_events(logGroupName="mine", logStreamName="s/1", nextToken=read["nextForwardToken"])
    assert (again["events"], again["nextForwardToken"]) == ([], read["nextForwardToken"])
    with pytest.raises(logs.exceptions.InvalidParameterException, match="JSON filter patterns"):
        logs.filter_log_events(logGroupName="mine", filterPattern="{ $.a = 1 }")
    logs.delete_log_stream(logGroupName="mine", logStreamName="s/1")
    logs.delete_log_group(logGroupName="mine")
    assert logs.describe_log_groups()["logGroups"] == []


def test_boto3s_paginators_see_everything_once(plane: Plane, logs: Any, clock: Clock) -> None:
    for number in range(120):
        clock.move(number % 2 / 1000)
        plane.logs.write(GROUP, f"AllTraffic/i-{number % 60:02d}", f"line {number:03d}")
    paginate = logs.get_paginator("describe_log_streams").paginate
    pages = list(paginate(logGroupName=GROUP, logStreamNamePrefix="AllTraffic/"))
    assert [len(page["logStreams"]) for page in pages] == [50, 10]
    assert len({stream["logStreamName"] for page in pages for stream in page["logStreams"]}) == 60
    paginate = logs.get_paginator("filter_log_events").paginate
    pages = list(paginate(logGroupName=GROUP, interleaved=True, PaginationConfig={"PageSize": 50}))
    assert [len(page["events"]) for page in pages] == [50, 50, 20]
    found = [event["message"] for page in pages for event in page["events"]]
    assert sorted(found) == [f"line {number:03d}" for number in range(120)]


def test_the_cli_reads_logs(plane: Plane, url: str, clock: Clock) -> None:
    plane.logs.write(GROUP, STREAM, "started")
    clock.move(1)
    plane.logs.write(GROUP, STREAM, "ERROR: it broke")
    groups = aws(url, "logs", "describe-log-groups", "--log-group-name-prefix", "/aws/sagemaker/")
    assert [group["logGroupName"] for group in groups["logGroups"]] == [GROUP]
    found = aws(url, "logs", "filter-log-events", "--log-group-name", GROUP, "--filter-pattern", "ERROR")
    (event,) = found["events"]
    assert (event["message"], event["logStreamName"]) == ("ERROR: it broke", STREAM)
    names = ("--log-group-name", GROUP, "--log-stream-name", STREAM)
    read = aws(url, "logs", "get-log-events", *names, "--limit", "1")
    assert [event["message"] for event in read["events"]] == ["ERROR: it broke"]


def test_boto3_reads_metrics(plane: Plane, url: str, clock: Clock) -> None:
    cloudwatch = client("cloudwatch", url)
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in VARIANT}
    series = plane.metrics.series("AWS/SageMaker", "ModelLatency", dimensions, "Microseconds")
    for value in (100, 200, 300):
        series.add(value)
    now = datetime.fromtimestamp(clock.ms / 1000, UTC)
    minute = now.replace(second=0, microsecond=0)
    (metric,) = cloudwatch.list_metrics(Namespace="AWS/SageMaker")["Metrics"]
    assert metric == {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": VARIANT}
    span = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(seconds=1)}
    (point,) = cloudwatch.get_metric_statistics(
        **metric, **span, Period=60, Statistics=["Average", "Maximum"]
    )["Datapoints"]
    shown = (point["Average"], point["Maximum"], point["Unit"])
    assert shown == (200, 300, "Microseconds")
    assert minute - timedelta(minutes=1) < point["Timestamp"] <= minute
    (point,) = cloudwatch.get_metric_statistics(**metric, **span, Period=3660, ExtendedStatistics=["p99"])[
        "Datapoints"
    ]
    assert point["ExtendedStatistics"]["p99"] == pytest.approx(300, rel=0.01)
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=[query], **span)
    (result,) = [result for page in pages for result in page["MetricDataResults"]]
    assert (result["Values"], result["StatusCode"]) == ([600], "Complete")
    with pytest.raises(ClientError) as caught:
        cloudwatch.get_metric_statistics(**metric, **span, Period=90, Statistics=["Sum"])
    assert code(caught) == "InvalidParameterValue"
    with pytest.raises(cloudwatch.exceptions.InvalidParameterCombinationException):
        cloudwatch.get_metric_statistics(**metric, StartTime=now, EndTime=now, Period=60, Statistics=["Sum"])
    with pytest.raises(ClientError, match="there is no metric math") as caught:
        cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "e", "Expression": "m1 + 1"}], **span)
    assert code(caught) == "ValidationError"
    with pytest.raises(ClientError, match="PutMetricAlarm") as caught:
        cloudwatch.put_metric_alarm(
            AlarmName="a", EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold"
        )
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_users_put_metrics_by_boto3(url: str, clock: Clock) -> None:
    cloudwatch = client("cloudwatch", url)
    now = datetime.fromtimestamp(clock.ms / 1000, UTC)
    data = [
        {"MetricName": "rows", "Values": [1.5, 2.5], "Counts": [1.0, 3.0], "Timestamp": now, "Unit": "Count"},
        {"MetricName": "rows", "Value": 1.0, "Unit": "Count"},
    ]
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
    request = {
        "Namespace": "Mine",
        "MetricName": "rows",
        "StartTime": now - timedelta(minutes=5),
        "EndTime": now + timedelta(minutes=1),
    }
    (point,) = cloudwatch.get_metric_statistics(**request, Period=600, Statistics=["Sum", "SampleCount"])[
        "Datapoints"
    ]
    assert (point["Sum"], point["SampleCount"]) == (10, 5)
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException, match="is invalid"):
        cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def test_the_cli_puts_and_reads_metrics(url: str, clock: Clock) -> None:
    names = ("--namespace", "Mine", "--metric-name", "rows")
    aws(
        url,
        "cloudwatch",
        "put-metric-data",
        *names,
        "--value",
        "7",
        "--unit",
        "Count",
        "--dimensions",
        "job=a",
    )
    listed = aws(url, "cloudwatch", "list-metrics", "--namespace", "Mine")
    assert listed["Metrics"] == [
        {"Namespace": "Mine", "MetricName": "rows", "Dimensions": [{"Name": "job", "Value": "a"}]}
    ]
    span = [datetime.fromtimestamp(clock.ms / 1000 + moved, UTC).isoformat() for moved in (-300, 60)]
    statistics = aws(
        url, "cloudwatch", "get-metric-statistics", *names, "--dimensions", "Name=job,Value=a",
        "--start-time", span[0], "--end-time", span[1], "--period", "60", "--statistics", "Sum",
    )  # fmt: skip
    assert [(point["Sum"], point["Unit"]) for point in statistics["Datapoints"]] == [(7.0, "Count")]
