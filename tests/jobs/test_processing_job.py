"""Processing jobs in real processes, on machines that let them have folders of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from skewless.services import Services
from tests.jobs.running import Ran, alive, kill_group, lay_out, outcome, run, start, until

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SPARK = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1"
CODE = "/opt/ml/processing/input/code"

SPLIT = """\
import json, os, sys
from pathlib import Path
import boto3
from sklearn.preprocessing import StandardScaler

rows = [[float(x) for x in line.split(",")] for line in Path("/opt/ml/processing/input/data/a.csv").read_text().split()]
scaled = StandardScaler().fit_transform(rows)
Path("/opt/ml/processing/output/train/part").mkdir()
Path("/opt/ml/processing/output/train/part/x.csv").write_text(repr(scaled.tolist()))
os.symlink("/etc/hostname", "/opt/ml/processing/output/train/link")
config = json.loads(Path("/opt/ml/config/processingjobconfig.json").read_text())
hosts = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())
url = boto3.client("s3").meta.endpoint_url
print(config["ProcessingJobName"], hosts["current_host"], sys.argv[1:], os.environ["MODE"], url)
Path("/opt/ml/output/message").write_text("all is well")
Path("/tmp/fixed-name").write_text("")
"""


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """A folder of buckets; nobody listens for its services."""
    bucket = tmp_path / "s3" / "bucket"
    bucket.mkdir(parents=True)
    return Services("http://127.0.0.1:9", "us-east-1", "key", "secret", s3_folder=str(bucket.parent))


def put(services: Services, key: str, text: str) -> None:
    file = Path(services.s3_folder or "") / "bucket" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def request(
    image: str = SKLEARN, *, entrypoint: Sequence[str] = ("python3", f"{CODE}/x.py"), **more: Any
) -> dict[str, Any]:
    return {
        "ProcessingJobName": "job",
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": list(entrypoint)},
        "ProcessingInputs": [given("code", "s3://bucket/code/x.py", CODE)],
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1}},
        **more,
    }


def given(name: str, uri: str, path: str, **more: str) -> dict[str, Any]:
    return {"InputName": name, "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix"} | more}


def to(uri: str, path: str, mode: str = "EndOfJob") -> Mapping[str, Any]:
    output = {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "out", "S3Output": output}]}


def processed(folder: Path, services: Services, script: str, **more: Any) -> Ran:
    put(services, "code/x.py", script)
    return run(folder / "job", "processing", services, request(**more))


def test_a_script_with_absolute_paths(tmp_path: Path, services: Services) -> None:
    put(services, "data/a.csv", "1,2\n3,4\n")
    inputs = [
        given("code", "s3://bucket/code/x.py", CODE),
        given("data", "s3://bucket/data/", "/opt/ml/processing/input/data"),
    ]
    asked = request(
        ProcessingInputs=inputs,
        ProcessingOutputConfig=to("s3://bucket/out/", "/opt/ml/processing/output/train"),
        Environment={"MODE": "fast"},
    )
    asked["AppSpecification"]["ContainerArguments"] = ["--ratio", "0.5"]
    put(services, "code/x.py", SPLIT)
    before = set(Path("/opt").iterdir())
    ran = run(tmp_path / "job", "processing", services, asked)
    assert (ran.outcome.outcome, ran.outcome.reason) == ("Completed", None), ran.output
    assert ran.outcome.result == {"ExitMessage": "all is well"}
    assert "jr_1 algo-1 ['--ratio', '0.5'] fast http://127.0.0.1:9" in ran.output
    out = Path(services.s3_folder or "") / "bucket" / "out"
    assert [str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()] == ["part/x.csv"]
    assert (out / "part/x.csv").read_text() == "[[-1.0, -1.0], [1.0, 1.0]]"
    assert "link is a link and is not uploaded" in ran.output
    # The machine itself has got nothing of it.
    assert set(Path("/opt").iterdir()) == before
    assert not Path("/tmp/fixed-name").exists()


@pytest.mark.parametrize(
    ("entrypoint", "there"),
    [
        (["python3", f"{CODE}/y.py"], "in its folder are: x.py."),
        (["smspark-submit", "/opt/ml/processing/input/scripts/x.py"], "in its folder is nothing."),
    ],
)
def test_a_script_that_no_input_brings(
    tmp_path: Path, services: Services, entrypoint: list[str], there: str
) -> None:
    ran = processed(tmp_path, services, "", entrypoint=entrypoint)
    reason = ran.outcome.reason or ""
    assert reason.startswith(
        f"ClientError: ContainerEntrypoint names {entrypoint[1]}, and no input brings that"
    )
    assert (
        f"{there} Give a ProcessingInput with the LocalPath {entrypoint[1].rpartition('/')[0]} and" in reason
    )


def test_smspark_submit(tmp_path: Path, services: Services) -> None:
    """A folder of modules, event logs, the SDK's configuration, a path with s3, more machines than there are."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom pyspark.sql import SparkSession\nfrom doubling import twice\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "Path(sys.argv[2]).mkdir()\n"
        "rows = spark.sparkContext.textFile(sys.argv[1]).map(twice)\n"
        "rows.coalesce(1).saveAsTextFile('s3://made-by-the-script/out')\n"
        "print('set to', spark.conf.get('spark.skewless.test'))\n"
        "raise SystemExit(5)\n"
    )
    put(services, "code/x.py", script)
    put(services, "modules/doubling.py", "def twice(line):\n    return line * 2\n")
    put(services, "data/a", "x\ny\n")
    properties = {"spark.skewless.test": "ok", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    put(
        services,
        "conf/configuration.json",
        json.dumps([{"Classification": "spark-defaults", "Properties": properties}]),
    )
    logs = "/opt/ml/processing/spark-events"
    modules = "/opt/ml/processing/input/py-files"
    entrypoint = [
        "smspark-submit",
        "--local-spark-event-logs-dir",
        logs,
        "--py-files",
        modules,
        f"{CODE}/x.py",
    ]
    asked = request(
        SPARK,
        entrypoint=entrypoint,
        ProcessingInputs=[
            given("code", "s3://bucket/code/x.py", CODE),
            given("py-files", "s3://bucket/modules/", modules),
            given("conf", "s3://bucket/conf/", "/opt/ml/processing/input/conf"),
        ],
        ProcessingOutputConfig=to("s3://bucket/events", logs, "Continuous"),
        ProcessingResources={"ClusterConfig": {"InstanceCount": 2}},
    )
    made = str(Path(services.s3_folder or "") / "made-by-the-script")
    asked["AppSpecification"]["ContainerArguments"] = ["s3a://bucket/data/*", made]
    ran = run(tmp_path / "job", "processing", services, asked)
    assert "set to ok" in ran.output, ran.output
    assert ran.outcome.outcome == "Failed"
    assert (ran.outcome.reason or "").endswith("exit code: 5")
    assert (Path(made) / "out" / "part-00000").read_text() == "xx\nyy\n"
    assert any((Path(services.s3_folder or "") / "bucket" / "events").rglob("*local-*"))


def test_a_script_that_fails_says_why(tmp_path: Path, services: Services) -> None:
    script = (
        "from pathlib import Path\n"
        "Path('/opt/ml/output/message').write_text('m' * 2000)\n"
        "Path('/opt/ml/processing/output/x').write_text('')\n"
        "raise ValueError('no such column')\n"
    )
    outputs = to("s3://bucket/out", "/opt/ml/processing/output")
    ran = processed(tmp_path, services, script, ProcessingOutputConfig=outputs)
    assert ran.outcome.outcome == "Failed"
    assert ran.outcome.reason == "AlgorithmError: ValueError: no such column, exit code: 1"
    assert ran.outcome.result == {"ExitMessage": "m" * 1024}
    assert not (Path(services.s3_folder or "") / "bucket" / "out").exists()


def test_a_continuous_output_is_there_before_the_end(tmp_path: Path, services: Services) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "Path('/opt/ml/processing/output/first').write_text('1')\n"
        "while not Path('/opt/ml/processing/output/go').exists(): time.sleep(0.05)\n"
        "Path('/opt/ml/processing/output/first').write_text('22')\n"
        "sys.exit(3)\n"
    )
    put(services, "code/x.py", script)
    asked = request(ProcessingOutputConfig=to("s3://bucket/out", "/opt/ml/processing/output", "Continuous"))
    out = Path(services.s3_folder or "") / "bucket" / "out"
    with start(tmp_path / "job", "processing", services, asked) as process:
        try:
            until((out / "first").exists)
            (tmp_path / "job/root/opt/ml/processing/output/go").touch()
            process.communicate(timeout=60)
        finally:
            kill_group(process)
    assert outcome(tmp_path / "job").outcome == "Failed"
    assert (out / "first").read_text() == "22"


