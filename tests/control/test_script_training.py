"""What may be asked of training jobs that run a program of the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from skewless.containers.process.registered import Registered
from skewless.control import running
from skewless.control.errors import ServiceError
from skewless.control.plane import Members, Plane
from tests.planes import call
from tests.planes import plane as make_plane
from tests.requests import TRAINING, changed, furnish

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://data/code.tar.gz"'}
OWN = {
    **changed(TRAINING, "AlgorithmSpecification.TrainingImage", SKLEARN),
    "HyperParameters": SCRIPT,
}
"""A job with a script."""
SHELL = changed(OWN, "AlgorithmSpecification.ContainerEntrypoint", ["/bin/bash"])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    folder = tmp_path_factory.mktemp("plane")
    with make_plane(folder) as made:
        furnish(made, folder / "s3")
        yield replace(made, images=lambda: {"own": Registered(["/usr/bin/env", "true"])})


@pytest.mark.parametrize(
    "asked",
    [
        OWN,
        changed(OWN, "AlgorithmSpecification.TrainingImage", "xgboost"),
        changed(OWN, "AlgorithmSpecification.TrainingImage", "python"),
        changed(OWN, "AlgorithmSpecification.TrainingInputMode", "FastFile"),
        changed(OWN, "CheckpointConfig", {"S3Uri": "s3://data/saved", "LocalPath": "/opt/ml/checkpoints/"}),
        changed(TRAINING, "CheckpointConfig.S3Uri", "s3://data/saved"),
        changed(OWN, "Environment.SAGEMAKER_PROGRAM", "other.py"),
        changed(SHELL, "HyperParameters", {}),
        changed(SHELL, "AlgorithmSpecification.TrainingImage", "own"),
        changed(TRAINING, "AlgorithmSpecification.TrainingImage", "own"),
        changed(TRAINING, "AlgorithmSpecification.TrainingImage", "/bin/true"),
    ],
)
def test_what_is_taken(plane: Plane, asked: Members) -> None:
    name = f"job-{uuid4().hex}"
    call(plane, "sagemaker", "CreateTrainingJob", **{**asked, "TrainingJobName": name})
    (run,) = [one for one in running.to_start(plane) if one.name == name]
    assert run.request == {**asked, "TrainingJobName": name}


def metric(regex: str) -> dict[str, Any]:
    return changed(OWN, "AlgorithmSpecification.MetricDefinitions", [{"Name": "loss", "Regex": regex}])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            changed(OWN, "HyperParameters", {}),
            "scikit-learn:1.2-1-cpu-py3 trains by a script, and the job names none",
        ),
        (
            changed(OWN, "AlgorithmSpecification.ContainerArguments", ["x"]),
            "ContainerArguments are given without a ContainerEntrypoint. Give both",
        ),
        (
            changed(OWN, "AlgorithmSpecification.TrainingInputMode", "Pipe"),
            "channel train: input mode Pipe is not",
        ),
        (changed(SHELL, "InputDataConfig.1.InputMode", "Pipe"), "channel validation: input mode Pipe is not"),
        (
            changed(OWN, "InputDataConfig.0.RecordWrapperType", "RecordIO"),
            "RecordIO belongs to input mode Pipe",
        ),
        (
            changed(OWN, "InputDataConfig.0.ChannelName", ".."),
            "channel ..: the name cannot be that of a folder",
        ),
        (
            changed(OWN, "CheckpointConfig.S3Uri", "/tmp"),
            "CheckpointConfig.S3Uri '/tmp' is at no s3:// address",
        ),
        (
            changed(OWN, "CheckpointConfig", {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../../etc"}),
            "LocalPath /opt/ml/../../etc is not below /opt/ml. Leave it out",
        ),
        (changed(OWN, "ResourceConfig.InstanceCount", 2), "ResourceConfig.InstanceCount 2 is not supported"),
        (
            metric("loss=(\\S+"),
            "MetricDefinitions, loss: the Regex 'loss=(\\\\S+' is no regular expression: missing )",
        ),
        (
            metric("loss=.*"),
            "the Regex 'loss=.*' has no group. Put the part that is the number into parentheses",
        ),
        (changed(OWN, "AlgorithmSpecification.TrainingImage", "./run"), "'./run' is a relative path"),
        (changed(OWN, "AlgorithmSpecification.TrainingImage", "/no/such"), "there is no such file"),
        (
            changed(OWN, "AlgorithmSpecification.TrainingImage", "/etc/passwd"),
            "is no program: it may not be run",
        ),
        (changed(OWN, "AlgorithmSpecification.TrainingImage", "unknown"), "image 'unknown' is not known"),
        (changed(SHELL, "AlgorithmSpecification.TrainingImage", "unknown"), "image 'unknown' is not known"),
    ],
)
def test_what_is_refused(plane: Plane, asked: Members, said: str) -> None:
    before = len(running.to_start(plane))
    with pytest.raises(ServiceError) as raised:
        call(plane, "sagemaker", "CreateTrainingJob", **{**asked, "TrainingJobName": "refused"})
    assert raised.value.code == "ValidationException"
    assert said in raised.value.message
    assert len(running.to_start(plane)) == before


def test_the_metric_definitions_are_described_as_asked(plane: Plane) -> None:
    asked = metric(r"loss=(\S+)")
    call(plane, "sagemaker", "CreateTrainingJob", **{**asked, "TrainingJobName": "described"})
    assert running.began(plane, "training", "described")
    running.progress(plane, "training", "described", {"metric": "loss", "value": 0.5})
    found = call(plane, "sagemaker", "DescribeTrainingJob", TrainingJobName="described")
    assert found["AlgorithmSpecification"] == asked["AlgorithmSpecification"]
    assert [(one["MetricName"], one["Value"]) for one in found["FinalMetricDataList"]] == [("loss", 0.5)]
    assert found["HyperParameters"] == SCRIPT
