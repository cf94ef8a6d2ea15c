"""`GET /metrics` of a gateway, as a collector scrapes it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from prometheus_client.parser import text_string_to_metric_families

from skewless.app.scrapes import Scrapes
from tests.app.cars import Cars
from tests.pipelines import CAR


def scraped(cars: Cars, endpoint: str) -> dict[tuple[str, ...], float]:
    """The counts of an endpoint, by name and the other labels' values, in the order of their names."""
    with urlopen(f"{cars.gateway.running.url}/metrics") as answer:
        text = answer.read().decode()
    return {
        (one.name, *(value for key, value in one.labels.items() if key != "endpoint")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.labels.get("endpoint") == endpoint and "le" not in one.labels
    }


def test_invocations_are_counted_by_variant_status_and_container(cars: Cars) -> None:
    cars.endpoint("scraped", "small")
    for _ in range(3):
        cars.invoke("scraped", CAR)
    with pytest.raises(ClientError):
        cars.invoke("scraped", b"low,low,9,more,big,high")
    found = scraped(cars, "scraped")
    name = "skewless_endpoint_"
    assert found[f"{name}invocations_total", "200", "small"] == 3
    assert found[f"{name}invocations_total", "400", "small"] == 1
    assert found[f"{name}invocation_seconds_count", "small"] == 4
    # The fourth is refused: 23 bytes, and an answer all the same.
    assert found[f"{name}payload_bytes_sum", "request", "small"] == 3 * len(CAR) + 23
    assert found[f"{name}payload_bytes_count", "answer", "small"] == 4
    seconds = found[f"{name}invocation_seconds_sum", "small"]
    overhead = found[f"{name}overhead_seconds_sum", "small"]
    inside = [found[f"{name}container_seconds_sum", f"container-{n}", "small"] for n in (1, 2, 3)]
    assert found[f"{name}container_seconds_count", "container-1", "small"] == 4
    assert found[f"{name}container_seconds_count", "container-3", "small"] == 3
    assert 0 < sum(inside) + overhead < seconds * 1.001


def test_a_bucket_may_have_its_name(cars: Cars) -> None:
    s3 = cars.gateway.client("s3")
    s3.create_bucket(Bucket="metrics")
    s3.put_object(Bucket="metrics", Key="mine", Body=b"1")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="metrics")["Contents"]] == ["mine"]
    s3.delete_object(Bucket="metrics", Key="mine")
    s3.delete_bucket(Bucket="metrics")


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403)])
def test_other_machines_are_told_nothing(peer: str, status: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("it is for the app behind")

    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": b"/metrics",
        "query_string": b"",
        "headers": [(b"host", b"here")],
        "client": (peer, 1),
    }
    asyncio.run(Scrapes(nothing, list)(scope, nothing, send))
    assert sent[0]["status"] == status
    assert (b"process_" in sent[1]["body"]) == (status == 200)
