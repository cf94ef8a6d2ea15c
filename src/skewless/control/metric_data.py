"""PutMetricData: metrics that users' own scripts count."""

from __future__ import annotations

import math
from typing import Final

from skewless.control.cloudwatch import SERVICE, invalid_combination, invalid_value, metric_of
from skewless.control.errors import ServiceError
from skewless.control.pages import milliseconds
from skewless.control.plane import Members, Plane, operation
from skewless.telemetry.bucket import Bucket
from skewless.telemetry.metric_rows import LONGEST_DIMENSIONS, Metric

MOST: Final = 1000
MOST_VALUES: Final = 150
LARGEST: Final = 2.0**360
OLDEST: Final = 14 * 24 * 3600_000
NEWEST: Final = 2 * 3600_000
WAYS: Final = ("Value", "Values", "StatisticValues")


@operation(
    SERVICE,
    "PutMetricData",
    ignores=("MetricData.StorageResolution", "EntityMetricData.Entity", "StrictEntityValidation"),
)
def put_metric_data(plane: Plane, request: Members) -> Members:
    """Add a user's numbers, all or none. They are in the store when this returns."""
    namespace = request["Namespace"]
    if namespace.startswith("AWS/"):
        raise invalid_value(
            f"The value {namespace} for parameter Namespace is invalid: AWS/ is for the services."
        )
    lists = [("MetricData", request.get("MetricData", ()))]
    for number, entity in enumerate(request.get("EntityMetricData", ()), 1):
        lists.append((f"EntityMetricData.member.{number}.MetricData", entity.get("MetricData", ())))
    read = [
        _read(plane, namespace, datum, f"{where}.member.{number}")
        for where, data in lists
        for number, datum in enumerate(data, 1)
    ]
    if not read:
        raise ServiceError("MissingParameter", "The parameter MetricData is required.")
    if len(read) > MOST:
        raise invalid_value(f"The collection MetricData must not have a size greater than {MOST}.")
    for metric, unit, time, bucket in read:
        plane.metrics.merge(metric, unit, time, bucket)
    plane.metrics.flush()
    return {}


def _read(plane: Plane, namespace: str, datum: Members, where: str) -> tuple[Metric, str, int, Bucket]:
    metric = metric_of({**datum, "Namespace": namespace})
    if len(metric.dimensions) > LONGEST_DIMENSIONS:
        raise invalid_value(
            f"The parameter {where}.Dimensions is longer than {LONGEST_DIMENSIONS} characters as JSON."
        )
    now = plane.now()
    time = milliseconds(datum["Timestamp"]) if "Timestamp" in datum else now
    if time < now - OLDEST:
        raise invalid_value(
            f"The parameter {where}.Timestamp must specify a time no more than two weeks in the past."
        )
    if time > now + NEWEST:
        raise invalid_value(
            f"The parameter {where}.Timestamp must specify a time no more than two hours in the future."
        )
    return metric, datum.get("Unit", "None"), time, _numbers(datum, where)


def _numbers(datum: Members, where: str) -> Bucket:
    given = [way for way in WAYS if way in datum]
    if len(given) != 1:
        raise invalid_combination(f"Exactly one of {', '.join(WAYS)} must be given in {where}.")
    bucket = Bucket()
    if "StatisticValues" in datum:
        _add_statistics(bucket, datum["StatisticValues"], f"{where}.StatisticValues")
        return bucket
    values = datum["Values"] if "Values" in datum else [datum["Value"]]
    counts = datum.get("Counts", [1.0] * len(values))
    if len(values) != len(counts):
        raise invalid_value(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    if not 1 <= len(values) <= MOST_VALUES:
        raise invalid_value(f"The parameter {where}.Values must hold 1 to {MOST_VALUES} values.")
    for value, count in zip(values, counts, strict=True):
        bucket.add(_number(value, f"{where}.{given[0]}"), _count(count, f"{where}.Counts"))
    return bucket


def _add_statistics(bucket: Bucket, given: Members, where: str) -> None:
    total, least, most = (_number(given[name], f"{where}.{name}") for name in ("Sum", "Minimum", "Maximum"))
    count = _count(given["SampleCount"], f"{where}.SampleCount")
    if least > most:
        raise invalid_value(f"The parameter {where}.Minimum must not be greater than its Maximum.")
    if least == most:
        bucket.add(least, count)  # then it is known how they are distributed
    else:
        bucket.add_statistics(count, total, least, most)


def _number(value: float, where: str) -> float:
    if not (math.isfinite(value) and abs(value) <= LARGEST):
        raise invalid_value(f"The value {value} for parameter {where} is invalid.")
    return float(value)


def _count(value: float, where: str) -> float:
    if _number(value, where) <= 0:
        raise invalid_value(f"The value {value} for parameter {where} must be greater than 0.")
    return float(value)
