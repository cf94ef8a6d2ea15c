"""Faults of every kind on a real gateway: each ends in its state, says why, and leaves no process and no folder."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.lifetime import runs
from tests.app.works import BUCKET, DEAF, LASTING, Works
from tests.gateways import gateway, start, until
from tests.pipelines import CAR

MANY_CARS = (CAR + b"\n") * 2_000_000
LASTING_TRANSFORM: dict[str, Any] = {
    "DataProcessing": {"JoinSource": "Input", "InputFilter": "$[0:6]", "OutputFilter": "$[0,6]"}
}
"""Filters look at every row, which takes a quarter of a minute; without them all are done within two seconds."""


@pytest.fixture(scope="module")
def works_for_all(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Works]:
    with gateway(tmp_path_factory.mktemp("faults")) as up:
        yield Works(up, artifacts)


@pytest.fixture
def works(works_for_all: Works) -> Iterator[Works]:
    yield works_for_all
    works_for_all.nothing_left()


# What users give.


def test_scripts_that_fail(works: Works) -> None:
    raises = works.processing("raise ValueError('no such column: price')")
    leaves = works.processing("import sys; sys.exit(3)")
    dies = works.processing("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    broken = works.run("def f(:\n")
    shown = works.ended(raises)
    assert shown["Status"] == "Failed"
    assert "ValueError: no such column: price" in shown["FailureReason"]
    shown = works.ended(leaves)
    assert (shown["Status"], "3" in shown["FailureReason"]) == ("Failed", True)
    shown = works.ended(dies)
    assert (shown["Status"], "SIGKILL" in shown["FailureReason"]) == ("Failed", True)
    run = works.run_ended(broken)
    assert (run["JobRunState"], "SyntaxError" in run["ErrorMessage"]) == ("FAILED", True)


def test_a_jobs_process_that_is_killed(works: Works) -> None:
    name = works.processing(LASTING)
    until(lambda: works.begun(name))
    (child,) = works.up.children()
    os.kill(child, signal.SIGKILL)
    shown = works.ended(name)
    assert shown["Status"] == "Failed"
    assert "ended with SIGKILL" in shown["FailureReason"]


def test_a_script_that_hangs(works: Works) -> None:
    """Past its time it is ended, also one that does not listen, with all that it started."""
    name = works.processing(LASTING, StoppingCondition={"MaxRuntimeInSeconds": 1})
    shown = works.ended(name)
    told = "The job ran longer than its MaxRuntimeInSeconds of 1."
    assert (shown["Status"], shown["FailureReason"]) == ("Stopped", told)


def test_what_is_stopped_half_way(works: Works) -> None:
    training, transform = works.training(10_000_000), works.transform(MANY_CARS, **LASTING_TRANSFORM)
    processing, run = works.processing(LASTING), works.run(LASTING)
    for name in (transform, training, processing):
        until(lambda name=name: works.begun(name))  # type: ignore[misc]
        works.stop(name)
    until(lambda: works.run_shown(run)["JobRunState"] == "RUNNING")
    works.glue.batch_stop_job_run(JobName=run[0], JobRunIds=[run[1]])
    for name in (training, processing, transform):
        shown = works.ended(name)
        assert (shown["Status"], shown.get("FailureReason")) == ("Stopped", None), name
    assert works.run_ended(run)["JobRunState"] == "STOPPED"
    # Of a transform there is all or nothing; a training job keeps what it learnt.
    assert "Contents" not in works.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"scored/{transform}")
    assert works.s3.head_object(Bucket=BUCKET, Key=f"xgb/{training}/output/model.tar.gz")


def test_one_bad_record(works: Works) -> None:
    name = works.transform(b"\n".join((CAR, CAR, b"low,low,nine,more,big,high", CAR)) + b"\n")
    shown = works.ended(name)
    assert shown["Status"] == "Failed"
    assert shown["FailureReason"].startswith("ClientError: ")
    logs = works.up.client("logs")
    found = logs.filter_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name, filterPattern='"line 3"'
    )["events"]
    assert any(event["logStreamName"].endswith("data-log") and "doors" in event["message"] for event in found)


@pytest.mark.parametrize("what", ["vanished", "corrupt"])
def test_model_data_that_is_not_what_it_was(works: Works, what: str) -> None:
    file = works.up.folder.s3 / "cars-and-labels" / "going.tar.gz"
    if what == "vanished":
        file.write_bytes(b"there for now")
        works.cars.model("going")
    # Jobs of other kinds have all the places, so that this one waits.
    waited_for = [works.processing(LASTING) for _ in range(4)] if what == "vanished" else []
    name = works.transform(version="going" if what == "vanished" else "corrupt")
    file.unlink(missing_ok=True)
    for before in waited_for:
        works.stop(before)
    shown = works.ended(name)
    assert shown["Status"] == "Failed"
    artifact = "going" if what == "vanished" else "corrupt"
    assert f"s3://cars-and-labels/{artifact}.tar.gz" in shown["FailureReason"]


# The machine.


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A small disk in the place of a folder."""
    if os.geteuid() != 0:
        pytest.fail("mounting a disk needs root")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that there is."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(1 << 12))
        except OSError:
            return file


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Works]:
    """One whose jobs and whose buckets lie on small disks of their own."""
    folder = tmp_path_factory.mktemp("cramped")
    with (
        disk(folder / "jobs", 2),
        disk(folder / "endpoints", 2),
        disk(folder / "s3", 24),
        gateway(folder) as up,
    ):
        yield Works(up, artifacts)


