"""Log groups and streams as operations: lists in pages, what is refused, what users write."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skewless.control.errors import ServiceError
from skewless.control.plane import Plane
from tests.planes import Clock, call
from tests.planes import plane as make_plane

GROUP = "/aws/sagemaker/TrainingJobs"
DAY = 24 * 3600_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as made:
        yield made


def refusal(plane: Plane, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        call(plane, "logs", operation, **members)
    return caught.value.code, str(caught.value)


def streams(plane: Plane, **members: Any) -> list[str]:
    answer = call(plane, "logs", "DescribeLogStreams", logGroupName=GROUP, **members)
    return [stream["logStreamName"] for stream in answer["logStreams"]]


def test_groups_are_made_described_and_deleted(plane: Plane, clock: Clock) -> None:
    for name in ("b/one", "a/two", "a/one"):
        call(plane, "logs", "CreateLogGroup", logGroupName=name, tags={"k": "v"})
    described = call(plane, "logs", "DescribeLogGroups", logGroupNamePrefix="a/")
    assert described == {
        "logGroups": [
            {
                "logGroupName": name,
                "creationTime": clock.ms,
                "metricFilterCount": 0,
                "arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}:*",
                "logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{name}",
                "logGroupClass": "STANDARD",
                "storedBytes": 0,
            }
            for name in ("a/one", "a/two")
        ]
    }

    def names(**members: Any) -> list[str]:
        answer = call(plane, "logs", "DescribeLogGroups", **members)
        return [group["logGroupName"] for group in answer["logGroups"]]

    assert names(logGroupNamePattern="/one") == ["a/one", "b/one"]
    assert names(logGroupNamePattern="/ONE") == []
    assert names(logGroupIdentifiers=["b/one", "gone"]) == ["b/one"]
    assert names(logGroupClass="INFREQUENT_ACCESS") == []
    call(plane, "logs", "DeleteLogGroup", logGroupName="a/one")
    assert names() == ["a/two", "b/one"]


def test_what_groups_and_streams_refuse(plane: Plane) -> None:
    exists = "ResourceAlreadyExistsException"
    no_group = ("ResourceNotFoundException", "The specified log group does not exist.")
    no_stream = ("ResourceNotFoundException", "The specified log stream does not exist.")
    for operation in ("DescribeLogStreams", "FilterLogEvents", "DeleteLogGroup"):
        assert refusal(plane, operation, logGroupName=GROUP) == no_group
    for operation in ("CreateLogStream", "DeleteLogStream", "GetLogEvents"):
        assert refusal(plane, operation, logGroupName=GROUP, logStreamName="s") == no_group
    call(plane, "logs", "CreateLogGroup", logGroupName=GROUP)
    assert refusal(plane, "CreateLogGroup", logGroupName=GROUP)[0] == exists
    for operation in ("DeleteLogStream", "GetLogEvents"):
        assert refusal(plane, operation, logGroupName=GROUP, logStreamName="s") == no_stream
    event = {"timestamp": plane.now(), "message": "m"}
    put = {"logGroupName": GROUP, "logStreamName": "s", "logEvents": [event]}
    assert refusal(plane, "PutLogEvents", **put) == no_stream
    assert refusal(plane, "FilterLogEvents", logGroupName=GROUP, logStreamNames=["s"]) == no_stream
    call(plane, "logs", "CreateLogStream", logGroupName=GROUP, logStreamName="s")
    assert refusal(plane, "CreateLogStream", logGroupName=GROUP, logStreamName="s")[0] == exists
    assert (
        "logGroupClass DELIVERY"
        in refusal(plane, "CreateLogGroup", logGroupName="x", logGroupClass="DELIVERY")[1]
    )
    assert (
        "deletionProtection"
        in refusal(plane, "CreateLogGroup", logGroupName="x", deletionProtectionEnabled=True)[1]
    )
    assert (
        "mutually exclusive"
        in refusal(plane, "DescribeLogGroups", logGroupNamePrefix="a", logGroupNamePattern="b")[1]
    )
    assert "Exactly one" in refusal(plane, "DescribeLogStreams")[1]
    assert (
        "Exactly one" in refusal(plane, "DescribeLogStreams", logGroupName=GROUP, logGroupIdentifier=GROUP)[1]
    )
    assert refusal(plane, "DescribeLogStreams", logGroupName=GROUP, nextToken="x") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


@pytest.mark.parametrize("suffix", ["", ":*"])
def test_a_group_is_found_by_its_arn(plane: Plane, suffix: str) -> None:
    plane.logs.write(GROUP, "s", "hello")
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}{suffix}"
    answer = call(plane, "logs", "GetLogEvents", logGroupIdentifier=arn, logStreamName="s")
    assert [event["message"] for event in answer["events"]] == ["hello"]
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    assert (
        refusal(plane, "GetLogEvents", logGroupIdentifier=elsewhere, logStreamName="s")[0]
        == "ResourceNotFoundException"
    )


def test_a_stream_says_what_it_holds(plane: Plane, clock: Clock) -> None:
    plane.logs.write(GROUP, "job/algo-1", "first")
    clock.move(5)
    plane.logs.write(GROUP, "job/algo-1", "last")
    call(plane, "logs", "CreateLogStream", logGroupName=GROUP, logStreamName="new")
    full, empty = call(plane, "logs", "DescribeLogStreams", logGroupName=GROUP)["logStreams"]
    assert full == {
        "logStreamName": "job/algo-1",
        "creationTime": clock.ms - 5000,
        "firstEventTimestamp": clock.ms - 5000,
        "lastEventTimestamp": clock.ms,
        "lastIngestionTime": clock.ms,
        "uploadSequenceToken": full["uploadSequenceToken"],
        "arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:log-stream:job/algo-1",
        "storedBytes": 0,
    }
    assert set(full) - set(empty) == {"firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime"}


def test_streams_are_listed_by_name_and_by_time_in_pages(plane: Plane, clock: Clock) -> None:
    order = [17, 3, 44, 8, 20, 31, 2]
    for number in order:
        clock.move(1)
        plane.logs.write(GROUP, f"job/{number:02d}", "x")
    plane.logs.write(GROUP, "other/01", "x")
    by_name = [f"job/{number:02d}" for number in sorted(order)]
    assert streams(plane, logStreamNamePrefix="job/") == by_name
    assert streams(plane, logStreamNamePrefix="job/", descending=True) == by_name[::-1]
    by_time = [f"job/{number:02d}" for number in order]
    assert streams(plane, orderBy="LastEventTime", limit=7) == by_time
    assert streams(plane, orderBy="LastEventTime", descending=True, limit=2) == ["other/01", "job/02"]
    assert refusal(
        plane, "DescribeLogStreams", logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="j"
    ) == (
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )
    for wanted, members in ((by_name, {}), (by_name[::-1], {"descending": True})):
        found: list[str] = []
        request: dict[str, Any] = {
            "logGroupName": GROUP,
            "logStreamNamePrefix": "job/",
            "limit": 3,
            **members,
        }
        for _ in range(3):
            answer = call(plane, "logs", "DescribeLogStreams", **request)
            found += [stream["logStreamName"] for stream in answer["logStreams"]]
            request["nextToken"] = answer.get("nextToken")
            # Streams that come and go in between neither repeat nor hide another.
            plane.logs.delete_stream(GROUP, found[0])
            plane.logs.write(GROUP, found[0], "again")
        assert request["nextToken"] is None
        assert found == wanted


def test_a_page_that_holds_every_stream_has_no_token(plane: Plane) -> None:
    """The SDK's logs_for_job asks for as many as there are instances, then for 50 until there is no token."""
    for number in range(50):
        plane.logs.write(GROUP, f"job/{number:02d}", "x")
    request = {"logGroupName": GROUP, "logStreamNamePrefix": "job/", "orderBy": "LogStreamName"}
    assert "nextToken" in call(plane, "logs", "DescribeLogStreams", limit=1, **request)
    assert "nextToken" not in call(plane, "logs", "DescribeLogStreams", limit=50, **request)
    assert "nextToken" not in call(plane, "logs", "DescribeLogStreams", **request)
    plane.logs.write(GROUP, "job/50", "x")
    assert "nextToken" in call(plane, "logs", "DescribeLogStreams", limit=50, **request)


