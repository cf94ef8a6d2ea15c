"""CloudWatch's metrics: what services counted and users put, in lists, as statistics, as data in pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from skewless.control.errors import ServiceError
from skewless.control.pages import milliseconds, seal, unseal
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.telemetry.bucket import Bucket
from skewless.telemetry.metric_rows import Key, Metric, Wanted
from skewless.telemetry.metrics import MINUTE, RETENTION, dimensions_text

SERVICE: Final = "cloudwatch"
LISTED: Final = 500
MOST_DATAPOINTS: Final = 1440
MOST_DATA: Final = 100_800
MOST_QUERIES: Final = 500
RECENT: Final = 3 * 3600_000
BRIEF_PERIODS: Final = (1, 5, 10, 20, 30)
"""Periods (seconds) below the minute that CloudWatch takes. Minutes are the finest there are, and answer them."""
PERCENTILE: Final = re.compile(r"p([0-9]{1,2}(?:\.[0-9]{1,10})?|100(?:\.0{1,10})?)")
ID: Final = re.compile(r"[a-z][a-zA-Z0-9_]*")

STATISTICS: Final[Mapping[str, Callable[[Bucket], float | None]]] = {
    "SampleCount": lambda bucket: bucket.count,
    "Sum": lambda bucket: bucket.total,
    "Average": lambda bucket: bucket.total / bucket.count,
    "Minimum": lambda bucket: bucket.least,
    "Maximum": lambda bucket: bucket.most,
}


def invalid_value(message: str) -> ServiceError:
    """A parameter's value that cannot be."""
    return ServiceError("InvalidParameterValue", message)


def invalid_combination(message: str) -> ServiceError:
    """Parameters that cannot stand together."""
    return ServiceError("InvalidParameterCombination", message)


