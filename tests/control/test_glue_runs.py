"""Runs of Glue jobs, from both sides: what clients ask and see, and what the supervisor is asked and tells."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.control import running
from skewless.control.errors import ServiceError
from skewless.control.first_start import ensure_default_role
from skewless.control.glue_states import STATES, UNDER_WAY
from skewless.control.plane import Members, Plane
from skewless.control.run import End
from skewless.control.states import IllegalStep
from tests.planes import Clock, call
from tests.planes import plane as a_plane

ENDS = get_args(End)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with a_plane(tmp_path, clock=clock) as made:
        ensure_default_role(made)
        yield made


@pytest.fixture
def each_plane(tmp_path: Path, database_url: str) -> Iterator[Plane]:
    """On each kind of database: they keep transactions apart in ways of their own."""
    with a_plane(tmp_path, url=database_url) as made:
        ensure_default_role(made)
        yield made


def glue(plane: Plane, operation: str, **members: Any) -> Members:
    return call(plane, "glue", operation, **members)


def create(plane: Plane, name: str = "j", **members: Any) -> None:
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    glue(plane, "CreateJob", Name=name, Role="SkewlessExecutionRole", Command=command, **members)


def start(plane: Plane, name: str = "j", **members: Any) -> str:
    return cast(str, glue(plane, "StartJobRun", JobName=name, **members)["JobRunId"])


def run_of(plane: Plane, run: str, job: str = "j") -> Members:
    return cast(Members, glue(plane, "GetJobRun", JobName=job, RunId=run)["JobRun"])


def state(plane: Plane, run: str) -> str:
    return cast(str, run_of(plane, run)["JobRunState"])


def stop(plane: Plane, *runs: str, job: str = "j") -> Members:
    return glue(plane, "BatchStopJobRun", JobName=job, JobRunIds=list(runs))


def waiting(plane: Plane) -> list[str]:
    return [run.name for run in running.to_start(plane) if run.kind == "glue"]


def refused(plane: Plane, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        glue(plane, operation, **members)
    return caught.value.code, caught.value.message


def test_a_run_that_succeeds(plane: Plane, clock: Clock) -> None:
    create(plane, DefaultArguments={"--a": "1", "--b": "1"}, Timeout=7)
    began = plane.now() / 1000
    run = start(plane, Arguments={"--b": "2"})
    assert clock.wakes == [plane.now()]
    shown = run_of(plane, run)
    assert shown == {
        "Id": run,
        "Attempt": 0,
        "JobName": "j",
        "JobMode": "SCRIPT",
        "StartedOn": began,
        "LastModifiedOn": began,
        "JobRunState": "STARTING",
        "Arguments": {"--b": "2"},
        "PredecessorRuns": [],
        "AllocatedCapacity": 10,
        "ExecutionTime": 0,
        "Timeout": 7,
        "MaxCapacity": 10.0,
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": "0.9",
    }
    assert run.startswith("jr_")
    assert len(run) == 67
    clock.move(5)
    (asked,) = running.to_start(plane)
    assert (asked.kind, asked.name, asked.limit) == ("glue", run, 420)
    assert asked.request["Arguments"] == {"--a": "1", "--b": "2"}
    assert asked.request["Command"] == {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    assert asked.request["JobName"] == "j"
    assert asked.log(None) == ("/aws-glue/jobs/output", run)
    assert asked.log("error") == ("/aws-glue/jobs/error", run)
    assert running.began(plane, "glue", run)
    assert (state(plane, run), waiting(plane)) == ("RUNNING", [])
    running.progress(plane, "glue", run, {"secondary": "Downloading", "message": ""})
    clock.move(90.5)
    assert run_of(plane, run)["ExecutionTime"] == 90
    running.ended(plane, "glue", run, "Completed")
    clock.move(1000)
    done = run_of(plane, run)
    assert (done["JobRunState"], done["ExecutionTime"]) == ("SUCCEEDED", 90)
    assert done["CompletedOn"] == done["LastModifiedOn"] == began + 95.5
    assert "ErrorMessage" not in done


def test_a_run_that_fails_and_one_that_takes_too_long(plane: Plane) -> None:
    create(plane, Timeout=3)
    ends: tuple[tuple[End, str | None, str, str], ...] = (
        ("Failed", "ValueError: x", "FAILED", "ValueError: x"),
        ("TimedOut", None, "TIMEOUT", "The job run took longer than its Timeout of 3 minutes."),
    )
    for end, reason, name, message in ends:
        run = start(plane)
        running.began(plane, "glue", run)
        running.ended(plane, "glue", run, end, reason)
        assert (state(plane, run), run_of(plane, run)["ErrorMessage"]) == (name, message)
        assert waiting(plane) == []


def test_a_run_is_stopped_before_and_after_it_began(plane: Plane) -> None:
    create(plane, ExecutionProperty={"MaxConcurrentRuns": 2})
    early, late = start(plane), start(plane)
    assert running.began(plane, "glue", late)
    answer = stop(plane, early, late)
    assert answer["Errors"] == []
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [early, late]
    assert stop(plane, late)["Errors"] == []
    assert sorted(running.to_stop(plane)) == sorted([("glue", early), ("glue", late)])
    assert waiting(plane) == []
    assert not running.began(plane, "glue", early)
    running.ended(plane, "glue", early, "Stopped")
    running.ended(plane, "glue", late, "Failed", "KeyboardInterrupt")
    for run in (early, late):
        assert state(plane, run) == "STOPPED"
        assert "ErrorMessage" not in run_of(plane, run)
    assert run_of(plane, early)["ExecutionTime"] == 0
    assert running.to_stop(plane) == []


def test_what_cannot_be_stopped_is_named(plane: Plane) -> None:
    create(plane)
    create(plane, "other")
    run, foreign = start(plane), start(plane, "other")
    running.began(plane, "glue", run)
    running.ended(plane, "glue", run, "Completed")
    answer = stop(plane, run, "jr_none", foreign, run)
    assert answer["SuccessfulSubmissions"] == []
    assert [(one["JobRunId"], one["ErrorDetail"]["ErrorCode"]) for one in answer["Errors"]] == [
        (run, "JobRunInTerminalStateException"),
        ("jr_none", "EntityNotFoundException"),
        (foreign, "EntityNotFoundException"),
    ]
    assert "SUCCEEDED" in answer["Errors"][0]["ErrorDetail"]["ErrorMessage"]
    assert run_of(plane, foreign, "other")["JobRunState"] == "STARTING"


def test_only_so_many_runs_at_a_time(plane: Plane) -> None:
    create(plane, ExecutionProperty={"MaxConcurrentRuns": 2})
    create(plane, "other")
    runs = [start(plane), start(plane)]
    start(plane, "other")
    for run in runs:
        running.began(plane, "glue", run)
    stop(plane, runs[0])
    too_many = ("ConcurrentRunsExceededException", "Concurrent runs exceeded for j")
    assert refused(plane, "StartJobRun", JobName="j") == too_many
    running.ended(plane, "glue", runs[0], "Stopped")
    start(plane)
    assert refused(plane, "StartJobRun", JobName="j") == too_many
    assert len(glue(plane, "GetJobRuns", JobName="j")["JobRuns"]) == 3


def test_runs_started_at_once_by_many_keep_to_the_limit(each_plane: Plane) -> None:
    create(each_plane, ExecutionProperty={"MaxConcurrentRuns": 3})
    outcomes: list[str] = []

    def ask() -> None:
        try:
            start(each_plane)
            outcomes.append("started")
        except ServiceError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ConcurrentRunsExceededException"] * 5 + ["started"] * 3


def test_queued_runs_take_their_turn(plane: Plane, clock: Clock) -> None:
    create(plane, JobRunQueuingEnabled=True)
    runs = []
    for _ in range(4):
        runs.append(start(plane))
        clock.move(1)
    first, second, third, fourth = runs
    assert [state(plane, run) for run in (first, second, third)] == ["STARTING", "WAITING", "WAITING"]
    assert "Waits for another run" in run_of(plane, second)["StateDetail"]
    running.began(plane, "glue", first)
    assert waiting(plane) == []
    running.ended(plane, "glue", first, "Failed", "x")
    assert waiting(plane) == [second]
    assert state(plane, third) == "WAITING"
    stop(plane, third)
    assert ("glue", third) in running.to_stop(plane)
    running.ended(plane, "glue", third, "Stopped")
    assert state(plane, third) == "STOPPED"
    assert state(plane, fourth) == "WAITING"
    refusal = refused(plane, "StartJobRun", JobName="j", JobRunQueuingEnabled=False)
    assert refusal[0] == "ConcurrentRunsExceededException"


def test_a_run_has_its_own_timeout_and_capacity_and_the_job_of_its_start(plane: Plane) -> None:
    create(plane, WorkerType="G.1X", NumberOfWorkers=2, MaxRetries=1, Description="then")
    run = start(plane, Timeout=9, MaxCapacity=4.0)
    command = {"Name": "pythonshell", "ScriptLocation": "s3://b/other.py"}
    glue(plane, "UpdateJob", JobName="j", JobUpdate={"Role": "SkewlessExecutionRole", "Command": command})
    (asked,) = running.to_start(plane)
    assert (asked.limit, asked.request["Command"]["Name"]) == (540, "glueetl")
    shown = run_of(plane, run)
    assert (shown["Timeout"], shown["MaxCapacity"]) == (9, 4.0)
    assert "WorkerType" not in shown
    assert refused(plane, "StartJobRun", JobName="j", Timeout=99_999)[0] == "InvalidInputException"


def test_arguments_that_cannot_be_overridden(plane: Plane) -> None:
    create(plane, DefaultArguments={"--a": "1"}, NonOverridableArguments={"--fixed": "1"})
    code, message = refused(plane, "StartJobRun", JobName="j", Arguments={"--fixed": "2"})
    assert code == "InvalidInputException"
    assert "--fixed" in message
    start(plane, Arguments={"--a": "2"})
    (asked,) = running.to_start(plane)
    assert asked.request["Arguments"] == {"--a": "2", "--fixed": "1"}


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(plane: Plane) -> None:
    create(plane, MaxRetries=2)
    first = start(plane, Arguments={"--a": "1"})
    tried = [first, f"{first}_attempt_1", f"{first}_attempt_2"]
    for number, run in enumerate(tried):
        assert waiting(plane) == [run]
        running.began(plane, "glue", run)
        running.ended(plane, "glue", run, "Failed", "x")
        shown = run_of(plane, run)
        assert (shown["Attempt"], shown["JobRunState"], shown["Arguments"]) == (
            number,
            "FAILED",
            {"--a": "1"},
        )
        assert shown.get("PreviousRunId") == (tried[number - 1] if number else None)
    assert waiting(plane) == []
    run = start(plane)
    running.began(plane, "glue", run)
    running.ended(plane, "glue", run, "TimedOut")
    run = start(plane)
    running.began(plane, "glue", run)
    glue(plane, "DeleteJob", JobName="j")
    running.ended(plane, "glue", run, "Failed", "x")
    assert waiting(plane) == []


def test_a_run_is_started_again_by_its_id(plane: Plane) -> None:
    create(plane)
    first = start(plane, Arguments={"--a": "1"})
    code, message = refused(plane, "StartJobRun", JobName="j", JobRunId=first)
    assert (code, "STARTING" in message) == ("InvalidInputException", True)
    running.began(plane, "glue", first)
    running.ended(plane, "glue", first, "Failed", "x")
    again = start(plane, JobRunId=first)
    shown = run_of(plane, again)
    assert (shown["PreviousRunId"], shown["Arguments"]) == (first, {"--a": "1"})
    assert refused(plane, "StartJobRun", JobName="j", JobRunId="jr_none")[0] == "EntityNotFoundException"


def test_runs_that_cannot_be_started_or_found(plane: Plane) -> None:
    code, message = refused(plane, "StartJobRun", JobName="none")
    assert code == "EntityNotFoundException"
    assert "Failed to start job run due to missing metadata" in message
    create(plane)
    run = start(plane)
    assert refused(plane, "GetJobRun", JobName="none", RunId=run)[0] == "EntityNotFoundException"
    assert refused(plane, "GetJobRun", JobName="j", RunId="jr_none")[0] == "EntityNotFoundException"
    running.began(plane, "glue", run)
    running.ended(plane, "glue", run, "Completed")
    call(plane, "iam", "DeleteRole", RoleName="SkewlessExecutionRole")
    code, message = refused(plane, "StartJobRun", JobName="j")
    assert (code, "assume role permissions" in message) == ("InvalidInputException", True)


def test_runs_are_listed_newest_first_in_pages(plane: Plane, clock: Clock) -> None:
    create(plane, ExecutionProperty={"MaxConcurrentRuns": 30})
    create(plane, "other")
    start(plane, "other")
    runs = []
    for number in range(25):
        runs.append(start(plane))
        clock.move(number % 2)
    found: list[Members] = []
    answer = glue(plane, "GetJobRuns", JobName="j", MaxResults=10)
    while "NextToken" in answer:
        found += answer["JobRuns"]
        answer = glue(plane, "GetJobRuns", JobName="j", MaxResults=10, NextToken=answer["NextToken"])
    found += answer["JobRuns"]
    assert sorted(run["Id"] for run in found) == sorted(runs)
    assert [run["StartedOn"] for run in found] == sorted((run["StartedOn"] for run in found), reverse=True)
    token = glue(plane, "GetJobRuns", JobName="j", MaxResults=1)["NextToken"]
    assert refused(plane, "GetJobRuns", JobName="other", NextToken=token)[0] == "InvalidInputException"


def test_what_a_killed_gateway_leaves(plane: Plane) -> None:
    create(plane, ExecutionProperty={"MaxConcurrentRuns": 5})
    new, lost, stopping, done = (start(plane) for _ in range(4))
    for run in (lost, stopping, done):
        running.began(plane, "glue", run)
    stop(plane, stopping)
    running.ended(plane, "glue", done, "Completed")
    before = run_of(plane, done)
    assert sorted(running.orphans(plane)) == sorted([("glue", lost), ("glue", stopping)])
    assert [state(plane, run) for run in (new, lost, stopping)] == ["STARTING", "FAILED", "STOPPED"]
    assert "The service stopped while the job run was in progress" in run_of(plane, lost)["ErrorMessage"]
    assert run_of(plane, done) == before
    assert waiting(plane) == [new]
    assert running.orphans(plane) == []


def test_a_deleted_job_takes_its_past_runs_and_leaves_those_under_way(plane: Plane) -> None:
    create(plane, ExecutionProperty={"MaxConcurrentRuns": 5})
    past, live = start(plane), start(plane)
    running.began(plane, "glue", past)
    running.ended(plane, "glue", past, "Completed")
    running.began(plane, "glue", live)
    glue(plane, "DeleteJob", JobName="j")
    assert refused(plane, "GetJobRun", JobName="j", RunId=past)[0] == "EntityNotFoundException"
    assert state(plane, live) == "RUNNING"
    running.ended(plane, "glue", live, "Completed")
    assert state(plane, live) == "SUCCEEDED"


def test_an_end_that_cannot_be_changes_nothing(plane: Plane) -> None:
    create(plane)
    run = start(plane)
    with pytest.raises(IllegalStep, match="is STARTING and cannot become SUCCEEDED"):
        running.ended(plane, "glue", run, "Completed")
    running.began(plane, "glue", run)
    assert not running.began(plane, "glue", run)
    running.ended(plane, "glue", run, "Completed")
    before = run_of(plane, run)
    for end in ENDS:
        with pytest.raises(IllegalStep):
            running.ended(plane, "glue", run, end)
    with pytest.raises(IllegalStep, match="jr_none"):
        running.ended(plane, "glue", "jr_none", "Completed")
    assert not running.began(plane, "glue", "jr_none")
    assert run_of(plane, run) == before


STEPS = ("start", "to_start", "began", "stop", "orphans", *ENDS)


def test_whatever_happens_runs_go_only_legal_ways(each_plane: Plane) -> None:
    numbers = itertools.count()

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3)), max_size=30))
    def check(steps: list[tuple[str, int]]) -> None:
        job = f"j{next(numbers)}"
        limit = {"MaxConcurrentRuns": 2}
        create(each_plane, job, MaxRetries=1, JobRunQueuingEnabled=True, ExecutionProperty=limit)
        seen: dict[str, str] = {}
        for step, which in steps:
            run = sorted(seen)[which % len(seen)] if seen else "jr_none"
            take(each_plane, job, step, run, seen.get(run))
            now = {
                run["Id"]: run["JobRunState"]
                for run in glue(each_plane, "GetJobRuns", JobName=job)["JobRuns"]
            }
            for one, before in seen.items():
                assert now[one] == before or now[one] in STATES.follows[before]
            assert {now[one] for one in now.keys() - seen.keys()} <= {"STARTING", "WAITING"}
            assert sum(after in UNDER_WAY for after in now.values()) <= 2
            seen = now

    check()


def take(plane: Plane, job: str, step: str, run: str, before: str | None) -> None:
    """One step of a run that was in the state ``before``, with what must come of the step itself."""
    if step == "start":
        start(plane, job)
    elif step == "to_start":
        running.to_start(plane)
    elif step == "began":
        assert running.began(plane, "glue", run) == (before == "STARTING")
    elif step == "stop":
        assert bool(stop(plane, run, job=job)["Errors"]) == (before not in STATES.alive)
    elif step == "orphans":
        running.orphans(plane)
    elif before in ("RUNNING", "STOPPING"):
        running.ended(plane, "glue", run, cast(End, step))
    else:
        with pytest.raises(IllegalStep):
            running.ended(plane, "glue", run, cast(End, step))