def put(plane: Plane, *events: tuple[int, str], stream: str = "s") -> dict[str, Any]:
    plane.logs.create_stream(GROUP, stream)
    return call(
        plane,
        "logs",
        "PutLogEvents",
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": time, "message": message} for time, message in events],
    )


def test_users_put_events_and_those_far_from_now_are_told_apart(plane: Plane, clock: Clock) -> None:
    now = clock.ms
    answer = put(plane, (now - 5, "a"), (now, "b"))
    assert set(answer) == {"nextSequenceToken"}
    # Such a batch spans more than a day, so the two come one by one.
    assert put(plane, (now - 15 * DAY, "old"), (now - 15 * DAY + 1, "old"), (now - 14 * DAY, "c"))[
        "rejectedLogEventsInfo"
    ] == {"tooOldLogEventEndIndex": 2}
    assert put(plane, (now, "d"), (now + 3 * 3600_000, "new"))["rejectedLogEventsInfo"] == {
        "tooNewLogEventStartIndex": 1
    }
    assert put(plane, (now - 15 * DAY, "old"))["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    stream = plane.logs.stream(GROUP, "s")
    assert stream
    assert [(event.message, event.ingested) for event in stream.events(None, None)] == [
        (m, now) for m in "abcd"
    ]


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ([(2, "b"), (1, "a")], "must be in chronological order"),
        ([(0, "a"), (DAY + 1, "b")], "cannot span more than 24 hours"),
        ([(0, "é" * 131_072)], "Log event too large: 262170 bytes exceeds limit of 262144"),
        ([(0, "x" * 200_000)] * 6, "Upload too large: 1200156 bytes exceeds limit of 1048576"),
    ],
)
def test_a_batch_that_breaks_a_rule_is_refused_whole(
    plane: Plane, clock: Clock, events: list[tuple[int, str]], what: str
) -> None:
    with pytest.raises(ServiceError, match=what) as caught:
        put(plane, *((clock.ms - DAY + time, message) for time, message in events))
    assert caught.value.code == "InvalidParameterException"
    stream = plane.logs.stream(GROUP, "s")
    assert stream
    assert list(stream.events(None, None)) == []


def test_a_disk_that_takes_no_more_is_told_to_users_and_survived_by_services(
    plane: Plane, clock: Clock
) -> None:
    """The limit of a process's files stands in for the full disk: both cut a write short and then refuse it."""
    put(plane, (clock.ms, "before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ServiceError, match="cannot be written: File too large") as caught:
            put(plane, (clock.ms, "x" * 8000))
        plane.logs.write_lines(GROUP, "s", ["lost", "lost too"])
        plane.logs.write(GROUP, "s", "and this")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "ServiceUnavailableException"
    plane.logs.write(GROUP, "s", "after")
    answer = call(plane, "logs", "GetLogEvents", logGroupName=GROUP, logStreamName="s")
    assert [event["message"] for event in answer["events"]] == [
        "before",
        "[skewless] 3 lines were lost here because they could not be written.",
        "after",
    ]
    assert next(plane.logs.folder.rglob("*.jsonl")).stat().st_size > 4096
