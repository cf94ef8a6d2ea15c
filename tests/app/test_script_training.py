"""Training jobs with programs of one's own by a real gateway, asked for as the SageMaker Python SDK's versions do."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib
import numpy as np
import pytest

from skewless.cli.up import variables
from tests.gateways import Gateway, until

ENDED = ("Completed", "Failed", "Stopped")
BUCKET = "own-training"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
PAGE = Path(__file__).parents[2] / "docs/how-to/train-own-script.md"
BLOCKS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL))
"""The page's examples."""
WAITS = """\
import signal, sys, time

def stop(*_):
    open("/opt/ml/model/model.txt", "w").write("half")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("begun", flush=True)
time.sleep(1000)
"""


class Trainings:
    """Jobs on one bucket."""

    def __init__(self, up: Gateway) -> None:
        self.up = up
        self.sagemaker, self.s3 = up.client("sagemaker"), up.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        generator = np.random.default_rng(3)
        features = generator.normal(size=(200, 2)).round(3)
        self.data = "".join(f"{int(a > b)},{a},{b}\n" for a, b in features)
        self.put("data/a.csv", self.data.encode())

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def request(self, script: str, **hyperparameters: object) -> dict[str, Any]:
        """As version 2 of the SDK asks for ``SKLearn(entry_point="train.py", …).fit({"train": …})``."""
        name = f"sagemaker-scikit-learn-{uuid4().hex[:8]}"
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w:gz") as archive:
            header = tarfile.TarInfo("train.py")
            header.size = len(script)
            archive.addfile(header, io.BytesIO(script.encode()))
        code = self.put(f"{name}/source/sourcedir.tar.gz", body.getvalue())
        given: dict[str, object] = {
            **hyperparameters,
            "sagemaker_submit_directory": code,
            "sagemaker_program": "train.py",
            "sagemaker_container_log_level": 20,
            "sagemaker_job_name": name,
            "sagemaker_region": "us-east-1",
        }
        return {
            "TrainingJobName": name,
            "RoleArn": self.up.role,
            "HyperParameters": {key: json.dumps(value) for key, value in given.items()},
            "AlgorithmSpecification": {"TrainingImage": SKLEARN, "TrainingInputMode": "File"},
            "InputDataConfig": [self.channel("train", f"s3://{BUCKET}/data/a.csv", ContentType="text/csv")],
            "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": f"s3://{BUCKET}/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            "ProfilerConfig": {"S3OutputPath": f"s3://{BUCKET}/", "DisableProfiler": False},
            "DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/", "CollectionConfigurations": []},
        }

    def channel(self, name: str, uri: str, **more: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}

    def shown(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return found

    def ended(self, request: dict[str, Any]) -> dict[str, Any]:
        """A job, run to its end."""
        self.sagemaker.create_training_job(**request)
        until(lambda: self.shown(request["TrainingJobName"])["TrainingJobStatus"] in ENDED, 120)
        return self.shown(request["TrainingJobName"])

    def logged(self, name: str) -> list[str]:
        """The lines of its stream; none before its process has printed, which makes the group too."""
        logs = self.up.client("logs")
        try:
            found = logs.filter_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1-"
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in found["events"]]

    def archived(self, shown: dict[str, Any]) -> dict[str, bytes]:
        """The files of a job's artifact."""
        key = shown["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
        body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def trainings(up: Gateway) -> Trainings:
    return Trainings(up)


def test_a_script_of_scikit_learn_trains(trainings: Trainings) -> None:
    request = trainings.request(BLOCKS["train.py"], **{"max-iter": 300})
    definitions = [{"Name": "train:accuracy", "Regex": r"accuracy=(\S+);"}]
    request["AlgorithmSpecification"]["MetricDefinitions"] = definitions
    shown = trainings.ended(request)
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    name = request["TrainingJobName"]
    assert shown["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{name}/output/model.tar.gz"
    steps = [step["Status"] for step in shown["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    model = joblib.load(io.BytesIO(trainings.archived(shown)["model.joblib"]))
    assert model.max_iter == 300
    assert model.predict(np.array([[2.0, -2.0], [-2.0, 2.0]])).tolist() == [1, 0]
    (metric,) = shown["FinalMetricDataList"]
    assert metric["MetricName"] == "train:accuracy"
    assert 0.9 < metric["Value"] <= 1
    assert shown["AlgorithmSpecification"]["MetricDefinitions"] == definitions
    assert any(line.endswith("python3 train.py --max-iter 300") for line in trainings.logged(name))


def test_a_script_that_fails_says_why(trainings: Trainings) -> None:
    shown = trainings.ended(trainings.request("raise ValueError('no column \"age\"')", epochs=3))
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Failed", "Failed")
    assert shown["FailureReason"] == (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no column "age""\n'
        'Command "python3 train.py --epochs 3", exit code: 1'
    )


@pytest.mark.parametrize(("seconds", "secondary"), [(86400, "Stopped"), (4, "MaxRuntimeExceeded")])
def test_a_job_that_is_stopped_keeps_what_it_has(trainings: Trainings, seconds: int, secondary: str) -> None:
    request = trainings.request(WAITS)
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": seconds}
    name = request["TrainingJobName"]
    trainings.sagemaker.create_training_job(**request)
    if secondary == "Stopped":
        until(lambda: "begun" in trainings.logged(name))
        trainings.sagemaker.stop_training_job(TrainingJobName=name)
    until(lambda: trainings.shown(name)["TrainingJobStatus"] in ENDED, 120)
    shown = trainings.shown(name)
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Stopped", secondary)
    if "begun" in trainings.logged(name):  # a busy machine may not have come so far in four seconds
        assert trainings.archived(shown) == {"model.txt": b"half"}


DRIVER = """\
#!/bin/bash
set -e
python3 --version && pip3 --version
echo "export SM_MODEL_DIR='/opt/ml/model'" > /opt/ml/input/sm_training.env
source /opt/ml/input/sm_training.env
cd /opt/ml/input/data/code
python3 train.py
"""


def test_a_program_is_started_as_version_3_asks_for_it(trainings: Trainings) -> None:
    name = f"cars-{uuid4().hex[:8]}"
    trainings.put(f"{name}/input/sm_drivers/sm_train.sh", DRIVER.encode())
    script = b"import os, pickle\npickle.dump(7, open(os.environ['SM_MODEL_DIR'] + '/seven', 'wb'))"
    trainings.put(f"{name}/input/code/train.py", script)
    channels = [
        trainings.channel(one, f"s3://{BUCKET}/{name}/input/{one}", InputMode="File")
        for one in ("code", "sm_drivers")
    ]
    start = "/opt/ml/input/data/sm_drivers/sm_train.sh"
    shown = trainings.ended(
        {
            "TrainingJobName": name,
            "RoleArn": trainings.up.role,
            "AlgorithmSpecification": {
                "TrainingImage": SKLEARN,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash"],
                "ContainerArguments": ["-c", f"chmod +x {start} && {start}"],
            },
            "InputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "GZIP"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
    )
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert pickle.loads(trainings.archived(shown)["seven"]) == 7


def test_an_image_of_ones_own_trains(trainings: Trainings, tmp_path: Path) -> None:
    program = tmp_path / "own"
    program.write_text("#!/bin/sh\ncat /opt/ml/input/data/train/a.csv | wc -l > /opt/ml/model/$1-$MODE\n")
    program.chmod(0o755)
    request = trainings.request("") | {"HyperParameters": {}, "Environment": {"MODE": "fast"}}
    request["AlgorithmSpecification"]["TrainingImage"] = str(program)
    shown = trainings.ended(request)
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert {name: body.split() for name, body in trainings.archived(shown).items()} == {
        "train-fast": [b"200"]
    }


def test_the_pages_example(trainings: Trainings, tmp_path: Path) -> None:
    for name, text in {**BLOCKS, "shells.csv": trainings.data}.items():
        (tmp_path / name).write_text(text)
    up = trainings.up
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ran = subprocess.run(
        [sys.executable, "submit.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, **variables(up.identity, up.running)},
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first == "Completed s3://shells/models/shells-1/output/model.tar.gz"
    assert re.fullmatch(r"{'accuracy': (0\.9\d*|1\.0)}", second)