def test_a_shell_entrypoint_and_a_manifest(tmp_path: Path, services: Services) -> None:
    put(services, "data/a", "1")
    put(services, "data/deep/b", "2")
    put(services, "list.json", json.dumps([{"prefix": "s3://bucket/data/"}, "a", "deep/b"]))
    inputs = [given("list", "s3://bucket/list.json", "/opt/ml/processing/in", S3DataType="ManifestFile")]
    line = "cd /opt/ml/processing/in && cat a deep/b && python3 -c 'import sys; print(sys.executable)'"
    asked = request(entrypoint=["/bin/bash", "-c", line], ProcessingInputs=inputs)
    ran = run(tmp_path / "job", "processing", services, asked)
    assert ran.outcome.outcome == "Completed", ran.output
    assert f"12{sys.executable}" in ran.output


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"AppSpecification": {"ImageUri": "me/own:1", "ContainerEntrypoint": ["x"]}}, "image 'me/own:1'"),
        ({"AppSpecification": {"ImageUri": SKLEARN}}, "no ContainerEntrypoint"),
        ({"ProcessingResources": {"ClusterConfig": {"InstanceCount": 2}}}, "InstanceCount is 2"),
        (
            {"ProcessingInputs": [given("i", "s3://bucket/none/", f"{CODE}/")]},
            "no objects under s3://bucket/none/",
        ),
        ({"ProcessingInputs": [given("i", "s3://gone/", f"{CODE}/")]}, "there is no such bucket"),
        ({"ProcessingInputs": [given("i", "s3://bucket/", "/etc")]}, "LocalPath /etc is not below"),
        ({"ProcessingInputs": [given("i", "s3://bucket/", f"{CODE}/../../../../x")]}, "is not below"),
        (
            {"ProcessingInputs": [given("i", "s3://bucket/", CODE, S3InputMode="Pipe")]},
            "Pipe is not supported",
        ),
        ({"ProcessingOutputConfig": to("s3://bucket/o", "/opt/ml/processing/../x")}, "is not below"),
        (
            {"AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["nothing-of-this-name"]}},
            "nothing-of-this-name cannot be started",
        ),
    ],
)
def test_refusals(tmp_path: Path, services: Services, change: dict[str, Any], told: str) -> None:
    put(services, "code/x.py", "")
    ended = run(tmp_path / "job", "processing", services, request() | change).outcome
    assert ended.outcome == "Failed"
    assert told in (ended.reason or "")