def test_a_job_that_fills_the_disk(cramped: Works) -> None:
    name = cramped.processing("open('/opt/ml/processing/output/big', 'wb').write(bytes(8 << 20))")
    shown = cramped.ended(name)
    assert (shown["Status"], "No space left on device" in shown["FailureReason"]) == ("Failed", True)
    name = cramped.transform(MANY_CARS[: 4 << 20])
    shown = cramped.ended(name)
    assert (shown["Status"], "the disk is full" in shown["FailureReason"]) == ("Failed", True)
    cramped.nothing_left()
    assert cramped.ended(cramped.transform())["Status"] == "Completed"


def test_a_disk_that_is_full_already(cramped: Works) -> None:
    ballast = fill(cramped.up.folder.jobs)
    names = [cramped.training(), cramped.processing(LASTING), cramped.transform()]
    run = cramped.run(LASTING)
    for name in names:
        shown = cramped.ended(name)
        assert (shown["Status"], "the disk is full" in shown["FailureReason"]) == ("Failed", True)
    shown = cramped.run_ended(run)
    assert (shown["JobRunState"], "the disk is full" in shown["ErrorMessage"]) == ("FAILED", True)
    ballast.unlink()
    cramped.nothing_left()
    ballast = fill(cramped.up.folder.endpoints)
    deployed = cramped.cars.endpoint("cramped", "small")
    assert (deployed["EndpointStatus"], "disk is full" in deployed["FailureReason"]) == ("Failed", True)
    ballast.unlink()
    assert cramped.cars.update("cramped", "small")["EndpointStatus"] == "InService"
    cramped.cars.clean()


def test_buckets_that_are_full(cramped: Works) -> None:
    name = cramped.processing(
        "import time\nfrom pathlib import Path\nprint('begun', flush=True)\n"
        "open('/opt/ml/processing/output/some', 'wb').write(bytes(1 << 20))\n"
        "while not Path('/opt/ml/processing/go').exists(): time.sleep(0.05)\n"
    )
    until(lambda: cramped.begun(name))
    ballast = fill(cramped.up.folder.s3)
    with pytest.raises(ClientError) as caught:
        cramped.put("more", bytes(1 << 20))
    assert caught.value.response["Error"]["Code"] == "StorageFull"
    next(cramped.up.folder.jobs.rglob("opt/ml/processing/output")).with_name("go").touch()
    shown = cramped.ended(name)
    ballast.unlink()
    assert (shown["Status"], "full" in shown["FailureReason"] or "No space" in shown["FailureReason"]) == (
        "Failed",
        True,
    )
    cramped.nothing_left()
    assert "Contents" not in cramped.s3.list_objects_v2(Bucket=BUCKET, Prefix="more")


def test_everything_is_full_and_then_not(tmp_path: Path, artifacts: Path) -> None:
    """The state itself cannot be written: what ends meanwhile is told when there is room again."""
    with disk(tmp_path / "up", 64), gateway(tmp_path / "up") as up:
        works = Works(up, artifacts)
        name = works.processing(LASTING)
        until(lambda: works.begun(name))
        (child,) = up.children()
        ballast = fill(up.data_dir)
        with pytest.raises(ClientError, match="InternalFailure"):
            write_much(works, works.shown(name)["ProcessingJobArn"])
        os.kill(child, signal.SIGKILL)
        until(lambda: "is tried again until it can" in up.output() or up.children() == [])
        ballast.unlink()
        shown = works.ended(name)
        assert (shown["Status"], "SIGKILL" in shown["FailureReason"]) == ("Failed", True)
        works.nothing_left()
        assert works.ended(works.training())["Status"] == "Completed"


def write_much(works: Works, arn: str) -> None:
    """More than the state's journal has room for in itself."""
    for number in range(50):
        works.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": str(number), "Value": "x" * 256}])


def test_a_database_that_somebody_else_holds(works: Works) -> None:
    """Requests wait for it, and what ended meanwhile is told after it."""
    name = works.processing(LASTING)
    until(lambda: works.begun(name))
    (child,) = works.up.children()
    other = sqlite3.connect(works.up.data_dir / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    os.kill(child, signal.SIGKILL)
    until(lambda: works.up.children() == [])
    assert works.s3.list_buckets()["Buckets"]  # what needs no state goes on
    other.execute("COMMIT")
    other.close()
    assert works.ended(name)["Status"] == "Failed"


def test_killed_while_everything_runs(tmp_path: Path, artifacts: Path) -> None:
    """The next start says what was lost; of all that ran nothing is left."""
    first = start(tmp_path / "up")
    try:
        works = Works(first, artifacts)
        names = [
            works.training(10_000_000),
            works.processing(DEAF),
            works.transform(MANY_CARS, **LASTING_TRANSFORM),
        ]
        run = works.run(DEAF)
        waiting = works.training()
        for name in names:
            until(lambda name=name: works.begun(name))  # type: ignore[misc]
        until(lambda: len(first.children()) == 4)
        processes = [pid for child in first.children() for pid in family(child)]
    finally:
        first.kill()
    with gateway(tmp_path / "up") as second:
        works.up = second
        works.sagemaker, works.glue = map(second.client, ("sagemaker", "glue"))
        for name in names:
            shown = works.shown(name)
            assert (shown["Status"], "Create the job again" in shown["FailureReason"]) == ("Failed", True)
        lost = works.run_shown(run)
        assert lost["JobRunState"] == "FAILED"
        assert "The service stopped while the job run was in progress" in lost["ErrorMessage"]
        until(lambda: not any(map(runs, processes)))
        assert works.ended(waiting)["Status"] == "Completed"  # it had not begun
        works.nothing_left()


def family(pid: int) -> list[int]:
    """A process and all that come from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]
