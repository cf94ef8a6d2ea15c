"""Training jobs by a real gateway: submitted, watched, stopped and limited by boto3 alone."""

from __future__ import annotations

import io
import tarfile
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from tests.gateways import Gateway, until
from tests.requests import TRAINING

ENDED = ("Completed", "Failed", "Stopped")
BUCKET = "training-data"
FEW = {"num_round": "10", "objective": "multi:softmax", "num_class": "3", "eval_metric": "mlogloss"}
MANY = {**FEW, "num_round": "10000000"}


class Trainings:
    """Training jobs on one bucket."""

    def __init__(self, up: Gateway) -> None:
        self.up = up
        self.sagemaker = up.client("sagemaker")
        self.s3 = up.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        generator = np.random.default_rng(3)
        for channel, rows in (("train", 300), ("validation", 100)):
            features = generator.normal(size=(rows, 3)).round(3)
            labels = (features[:, 0] > 0).astype(int) + (features[:, 1] > 0.5)
            body = "".join(
                f"{label},{a},{b},{c}\n" for label, (a, b, c) in zip(labels, features, strict=True)
            )
            self.s3.put_object(Bucket=BUCKET, Key=f"output/{channel}/part-00000", Body=body.encode())
            self.s3.put_object(Bucket=BUCKET, Key=f"output/{channel}/_SUCCESS", Body=b"")

    def start(self, hyperparameters: dict[str, str], seconds: int = 3600) -> str:
        """A job's name."""
        name = f"xgboost-cars-{uuid4().hex[:8]}"
        channels = [
            {
                **channel,
                "DataSource": {"S3DataSource": {**channel["DataSource"]["S3DataSource"], "S3Uri": uri}},
            }
            for channel in TRAINING["InputDataConfig"]
            for uri in [f"s3://{BUCKET}/output/{channel['ChannelName']}"]
        ]
        request = {
            **TRAINING,
            "TrainingJobName": name,
            "RoleArn": self.up.role,
            "HyperParameters": hyperparameters,
            "InputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/xgb"},
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        }
        self.sagemaker.create_training_job(**request)
        return name

    def shown(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return found

    def logged(self, name: str) -> list[str]:
        """The lines of its one stream; none before its process has printed, which makes the group too."""
        logs = self.up.client("logs")
        group = "/aws/sagemaker/TrainingJobs"
        try:
            found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")
        except logs.exceptions.ResourceNotFoundException:
            return []
        streams = found["logStreams"]
        if not streams:
            return []
        (stream,) = [one["logStreamName"] for one in streams]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]

    def rounds(self, name: str) -> int:
        """The rounds that a job's log has."""
        if self.shown(name)["SecondaryStatus"] in ("Starting", "Downloading"):
            return 0
        return sum(line.startswith("[") for line in self.logged(name))

    def archived(self, name: str) -> list[str]:
        """The files of a job's artifact."""
        address = self.shown(name)["ModelArtifacts"]["S3ModelArtifacts"]
        assert address == f"s3://{BUCKET}/xgb/{name}/output/model.tar.gz"
        body = self.s3.get_object(Bucket=BUCKET, Key=f"xgb/{name}/output/model.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return archive.getnames()


@pytest.fixture(scope="module")
def trainings(up: Gateway) -> Trainings:
    return Trainings(up)


def test_a_job_is_trained_and_says_what_it_came_to(trainings: Trainings) -> None:
    name = trainings.start(FEW)
    waiter = trainings.sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    shown = trainings.shown(name)
    assert shown["TrainingJobStatus"] == "Completed", shown.get("FailureReason")
    assert [step["Status"] for step in shown["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert "xgboost-model" in trainings.archived(name)
    lines = [line for line in trainings.logged(name) if line.startswith("[")]
    assert len(lines) == 10
    figures = {one["MetricName"]: one["Value"] for one in shown["FinalMetricDataList"]}
    assert lines[-1] == (
        f"[9]#011train-mlogloss:{figures['train:mlogloss']:.5f}"
        f"#011validation-mlogloss:{figures['validation:mlogloss']:.5f}"
    )
    until(lambda: not (trainings.up.data_dir / "jobs" / "training" / name).exists())  # after its end is told


def test_a_job_that_is_stopped_keeps_what_it_learnt(trainings: Trainings) -> None:
    stopped = trainings.start(MANY)
    until(lambda: trainings.rounds(stopped) > 2)
    trainings.sagemaker.stop_training_job(TrainingJobName=stopped)
    until(lambda: trainings.shown(stopped)["TrainingJobStatus"] in ENDED)
    shown = trainings.shown(stopped)
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [step["Status"] for step in shown["SecondaryStatusTransitions"]][-3:] == [
        "Stopping",
        "Uploading",
        "Stopped",
    ]
    assert "xgboost-model" in trainings.archived(stopped)


def test_a_job_that_runs_too_long_is_ended(trainings: Trainings) -> None:
    name = trainings.start(MANY, seconds=1)
    until(lambda: trainings.shown(name)["TrainingJobStatus"] in ENDED)
    shown = trainings.shown(name)
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_job_that_cannot_be_done_says_why(trainings: Trainings) -> None:
    name = trainings.start({"num_round": "3", "objective": "no:such"})
    until(lambda: trainings.shown(name)["TrainingJobStatus"] in ENDED)
    shown = trainings.shown(name)
    assert (shown["TrainingJobStatus"], shown["SecondaryStatus"]) == ("Failed", "Failed")
    assert shown["FailureReason"].startswith("ClientError: Hyperparameter objective: ")
