"""Reading events as clients do: from both ends with tokens, following, and searching many streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.control import log_events
from skewless.control.errors import ServiceError
from skewless.control.plane import Plane
from tests.planes import Clock, call
from tests.planes import plane as make_plane

GROUP = "/aws/sagemaker/Endpoints/cars"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as made:
        yield made


def get(plane: Plane, **members: Any) -> dict[str, Any]:
    return call(plane, "logs", "GetLogEvents", logGroupName=GROUP, logStreamName="s", **members)


def search(plane: Plane, **members: Any) -> dict[str, Any]:
    return call(plane, "logs", "FilterLogEvents", logGroupName=GROUP, **members)


def messages(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def write(plane: Plane, clock: Clock, *lines: str, stream: str = "s") -> None:
    for line in lines:
        clock.move(1)
        plane.logs.write(GROUP, stream, line)


def test_a_stream_is_read_from_its_head_to_its_end_and_on(plane: Plane, clock: Clock) -> None:
    write(plane, clock, *"abcde")
    first = get(plane, startFromHead=True, limit=2)
    assert messages(first) == ["a", "b"]
    second = get(plane, nextToken=first["nextForwardToken"], startFromHead=True, limit=2)
    third = get(plane, nextToken=second["nextForwardToken"], startFromHead=True, limit=2)
    assert messages(second) + messages(third) == ["c", "d", "e"]
    end = get(plane, nextToken=third["nextForwardToken"], startFromHead=True)
    assert messages(end) == []
    assert end["nextForwardToken"] == third["nextForwardToken"]
    write(plane, clock, "f")
    assert messages(get(plane, nextToken=end["nextForwardToken"], startFromHead=True)) == ["f"]
    # A forward token goes forward whatever startFromHead says.
    assert messages(get(plane, nextToken=end["nextForwardToken"])) == ["f"]


def test_a_stream_is_read_from_its_end_back_to_its_head(plane: Plane, clock: Clock) -> None:
    write(plane, clock, *"abcde")
    newest = get(plane, limit=2)
    assert messages(newest) == ["d", "e"]
    older = get(plane, nextToken=newest["nextBackwardToken"], limit=2)
    oldest = get(plane, nextToken=older["nextBackwardToken"], limit=2)
    assert [messages(older), messages(oldest)] == [["b", "c"], ["a"]]
    head = get(plane, nextToken=oldest["nextBackwardToken"])
    assert messages(head) == []
    assert head["nextBackwardToken"] == oldest["nextBackwardToken"]
    assert messages(get(plane, nextToken=head["nextForwardToken"])) == list("abcde")
    assert messages(get(plane, nextToken=older["nextForwardToken"])) == list("de")


def test_an_empty_stream_is_followed_from_either_end(plane: Plane, clock: Clock) -> None:
    plane.logs.create_stream(GROUP, "s")
    tokens = [get(plane)["nextForwardToken"], get(plane, startFromHead=True)["nextForwardToken"]]
    write(plane, clock, "a")
    assert [messages(get(plane, nextToken=token)) for token in tokens] == [["a"], ["a"]]


def test_a_token_outlives_its_stream(plane: Plane, clock: Clock) -> None:
    write(plane, clock, *"abcde")
    token = get(plane)["nextForwardToken"]
    plane.logs.delete_stream(GROUP, "s")
    write(plane, clock, "a")
    for far in (token, "f/" + "9" * 56 + "/s"):
        answer = get(plane, nextToken=far)
        assert messages(answer) == []
        write(plane, clock, "new")
        assert messages(get(plane, nextToken=answer["nextForwardToken"])) == ["new"]


def test_a_range_of_time_has_its_start_and_not_its_end(plane: Plane, clock: Clock) -> None:
    write(plane, clock, *"abcde")
    at_b, at_d = clock.ms - 3000, clock.ms - 1000
    assert messages(get(plane, startTime=at_b, endTime=at_d)) == ["b", "c"]
    assert messages(get(plane, startTime=at_b, endTime=at_d, startFromHead=True)) == ["b", "c"]
    assert messages(search(plane, startTime=at_b, endTime=at_d)) == ["b", "c", "d"]
    page = get(plane, startTime=at_b, endTime=at_d, limit=1)
    assert messages(page) == ["c"]
    assert messages(get(plane, startTime=at_b, endTime=at_d, nextToken=page["nextBackwardToken"])) == ["b"]


def test_events_have_their_members(plane: Plane, clock: Clock) -> None:
    plane.logs.put(GROUP, "s", [(clock.ms - 500, "late")])
    (event,) = get(plane)["events"]
    assert event == {"timestamp": clock.ms - 500, "message": "late", "ingestionTime": clock.ms}
    (found,) = search(plane)["events"]
    assert found == {**event, "logStreamName": "s", "eventId": found["eventId"]}
    assert len(found["eventId"]) == 56
    assert found["eventId"].isdecimal()


@pytest.mark.parametrize("token", ["x", "f/12/s", f"c/{0:056d}/s", f"f/{0:056d}/s/", "f/" + "９" * 56 + "/s"])
def test_a_token_of_somebody_else_is_refused(plane: Plane, clock: Clock, token: str) -> None:
    write(plane, clock, "a")
    for read in (get, search):
        with pytest.raises(ServiceError, match="The specified nextToken is invalid") as caught:
            read(plane, nextToken=token)
        assert caught.value.code == "InvalidParameterException"


def test_an_answer_holds_a_mebibyte(plane: Plane) -> None:
    plane.logs.write_lines(GROUP, "s", [f"{number:02d}" + "é" * 50_000 for number in range(25)])
    for first, rest in ((get, {"startFromHead": True}), (search, {})):
        found: list[str] = []
        request: dict[str, Any] = dict(rest)
        while len(found) < 25:
            answer = first(plane, **request)
            assert 0 < len(answer["events"]) <= 10
            found += [message[:2] for message in messages(answer)]
            request["nextToken"] = answer.get("nextForwardToken", answer.get("nextToken"))
        assert found == [f"{number:02d}" for number in range(25)]


def test_lines_of_all_streams_come_in_the_order_of_time(plane: Plane, clock: Clock) -> None:
    for number in range(30):
        write(plane, clock, f"line {number:02d}", stream=f"AllTraffic/i-{number % 4}")
    write(plane, clock, "other", stream="Other/i-0")
    wanted = [f"line {number:02d}" for number in range(30)]
    assert messages(search(plane)) == [*wanted, "other"]
    assert messages(search(plane, startFromHead=False)) == ["other", *wanted[::-1]]
    assert messages(search(plane, logStreamNamePrefix="AllTraffic/")) == wanted
    named = search(plane, logStreamNames=["AllTraffic/i-1", "Other/i-0", "AllTraffic/i-1"])
    assert messages(named) == [*wanted[1::4], "other"]
    assert search(plane)["searchedLogStreams"] == []
    with pytest.raises(ServiceError, match="mutually exclusive"):
        search(plane, logStreamNames=["Other/i-0"], logStreamNamePrefix="O")


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_search_goes_on_page_by_page(plane: Plane, clock: Clock, newest_first: bool) -> None:
    for number in range(60):
        clock.move(number % 3 / 1000)  # some lines have one time
        plane.logs.write(GROUP, f"s{number % 5}", f"{'even' if number % 2 == 0 else 'odd'} {number:02d}")
    whole = messages(search(plane, filterPattern="even", startFromHead=not newest_first))
    assert sorted(whole) == [f"even {number:02d}" for number in range(0, 60, 2)]
    found: list[str] = []
    request: dict[str, Any] = {"filterPattern": "even", "limit": 7, "startFromHead": not newest_first}
    ids = set()
    while True:
        answer = search(plane, **request)
        found += messages(answer)
        ids |= {event["eventId"] for event in answer["events"]}
        if "nextToken" not in answer:
            break
        request["nextToken"] = answer["nextToken"]
    assert found == whole
    assert len(ids) == 30


def test_a_search_looks_at_so_many_lines_and_then_answers(
    plane: Plane, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_events, "MOST_SEARCHED", 10)
    write(plane, clock, *["nothing"] * 25, "needle")
    request: dict[str, Any] = {"filterPattern": "needle"}
    pages = []
    for _ in range(3):
        answer = search(plane, **request)
        pages.append(messages(answer))
        request["nextToken"] = answer.get("nextToken")
    assert pages == [[], [], ["needle"]]
    assert request["nextToken"] is None


def test_a_pattern_that_is_not_done_is_refused(plane: Plane, clock: Clock) -> None:
    write(plane, clock, "a")
    with pytest.raises(ServiceError, match="JSON filter patterns") as caught:
        search(plane, filterPattern="{ $.a = 1 }")
    assert caught.value.code == "InvalidParameterException"


class Follower:
    """What ``aws logs tail --follow`` of version 2 asks, and how it tells what it has shown already."""

    def __init__(self, plane: Plane, since: int) -> None:
        self.plane = plane
        self.request: dict[str, Any] = {"interleaved": True, "startTime": since}
        self.seen: dict[int, set[str]] = {}

    def poll(self) -> list[str]:
        shown = []
        while True:
            answer = search(self.plane, **self.request)
            for event in answer["events"]:
                ids = self.seen.setdefault(event["timestamp"], set())
                if event["eventId"] not in ids:
                    ids.add(event["eventId"])
                    shown.append(event["message"])
            if self.seen:
                newest = max(self.seen)
                self.seen = {newest: self.seen[newest]}
            if "nextToken" not in answer:
                break
            self.request["nextToken"] = answer["nextToken"]
        if self.seen:
            self.request["startTime"] = max(self.seen)
        self.request.pop("nextToken", None)
        return shown


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_follower_shows_every_line_once(
    plane: Plane, clock: Clock, steps: list[tuple[str, int, bool]]
) -> None:
    """However lines, ticks of the clock and polls follow each other; one time may have lines of several streams."""
    plane.logs.delete_group(GROUP)
    plane.logs.create_group(GROUP)
    follower, shown = Follower(plane, clock.ms), []
    for number, (stream, tick, poll) in enumerate(steps):
        clock.ms += tick
        plane.logs.write(GROUP, stream, str(number))
        if poll:
            shown += follower.poll()
    shown += follower.poll()
    assert sorted(shown, key=int) == [str(number) for number in range(len(steps))]


class Positions:
    """How SageMaker's SDK follows a stream: it keeps no token but the newest time, and how many lines had it."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.time, self.skip = 0, 0

    def poll(self) -> list[str]:
        shown: list[str] = []
        request: dict[str, Any] = {"startTime": self.time, "startFromHead": True, "limit": 3}
        skip = self.skip
        while (answer := get(self.plane, **request))["events"]:
            request["nextToken"] = answer["nextForwardToken"]
            for event in answer["events"]:
                if skip:
                    skip -= 1
                    continue
                shown.append(event["message"])
                same = event["timestamp"] == self.time
                self.time, self.skip = event["timestamp"], self.skip + 1 if same else 1
        return shown


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_sdk_shows_every_line_once_and_in_order(
    plane: Plane, clock: Clock, steps: list[tuple[str, int, bool]]
) -> None:
    plane.logs.delete_group(GROUP)
    plane.logs.create_stream(GROUP, "s")
    reader, shown = Positions(plane), []
    for number, (_, tick, poll) in enumerate(steps):
        clock.ms += tick
        plane.logs.write(GROUP, "s", str(number))
        if poll:
            shown += reader.poll()
    shown += reader.poll()
    assert shown == [str(number) for number in range(len(steps))]