def invalid_query(message: str) -> ServiceError:
    """What GetMetricData answers to a query that it cannot take."""
    return ServiceError("ValidationError", message)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time in periods, which begin at its start; milliseconds."""

    start: int
    end: int
    period: int

    @classmethod
    def of(cls, request: Members, period: int) -> Range:
        """The request's range with a period in seconds. The start is rounded down to the minute."""
        if period % 60 and period not in BRIEF_PERIODS:
            raise invalid_value("The parameter Period must be a multiple of 60.")
        start, end = milliseconds(request["StartTime"]), milliseconds(request["EndTime"])
        if start >= end:
            raise invalid_combination("The parameter StartTime must be less than the parameter EndTime.")
        return cls(start // MINUTE * MINUTE, end, max(period * 1000, MINUTE))

    def buckets(self, minutes: Mapping[Key, Bucket]) -> dict[int, Bucket]:
        """Minutes put together, by the time at which their period begins, in order."""
        found: dict[int, Bucket] = {}
        for key, bucket in sorted(minutes.items(), key=lambda item: item[0].minute):
            begins = self.start + (key.minute - self.start) // self.period * self.period
            found.setdefault(begins, Bucket()).merge(bucket)
        return found


@operation(SERVICE, "GetMetricStatistics")
def get_metric_statistics(plane: Plane, request: Members) -> Members:
    """Data points of one metric, oldest first, each unit's apart."""
    plain, extended = request.get("Statistics", ()), request.get("ExtendedStatistics", ())
    if not plain and not extended:
        raise ServiceError(
            "MissingParameter", "One of the parameters Statistics and ExtendedStatistics must be given."
        )
    if plain and extended:
        raise invalid_combination(
            "The parameters Statistics and ExtendedStatistics must not be given together."
        )
    computed = {name: _statistic(name) for name in (*plain, *extended)}
    wanted = Range.of(request, request["Period"])
    points = -(-(wanted.end - wanted.start) // wanted.period)
    if points > MOST_DATAPOINTS:
        raise invalid_combination(
            f"You have requested up to {points:,} datapoints, which exceeds the limit of {MOST_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    minutes = plane.metrics.minutes(metric_of(request), wanted.start, wanted.end, distribution=bool(extended))
    units = sorted({key.unit for key in minutes} & {request.get("Unit", key.unit) for key in minutes})
    datapoints = [
        {"Timestamp": seconds(begins), **_values(bucket, computed, bool(extended)), "Unit": unit}
        for unit in units
        for begins, bucket in wanted.buckets(_of_unit(minutes, unit)).items()
    ]
    if extended:  # what users put as sums has no percentiles
        datapoints = [point for point in datapoints if point["ExtendedStatistics"]]
    return {"Label": request["MetricName"], "Datapoints": datapoints}


@operation(SERVICE, "GetMetricData", ignores=("LabelOptions",))
def get_metric_data(plane: Plane, request: Members) -> Members:
    """Data of several metrics, a page at a time."""
    queries = request["MetricDataQueries"]
    _check_queries(plane, queries)
    scope = {name: value for name, value in request.items() if name not in ("NextToken", "MaxDatapoints")}
    refusal = ServiceError("InvalidNextToken", "The value of NextToken is not valid for this request.")
    number, after = unseal(request["NextToken"], scope, refusal) if "NextToken" in request else (0, None)
    newest_first = request.get("ScanBy") != "TimestampAscending"
    left = request.get("MaxDatapoints", MOST_DATA)
    if not 1 <= left <= MOST_DATA:
        raise invalid_query(f"The value {left} for parameter MaxDatapoints must be from 1 to {MOST_DATA}.")
    results, token = [], None
    for index, query in enumerate(queries):
        points = _data(plane, request, query, newest_first) if index >= number else []
        if index == number and after is not None:
            points = [point for point in points if (point[0] < after) == newest_first and point[0] != after]
        shown = points[:left] if token is None else []
        if token is None and len(points) > len(shown):
            last = shown[-1][0] if shown else after if index == number else None
            token = seal([index, last], scope)
        left -= len(shown)
        if query.get("ReturnData", True):
            results.append(_result(query, shown, "Complete" if token is None else "PartialData"))
    return present({"MetricDataResults": results, "NextToken": token, "Messages": []})


@operation(SERVICE, "ListMetrics", ignores=("IncludeLinkedAccounts",))
def list_metrics(plane: Plane, request: Members) -> Members:
    """Metrics that hold data, by namespace, name and dimensions."""
    since = plane.now() - (RECENT if "RecentlyActive" in request else RETENTION)
    found = plane.metrics.all_metrics(Wanted(request.get("Namespace"), request.get("MetricName"), since))
    filters = request.get("Dimensions", ())
    if request.get("OwningAccount", plane.names.account) != plane.names.account:
        found = []
    found = [metric for metric in found if _has(metric, filters)]
    scope = {name: value for name, value in request.items() if name != "NextToken"}
    if token := request.get("NextToken"):
        after = Metric(
            *unseal(token, scope, invalid_value("The value of NextToken is not valid for this list."))
        )
        found = [metric for metric in found if metric > after]
    shown = found[:LISTED]
    more = seal(list(shown[-1]), scope) if len(found) > LISTED else None
    return present({"Metrics": [_metric(metric) for metric in shown], "NextToken": more})


@operation(SERVICE, "DescribeAlarms")
def describe_alarms(_plane: Plane, _request: Members) -> Members:
    """None: alarms cannot be made."""
    return {"MetricAlarms": [], "CompositeAlarms": []}


def _statistic(name: str) -> Callable[[Bucket], float | None]:
    if name in STATISTICS:
        return STATISTICS[name]
    if matched := PERCENTILE.fullmatch(name):
        percent = float(matched[1])
        return lambda bucket: bucket.percentile(percent)
    raise invalid_value(
        f"The statistic {name} is not supported. Use {', '.join(STATISTICS)}, or a percentile such as p99.9."
    )


def _values(
    bucket: Bucket, computed: Mapping[str, Callable[[Bucket], float | None]], extended: bool
) -> Members:
    values = present({name: compute(bucket) for name, compute in computed.items()})
    return {"ExtendedStatistics": values} if extended else values


def _of_unit(minutes: Mapping[Key, Bucket], unit: str | None) -> dict[Key, Bucket]:
    return {key: bucket for key, bucket in minutes.items() if unit in (None, key.unit)}


def _check_queries(plane: Plane, queries: Sequence[Members]) -> None:
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise invalid_query(f"MetricDataQueries must hold 1 to {MOST_QUERIES} queries, not {len(queries)}.")
    seen: set[str] = set()
    for query in queries:
        name = query["Id"]
        if not ID.fullmatch(name):
            raise invalid_query(
                f"The Id {name!r} must begin with a small letter and hold letters, digits and _."
            )
        if name in seen:
            raise invalid_query(f"The Id {name!r} stands in MetricDataQueries twice.")
        seen.add(name)
        if "Expression" in query:
            raise invalid_query(
                f"The Expression {query['Expression']!r} of {name!r} is not supported: there is no metric math. "
                "Ask for the metrics and compute."
            )
        if "MetricStat" not in query:
            raise invalid_query(f"The query {name!r} must have a MetricStat.")
        if "${" in query.get("Label", ""):
            raise invalid_query(f"The Label of {name!r} has a dynamic part, which is not supported.")
        if query.get("AccountId", plane.names.account) != plane.names.account:
            raise invalid_query(f"The AccountId of {name!r} is not this account.")


def _data(plane: Plane, request: Members, query: Members, newest_first: bool) -> list[tuple[int, float]]:
    stat = query["MetricStat"]
    compute = _statistic(stat["Stat"])
    wanted = Range.of(request, stat["Period"])
    minutes = plane.metrics.minutes(
        metric_of(stat["Metric"]), wanted.start, wanted.end, distribution=stat["Stat"] not in STATISTICS
    )
    buckets = wanted.buckets(_of_unit(minutes, stat.get("Unit")))
    points = [(begins, value) for begins, bucket in buckets.items() if (value := compute(bucket)) is not None]
    return points[::-1] if newest_first else points


def _result(query: Members, points: Sequence[tuple[int, float]], status: str) -> Members:
    return {
        "Id": query["Id"],
        "Label": query.get("Label", query["MetricStat"]["Metric"].get("MetricName", "")),
        "Timestamps": [seconds(begins) for begins, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": status,
    }


def metric_of(metric: Members) -> Metric:
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", ())}
    return Metric(metric.get("Namespace", ""), metric.get("MetricName", ""), dimensions_text(dimensions))


def _dimensions(metric: Metric) -> dict[str, str]:
    return msgspec.json.decode(metric.dimensions, type=dict[str, str])


def _has(metric: Metric, filters: Iterable[Members]) -> bool:
    dimensions = _dimensions(metric)
    return all(
        wanted["Name"] in dimensions
        and wanted.get("Value", dimensions[wanted["Name"]]) == dimensions[wanted["Name"]]
        for wanted in filters
    )


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in _dimensions(metric).items()],
    }