def test_a_machine_that_refuses_private_folders_says_what_to_allow(
    tmp_path: Path, services: Services
) -> None:
    """In a user namespace that may have no further ones, and without the right to mount."""
    put(services, "code/x.py", "print('the script ran')")
    lay_out(tmp_path / "job", "processing", services, request())
    inner = f"echo 0 > /proc/sys/user/max_mnt_namespaces && exec {sys.executable} -m skewless.jobs.run {tmp_path}/job"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", inner],
        capture_output=True,
        text=True,
        check=False,
    )
    ended = outcome(tmp_path / "job")
    assert ended.outcome == "Failed", done.stderr
    assert "refuses private folders" in (ended.reason or "")
    assert "user.max_user_namespaces" in (ended.reason or "")
    assert "the script ran" not in done.stdout


def test_a_full_disk_is_what_the_job_ends_with(tmp_path: Path, services: Services) -> None:
    put(services, "code/x.py", "open('/opt/ml/processing/big', 'wb').write(bytes(1 << 22))")
    folder, job = tmp_path / "small", tmp_path / "small" / "job"
    folder.mkdir()
    lay_out(tmp_path / "laid-out", "processing", services, request())
    inner = (
        f"mount -t tmpfs -o size=1m tmpfs {folder} && cp -r --sparse=never {tmp_path}/laid-out {job} && "
        f"{sys.executable} -m skewless.jobs.run {job}; cat {job}/outcome.json"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inner],
        capture_output=True,
        text=True,
        check=False,
    )
    ended = json.loads(done.stdout.splitlines()[-1])
    assert ended["outcome"] == "Failed"
    assert "No space left on device" in ended["reason"]


def test_stop_reaches_the_script_and_ends_all_it_started(tmp_path: Path, services: Services) -> None:
    script = (
        "import os, signal, subprocess, sys, time\nfrom pathlib import Path\n"
        "def stop(*_):\n    print('told to stop', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "Path('/opt/ml/processing/pids').write_text(f'{os.getpid()} {child.pid}')\n"
        "Path('/opt/ml/processing/ready').touch()\n"
        "time.sleep(1000)\n"
    )
    put(services, "code/x.py", script)
    place = tmp_path / "job/root/opt/ml/processing"
    with start(tmp_path / "job", "processing", services, request()) as process:
        try:
            until((place / "ready").exists)
            os.killpg(process.pid, signal.SIGTERM)
            told, _ = process.communicate(timeout=60)
        finally:
            kill_group(process)
    assert outcome(tmp_path / "job").outcome == "Stopped"
    assert b"told to stop" in told
    assert alive([int(pid) for pid in (place / "pids").read_text().split()]) == []


def test_nothing_outlives_a_killed_job(tmp_path: Path, services: Services) -> None:
    script = (
        "import os, signal, subprocess, time\nfrom pathlib import Path\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sh', '-c', 'setsid sleep 1000 & echo $!; sleep 1000'], stdout=subprocess.PIPE)\n"
        "Path('/opt/ml/processing/pids').write_text(f'{os.getpid()} {child.pid} {int(child.stdout.readline())}')\n"
        "Path('/opt/ml/processing/ready').touch()\n"
        "time.sleep(1000)\n"
    )
    put(services, "code/x.py", script)
    place = tmp_path / "job/root/opt/ml/processing"
    with start(tmp_path / "job", "processing", services, request()) as process:
        until((place / "ready").exists)
        pids = [int(pid) for pid in (place / "pids").read_text().split()]
        assert alive(pids) == pids
        process.kill()
    until(lambda: not alive(pids))
