"""Glue runs by a real gateway: each is a process, and ends as its script or its user says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from skewless.priority import NICE
from tests.gateways import Gateway, gateway, start, until

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
LONG = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"


class Runs:
    """Runs of Python shell jobs, each of a job of its own."""

    def __init__(self, up: Gateway) -> None:
        self.up = up
        self.glue = up.client("glue")
        self.bucket = f"glue-{uuid4().hex[:12]}"
        up.client("s3").create_bucket(Bucket=self.bucket)

    def start(self, script: str | None, **job: Any) -> tuple[str, str]:
        """The names of the job and of its run; no script is one that is missing."""
        name = f"job-{uuid4().hex[:12]}"
        if script is not None:
            self.up.client("s3").put_object(Bucket=self.bucket, Key=f"{name}.py", Body=script.encode())
        location = f"s3://{self.bucket}/{name}.py"
        command = {"Name": "pythonshell", "ScriptLocation": location, "PythonVersion": "3"}
        self.glue.create_job(Name=name, Role=self.up.role, Command=command, **job)
        return name, self.glue.start_job_run(JobName=name)["JobRunId"]

    def shown(self, run: tuple[str, str]) -> dict[str, Any]:
        return cast(dict[str, Any], self.glue.get_job_run(JobName=run[0], RunId=run[1])["JobRun"])

    def in_state(self, run: tuple[str, str], *states: str) -> dict[str, Any]:
        """What is shown of a run once it is in one of these states."""

        def there() -> dict[str, Any] | None:
            shown = self.shown(run)
            return shown if shown["JobRunState"] in states else None

        return until(there)

    def printed(self, run: tuple[str, str], group: str) -> list[str]:
        events = self.up.client("logs").get_log_events(
            logGroupName=f"/aws-glue/jobs/{group}", logStreamName=run[1], startFromHead=True
        )["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def runs(up: Gateway) -> Iterator[Runs]:
    made = Runs(up)
    yield made
    for page in made.glue.get_paginator("get_jobs").paginate():
        for job in page["Jobs"]:
            made.glue.delete_job(JobName=job["Name"])


def test_what_a_run_is_given_prints_and_comes_to(runs: Runs) -> None:
    good = "\n".join(
        (
            "import os, pathlib, sys",
            "from awsglue.utils import getResolvedOptions",
            "print(getResolvedOptions(sys.argv, ['a', 'JOB_NAME']))",
            "print('beside', file=sys.stderr)",
            "session = pathlib.Path('/proc/self/autogroup')",
            "told = session.read_text().split() if session.exists() else []",
            f"print(os.nice(0), told[-1] if told else {NICE})",
        )
    )
    succeeds = runs.start(good, DefaultArguments={"--a": "one"})
    fails = runs.start("raise ValueError('nope')\n", MaxRetries=1)
    missing = runs.start(None)
    assert runs.in_state(succeeds, *ENDED)["JobRunState"] == "SUCCEEDED"
    assert "'a': 'one'" in runs.printed(succeeds, "output")[0]
    assert "beside" in runs.printed(succeeds, "error")
    # What is waited for goes before it.
    assert runs.printed(succeeds, "output")[1] == f"{os.nice(0) + NICE} {NICE}"
    failed = runs.in_state(fails, *ENDED)
    assert (failed["JobRunState"], failed["ErrorMessage"]) == ("FAILED", "ValueError: nope")
    again = runs.in_state((fails[0], f"{fails[1]}_attempt_1"), *ENDED)
    assert (again["JobRunState"], again["Attempt"], again["PreviousRunId"]) == ("FAILED", 1, fails[1])
    gone = runs.in_state(missing, *ENDED)
    assert gone["JobRunState"] == "FAILED"
    assert f"{missing[0]}.py" in gone["ErrorMessage"]


def test_a_run_is_stopped_and_the_next_in_the_queue_gets_its_turn(runs: Runs) -> None:
    first = runs.start(LONG, JobRunQueuingEnabled=True)
    job = first[0]
    second = (job, runs.glue.start_job_run(JobName=job)["JobRunId"])
    until(lambda: process_of(runs.up, first) and printed_anything(runs, first))
    assert runs.shown(second)["JobRunState"] == "WAITING"
    assert runs.glue.batch_stop_job_run(JobName=job, JobRunIds=[first[1]])["Errors"] == []
    assert "ErrorMessage" not in runs.in_state(first, "STOPPED")
    until(lambda: process_of(runs.up, second))
    assert not process_of(runs.up, first)
    runs.glue.batch_stop_job_run(JobName=job, JobRunIds=[second[1]])
    runs.in_state(second, "STOPPED")
    until(lambda: not process_of(runs.up, second))
    until(lambda: not list((runs.up.data_dir / "jobs" / "glue").iterdir()))


def test_a_killed_gateway_says_which_runs_it_lost(tmp_path: Path) -> None:
    with gateway(tmp_path) as up:
        runs = Runs(up)
        run = runs.start(LONG)
        (child,) = until(lambda: process_of(up, run))
        up.kill()
    again = start(tmp_path)
    try:
        runs.glue = again.client("glue")
        shown = runs.shown(run)
        assert shown["JobRunState"] == "FAILED"
        assert "The service stopped while the job run was in progress" in shown["ErrorMessage"]
        # It may have been about to ask for its end with the gateway's when that was killed.
        until(lambda: run[1] not in command_of(child))
    finally:
        again.stop()


def printed_anything(runs: Runs, run: tuple[str, str]) -> bool:
    try:
        return bool(runs.printed(run, "output"))
    except ClientError:  # there is no stream yet
        return False


def process_of(up: Gateway, run: tuple[str, str]) -> list[int]:
    """The process of a run, if it has one."""
    return [pid for pid in up.children() if run[1] in command_of(pid)]


def command_of(pid: int) -> str:
    """A process' command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
