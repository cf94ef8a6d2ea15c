"""CloudWatch's metrics as operations: statistics, data in pages, lists, users' own numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from skewless.control import cloudwatch
from skewless.control.errors import ServiceError
from skewless.control.plane import Plane
from skewless.telemetry.metric_rows import Wanted
from skewless.telemetry.metrics import Metrics
from tests.planes import Clock, call
from tests.planes import plane as make_plane

NAMESPACE = "AWS/SageMaker"
VARIANT = {"EndpointName": "cars", "VariantName": "AllTraffic"}
DIMENSIONS = [{"Name": name, "Value": value} for name, value in VARIANT.items()]
MODEL_LATENCY = {"Namespace": NAMESPACE, "MetricName": "ModelLatency", "Dimensions": DIMENSIONS}
NOON = 1_700_049_600_000


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as made:
        yield made


@pytest.fixture
def measured(plane: Plane, clock: Clock) -> Plane:
    """Ten minutes from noon on; in minute n, latencies 1 to 100 times n + 1, half of them flushed."""
    series = plane.metrics.series(NAMESPACE, "ModelLatency", VARIANT, "Microseconds")
    for minute in range(10):
        for value in range(1, 101):
            series.add(value * (minute + 1))
        if minute % 2:
            plane.metrics.flush()
        clock.move(60)
    return plane


def at(minute: float) -> datetime:
    return datetime.fromtimestamp(NOON / 1000 + minute * 60, UTC)


def seconds(minute: float) -> float:
    return NOON / 1000 + minute * 60


def statistics(plane: Plane, **members: Any) -> list[dict[str, Any]]:
    request = {**MODEL_LATENCY, "StartTime": at(0), "EndTime": at(10), "Period": 60, **members}
    answer = call(plane, "cloudwatch", "GetMetricStatistics", **request)
    assert answer["Label"] == request["MetricName"]
    datapoints: list[dict[str, Any]] = answer["Datapoints"]
    return datapoints


def refusal(plane: Plane, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        call(plane, "cloudwatch", operation, **members)
    return caught.value.code, str(caught.value)


def test_every_statistic_of_every_minute(measured: Plane) -> None:
    points = statistics(measured, Statistics=["SampleCount", "Sum", "Average", "Minimum", "Maximum"])
    assert points == [
        {
            "Timestamp": seconds(minute),
            "SampleCount": 100,
            "Sum": 5050 * (minute + 1),
            "Average": 50.5 * (minute + 1),
            "Minimum": minute + 1,
            "Maximum": 100 * (minute + 1),
            "Unit": "Microseconds",
        }
        for minute in range(10)
    ]


def test_percentiles_err_by_a_hundredth(measured: Plane) -> None:
    (point,) = statistics(measured, ExtendedStatistics=["p0", "p50", "p99", "p99.9", "p100"], EndTime=at(1))
    assert set(point) == {"Timestamp", "ExtendedStatistics", "Unit"}
    wanted = {"p0": 1, "p50": 50, "p99": 99, "p99.9": 100, "p100": 100}
    assert point["ExtendedStatistics"] == pytest.approx(wanted, rel=0.01)
    # Over periods, percentiles are of all numbers together, not of the minutes' percentiles.
    (point,) = statistics(measured, ExtendedStatistics=["p50"], Period=600)
    everything = sorted(value * minute for minute in range(1, 11) for value in range(1, 101))
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(everything[499], rel=0.01)


@pytest.mark.parametrize(
    ("start", "end", "period", "wanted"),
    [
        (0, 10, 300, {0: 500, 5: 500}),
        (0, 10, 600, {0: 1000}),
        (2, 10, 300, {2: 500, 7: 300}),  # periods begin where the range begins
        (2.5, 4.5, 60, {2: 100, 3: 100, 4: 100}),  # which is rounded down to the minute; the end is not
        (3, 4, 60, {3: 100}),
        (-30, 0, 60, {}),
        (9, 12, 60, {9: 100}),
        (0, 2, 1, {0: 100, 1: 100}),  # finer than there is
        (0, 2, 30, {0: 100, 1: 100}),
    ],
)
def test_ranges_and_periods(
    measured: Plane, start: float, end: float, period: int, wanted: dict[int, int]
) -> None:
    points = statistics(
        measured, Statistics=["SampleCount"], StartTime=at(start), EndTime=at(end), Period=period
    )
    assert {point["Timestamp"]: point["SampleCount"] for point in points} == {
        seconds(minute): count for minute, count in wanted.items()
    }


def test_times_may_come_as_seconds(measured: Plane) -> None:
    assert len(statistics(measured, Statistics=["Sum"], StartTime=seconds(0), EndTime=seconds(3))) == 3


def test_units_are_apart(measured: Plane, clock: Clock) -> None:
    clock.ms = NOON
    measured.metrics.record(NAMESPACE, "ModelLatency", VARIANT, 7, "Seconds")
    points = statistics(measured, Statistics=["Sum"], EndTime=at(1))
    assert [(point["Unit"], point["Sum"]) for point in points] == [("Microseconds", 5050), ("Seconds", 7)]
    assert [point["Sum"] for point in statistics(measured, Statistics=["Sum"], Unit="Seconds")] == [7]
    assert statistics(measured, Statistics=["Sum"], Unit="Count") == []


def test_a_metric_is_found_by_exactly_its_dimensions(measured: Plane) -> None:
    assert len(statistics(measured, Statistics=["Sum"], Dimensions=DIMENSIONS[::-1])) == 10
    for dimensions in ([], DIMENSIONS[:1], [*DIMENSIONS, {"Name": "ContainerName", "Value": "c"}]):
        assert statistics(measured, Statistics=["Sum"], Dimensions=dimensions) == []


def test_what_statistics_refuse(measured: Plane) -> None:
    good = {**MODEL_LATENCY, "StartTime": at(0), "EndTime": at(10), "Period": 60, "Statistics": ["Sum"]}

    def refused(**members: Any) -> tuple[str, str]:
        return refusal(measured, "GetMetricStatistics", **{**good, **members})

    assert refused(Period=90) == ("InvalidParameterValue", "The parameter Period must be a multiple of 60.")
    assert refused(EndTime=at(0))[0] == "InvalidParameterCombination"
    code, message = refused(StartTime=at(-1440))
    assert code == "InvalidParameterCombination"
    assert "requested up to 1,450 datapoints, which exceeds the limit of 1,440" in message
    assert refused(ExtendedStatistics=["p50"])[0] == "InvalidParameterCombination"
    without = {name: value for name, value in good.items() if name != "Statistics"}
    assert refusal(measured, "GetMetricStatistics", **without)[0] == "MissingParameter"
    for name in ("tm99", "p101", "p", "p-1", "IQM", "TS(80%:)", "p٣"):
        code, message = refusal(measured, "GetMetricStatistics", **without, ExtendedStatistics=[name])
        assert code == "InvalidParameterValue"
        assert f"The statistic {name} is not supported" in message


def query(name: str, stat: str = "Sum", period: int = 60, **members: Any) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": MODEL_LATENCY, "Period": period, "Stat": stat}, **members}


def data(plane: Plane, *queries: dict[str, Any], **members: Any) -> dict[str, Any]:
    request = {"StartTime": at(0), "EndTime": at(10), **members}
    return call(plane, "cloudwatch", "GetMetricData", MetricDataQueries=list(queries), **request)


def test_data_of_several_metrics(measured: Plane) -> None:
    answer = data(
        measured, query("sums"), query("tail", "p99", 300, Label="Slow"), query("hidden", ReturnData=False)
    )
    sums, tail = answer["MetricDataResults"]
    assert set(answer) == {"MetricDataResults", "Messages"}
    assert (sums["Id"], sums["Label"], sums["StatusCode"]) == ("sums", "ModelLatency", "Complete")
    assert sums["Timestamps"] == [seconds(minute) for minute in range(9, -1, -1)]
    assert sums["Values"] == [5050 * minute for minute in range(10, 0, -1)]
    assert (tail["Label"], tail["Timestamps"]) == ("Slow", [seconds(5), seconds(0)])
    assert tail["Values"] == pytest.approx(
        [sorted(v * m for m in range(low, low + 5) for v in range(1, 101))[494] for low in (6, 1)], rel=0.01
    )
    ascending = data(measured, query("a"), ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert ascending["Values"] == sums["Values"][::-1]
    nothing = {"Metric": {**MODEL_LATENCY, "MetricName": "None"}, "Period": 60, "Stat": "Sum"}
    (empty,) = data(measured, {"Id": "e", "MetricStat": nothing})["MetricDataResults"]
    assert empty == {"Id": "e", "Label": "None", "Timestamps": [], "Values": [], "StatusCode": "Complete"}


@pytest.mark.parametrize("scan", ["TimestampDescending", "TimestampAscending"])
@pytest.mark.parametrize("size", [1, 3, 10, 12, 19, 20, 21])
def test_data_comes_in_pages(measured: Plane, scan: str, size: int) -> None:
    queries = [query("a"), query("none", Label="x"), query("b", "Maximum")]
    queries[1]["MetricStat"] = {**queries[1]["MetricStat"], "Unit": "Count"}
    whole = {
        result["Id"]: result["Values"]
        for result in data(measured, *queries, ScanBy=scan)["MetricDataResults"]
    }
    found: dict[str, list[float]] = {"a": [], "none": [], "b": []}
    members: dict[str, Any] = {"ScanBy": scan, "MaxDatapoints": size}
    pages = 0
    while True:
        answer = data(measured, *queries, **members)
        results = answer["MetricDataResults"]
        pages += 1
        assert sum(len(result["Values"]) for result in results) <= size
        for result in results:
            found[result["Id"]] += result["Values"]
        if "NextToken" not in answer:
            assert all(result["StatusCode"] == "Complete" for result in results)
            break
        assert results[-1]["StatusCode"] == "PartialData"
        members["NextToken"] = answer["NextToken"]
    assert found == whole
    assert pages == -(-20 // size)


def test_what_data_refuses(measured: Plane) -> None:
    def refused(*queries: dict[str, Any], **members: Any) -> tuple[str, str]:
        request = {"StartTime": at(0), "EndTime": at(10), **members}
        return refusal(measured, "GetMetricData", MetricDataQueries=list(queries), **request)

    math = {"Id": "e", "Expression": "a / b"}
    for queries, what in (
        ((query("a"), math), "The Expression 'a / b' of 'e' is not supported: there is no metric math"),
        ((query("a"), query("a")), "The Id 'a' stands in MetricDataQueries twice"),
        ((query("A"),), "The Id 'A' must begin with a small letter"),
        (({"Id": "a"},), "The query 'a' must have a MetricStat"),
        ((query("a", Label="${MAX}"),), "dynamic part"),
        ((query("a", AccountId="123456789012"),), "not this account"),
        ((), "must hold 1 to 500 queries, not 0"),
    ):
        code, message = refused(*queries)
        assert code == "ValidationError"
        assert what in message
    assert refused(query("a"), MaxDatapoints=0)[0] == "ValidationError"
    assert refused(query("a"), NextToken="x")[0] == "InvalidNextToken"
    assert refused(query("a", "tm90"))[0] == "InvalidParameterValue"


def listed(plane: Plane, **members: Any) -> list[tuple[str, str, dict[str, str]]]:
    answer = call(plane, "cloudwatch", "ListMetrics", **members)
    return [
        (found["Namespace"], found["MetricName"], {d["Name"]: d["Value"] for d in found["Dimensions"]})
        for found in answer["Metrics"]
    ]


def test_metrics_are_listed(measured: Plane, clock: Clock) -> None:
    container = {**VARIANT, "ContainerName": "container-1"}
    measured.metrics.record(NAMESPACE, "ContainerLatency", container, 1, "Microseconds")
    measured.metrics.record("Mine", "Count", {}, 1, "Count")
    latency = (NAMESPACE, "ModelLatency", VARIANT)
    of_container = (NAMESPACE, "ContainerLatency", container)
    assert listed(measured) == [of_container, latency, ("Mine", "Count", {})]
    assert listed(measured, Namespace=NAMESPACE, MetricName="ModelLatency") == [latency]
    assert listed(measured, Dimensions=[{"Name": "ContainerName"}]) == [of_container]
    assert listed(measured, Dimensions=[{"Name": "VariantName", "Value": "AllTraffic"}]) == [
        of_container,
        latency,
    ]
    assert listed(measured, Dimensions=[{"Name": "VariantName", "Value": "Other"}]) == []
    assert listed(measured, OwningAccount="123456789012") == []
    clock.move(3 * 3600 + 60)
    measured.metrics.record("Mine", "Count", {}, 1, "Count")
    assert listed(measured, RecentlyActive="PT3H") == [("Mine", "Count", {})]
    assert len(listed(measured)) == 3


def test_metrics_are_listed_in_pages(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "LISTED", 3)
    for number in range(6):
        plane.metrics.record("n", f"m{number}", {}, 1, "Count")
    first = call(plane, "cloudwatch", "ListMetrics", Namespace="n")
    plane.metrics.record("n", "m0a", {}, 1, "Count")  # what comes before the token's place moves nothing
    second = call(plane, "cloudwatch", "ListMetrics", Namespace="n", NextToken=first["NextToken"])
    assert [m["MetricName"] for m in first["Metrics"] + second["Metrics"]] == [f"m{n}" for n in range(6)]
    assert "NextToken" not in second
    assert (
        refusal(plane, "ListMetrics", Namespace="other", NextToken=first["NextToken"])[0]
        == "InvalidParameterValue"
    )


def put(plane: Plane, *data: dict[str, Any], namespace: str = "Mine") -> None:
    assert call(plane, "cloudwatch", "PutMetricData", Namespace=namespace, MetricData=list(data)) == {}


def mine(plane: Plane, metric: str, **members: Any) -> list[dict[str, Any]]:
    return statistics(plane, Namespace="Mine", MetricName=metric, Dimensions=[], **members)


def test_users_put_numbers_in_each_form(plane: Plane) -> None:
    put(
        plane,
        {"MetricName": "one", "Value": 5.0},
        {"MetricName": "one", "Value": 7.0, "Timestamp": at(2), "Unit": "Count", "StorageResolution": 1},
        {"MetricName": "many", "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Timestamp": at(1)},
        {"MetricName": "many", "Values": [10.0]},
        {"MetricName": "sums", "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}},
        {"MetricName": "same", "StatisticValues": {"SampleCount": 4, "Sum": 8, "Minimum": 2, "Maximum": 2}},
        {"MetricName": "with", "Value": 1.0, "Dimensions": [{"Name": "d", "Value": "x"}]},
    )
    both = ["SampleCount", "Sum"]
    found = [(p["Timestamp"], p["Sum"], p["Unit"]) for p in mine(plane, "one", Statistics=both)]
    assert found == [(seconds(2), 7, "Count"), (seconds(0), 5, "None")]
    assert [(p["SampleCount"], p["Sum"]) for p in mine(plane, "many", Statistics=both)] == [(1, 10), (4, 5)]
    (sums,) = mine(plane, "sums", Statistics=[*both, "Maximum", "Minimum", "Average"])
    assert [sums[name] for name in (*both, "Maximum", "Minimum", "Average")] == [4, 10, 4, 1, 2.5]
    assert mine(plane, "sums", ExtendedStatistics=["p50"]) == []
    (same,) = mine(plane, "same", ExtendedStatistics=["p50"])
    assert same["ExtendedStatistics"] == {"p50": 2}
    assert ("Mine", "with", {"d": "x"}) in listed(plane)
    # They are in the store, not only in memory.
    assert len(Metrics(plane.store).all_metrics(Wanted("Mine", None, 0))) == 5
    entity = {"Entity": {}, "MetricData": [{"MetricName": "entity", "Value": 3.0}]}
    call(plane, "cloudwatch", "PutMetricData", Namespace="Mine", EntityMetricData=[entity])
    assert [p["Sum"] for p in mine(plane, "entity", Statistics=both)] == [3]


STATISTIC_SET = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}


@pytest.mark.parametrize(
    ("datum", "code", "what"),
    [
        ({}, "InvalidParameterCombination", "Exactly one of Value, Values, StatisticValues"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination", "Exactly one of"),
        (
            {"Value": float("nan")},
            "InvalidParameterValue",
            "value nan for parameter MetricData.member.2.Value",
        ),
        ({"Value": float("inf")}, "InvalidParameterValue", "value inf"),
        ({"Value": 1e200}, "InvalidParameterValue", "value 1e+200"),
        ({"Values": []}, "InvalidParameterValue", "must hold 1 to 150 values"),
        ({"Values": [1.0] * 151}, "InvalidParameterValue", "must hold 1 to 150 values"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue", "must be of the same size"),
        ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue", "must be greater than 0"),
        ({"StatisticValues": {**STATISTIC_SET, "SampleCount": 0}}, "InvalidParameterValue", "greater than 0"),
        (
            {"StatisticValues": {**STATISTIC_SET, "Minimum": 2}},
            "InvalidParameterValue",
            "not be greater than its",
        ),
        ({"Value": 1.0, "Timestamp": at(-15 * 24 * 60)}, "InvalidParameterValue", "two weeks in the past"),
        ({"Value": 1.0, "Timestamp": at(121)}, "InvalidParameterValue", "two hours in the future"),
        (
            {"Value": 1.0, "Dimensions": [{"Name": f"n{n}", "Value": "x" * 200} for n in range(5)]},
            "InvalidParameterValue",
            "MetricData.member.2.Dimensions is longer than 1024 characters",
        ),
    ],
)
def test_a_datum_that_cannot_be_leaves_all_out(
    plane: Plane, datum: dict[str, Any], code: str, what: str
) -> None:
    good = {"MetricName": "good", "Value": 1.0}
    request = {"Namespace": "Mine", "MetricData": [good, {"MetricName": "bad", **datum}]}
    found, message = refusal(plane, "PutMetricData", **request)
    assert found == code
    assert what in message
    assert listed(plane) == []


def test_what_is_put_where_it_cannot_be(plane: Plane) -> None:
    datum = {"MetricName": "m", "Value": 1.0}
    assert (
        refusal(plane, "PutMetricData", Namespace="AWS/SageMaker", MetricData=[datum])[0]
        == "InvalidParameterValue"
    )
    assert refusal(plane, "PutMetricData", Namespace="Mine", MetricData=[])[0] == "MissingParameter"
    many = refusal(plane, "PutMetricData", Namespace="Mine", MetricData=[datum] * 1001)
    assert many == (
        "InvalidParameterValue",
        "The collection MetricData must not have a size greater than 1000.",
    )


def test_there_are_no_alarms(plane: Plane) -> None:
    assert call(plane, "cloudwatch", "DescribeAlarms", AlarmNames=["a"]) == {
        "MetricAlarms": [],
        "CompositeAlarms": [],
    }
