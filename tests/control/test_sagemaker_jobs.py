from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skewless.control import running
from skewless.control.errors import ServiceError
from skewless.control.plane import Members, Plane
from skewless.control.run import End
from skewless.control.states import IllegalStep
from tests.planes import Clock, call
from tests.planes import plane as make_plane
from tests.requests import (
    MODEL,
    PROCESSING,
    ROLE,
    SPARKML,
    TRAINING,
    TRANSFORM,
    changed,
    furnish,
)

KINDS = {"Training": TRAINING, "Processing": PROCESSING, "Transform": TRANSFORM}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as made:
        furnish(made, tmp_path / "s3")
        call(made, "sagemaker", "CreateModel", **MODEL)
        yield made


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane for requests that are refused: nothing ever comes into it."""
    folder = tmp_path_factory.mktemp("plane")
    with make_plane(folder) as made:
        furnish(made, folder / "s3")
        call(made, "sagemaker", "CreateModel", **MODEL)
        yield made


def create(plane: Plane, prefix: str, name: str, **members: Any) -> str:
    """A job's ARN."""
    request = {**KINDS[prefix], f"{prefix}JobName": name, **members}
    return str(call(plane, "sagemaker", f"Create{prefix}Job", **request)[f"{prefix}JobArn"])


def described(plane: Plane, prefix: str, name: str) -> Members:
    return call(plane, "sagemaker", f"Describe{prefix}Job", **{f"{prefix}JobName": name})


def stop(plane: Plane, prefix: str, name: str) -> None:
    call(plane, "sagemaker", f"Stop{prefix}Job", **{f"{prefix}JobName": name})


def run_to(plane: Plane, prefix: str, name: str, end: End, reason: str | None = None, **result: Any) -> None:
    assert running.began(plane, prefix.lower(), name)
    running.ended(plane, prefix.lower(), name, end, reason, result)


def waiting(plane: Plane) -> list[tuple[str, str]]:
    return [(run.kind, run.name) for run in running.to_start(plane)]


ARTIFACT = {"S3ModelArtifacts": "s3://data/xgb/Cars/output/model.tar.gz"}


def train_cars(plane: Plane, clock: Clock) -> None:
    """Tell the life of the training job Cars, as a supervisor does."""
    clock.move(2)
    assert running.began(plane, "training", "Cars")
    assert not running.began(plane, "training", "Cars"), "claimed once"
    assert waiting(plane) == []
    for step in ("Downloading", "Training", "Uploading"):
        running.progress(plane, "training", "Cars", {"secondary": step, "message": f"now {step}"})
        clock.move(1)
    running.progress(plane, "training", "Cars", {"metric": "train:rmse", "value": 0.5})
    running.progress(plane, "training", "Cars", {"metric": "train:rmse", "value": 0.25})
    running.ended(plane, "training", "Cars", "Completed", None, {"ModelArtifacts": ARTIFACT})


def test_a_training_job_waits_with_all_that_its_process_needs(plane: Plane, clock: Clock) -> None:
    arn = create(plane, "Training", "Cars", Tags=[{"Key": "a", "Value": "b"}])
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:training-job/cars"
    assert clock.wakes == [clock.ms]
    (run,) = running.to_start(plane)
    assert (run.kind, run.name, run.arn, run.limit) == ("training", "Cars", arn, 3600)
    assert run.request == {**TRAINING, "TrainingJobName": "Cars"}
    assert (run.log_group, run.log_stream) == ("/aws/sagemaker/TrainingJobs", "Cars/algo-1-1700000000")
    assert described(plane, "Training", "Cars")["SecondaryStatus"] == "Starting"
    assert call(plane, "sagemaker", "ListTags", ResourceArn=arn) == {"Tags": [{"Key": "a", "Value": "b"}]}


def test_a_training_job_is_described_with_what_it_came_to(plane: Plane, clock: Clock) -> None:
    create(plane, "Training", "Cars")
    train_cars(plane, clock)
    found = described(plane, "Training", "Cars")
    added = ("TrainingJobName", "AlgorithmSpecification", "OutputDataConfig")
    asked = {name: value for name, value in TRAINING.items() if name not in added}
    assert {name: found[name] for name in asked} == asked
    assert found["OutputDataConfig"] == {"S3OutputPath": "s3://data/xgb", "KmsKeyId": ""}
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Completed", "Completed")
    assert found["ModelArtifacts"] == ARTIFACT
    assert found["FinalMetricDataList"] == [
        {"MetricName": "train:rmse", "Value": 0.25, "Timestamp": 1_700_000_005.0}
    ]
    assert found["AlgorithmSpecification"]["MetricDefinitions"] == [
        {"Name": "train:rmse", "Regex": r".*\[[0-9]+\].*#011train-rmse:(\S+).*"}
    ]
    assert (found["TrainingStartTime"], found["TrainingEndTime"]) == (1_700_000_002.0, 1_700_000_005.0)
    assert (found["TrainingTimeInSeconds"], found["BillableTimeInSeconds"]) == (3, 3)
    assert (found["CreationTime"], found["LastModifiedTime"]) == (1_700_000_000.0, 1_700_000_005.0)
    assert "FailureReason" not in found


def test_the_scores_of_a_training_job_are_metrics(plane: Plane, clock: Clock) -> None:
    create(plane, "Training", "Cars")
    train_cars(plane, clock)
    statistics = call(
        plane,
        "cloudwatch",
        "GetMetricStatistics",
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:rmse",
        Dimensions=[{"Name": "TrainingJobName", "Value": "Cars"}],
        StartTime=1_699_999_980.0,
        EndTime=1_700_000_040.0,
        Period=60,
        Statistics=["Minimum"],
    )
    assert [point["Minimum"] for point in statistics["Datapoints"]] == [0.25]


def test_the_steps_of_a_training_job(plane: Plane, clock: Clock) -> None:
    create(plane, "Training", "Cars")
    train_cars(plane, clock)
    found = described(plane, "Training", "Cars")
    assert [(step["Status"], step["StatusMessage"]) for step in found["SecondaryStatusTransitions"]] == [
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "now Downloading"),
        ("Training", "now Training"),
        ("Uploading", "now Uploading"),
        ("Completed", "Training job completed"),
    ]
    times = [(step["StartTime"], step["EndTime"]) for step in found["SecondaryStatusTransitions"]]
    assert times == [
        (1_700_000_000.0, 1_700_000_002.0),
        (1_700_000_002.0, 1_700_000_003.0),
        (1_700_000_003.0, 1_700_000_004.0),
        (1_700_000_004.0, 1_700_000_005.0),
        (1_700_000_005.0, 1_700_000_005.0),
    ]


def test_a_transform_runs_the_model_as_it_was(plane: Plane) -> None:
    create(plane, "Transform", "score")
    call(plane, "sagemaker", "DeleteModel", ModelName="cars")
    (run,) = running.to_start(plane)
    assert run.containers == MODEL["Containers"]
    assert run.log_group == "/aws/sagemaker/TransformJobs"
    name, _, stream = run.log_stream.partition("/")
    assert name == "score"
    assert stream.startswith("i-")
    assert stream.endswith("-1700000000")
    assert running.to_start(plane)[0].log_stream == run.log_stream, "the same each time"
    run_to(plane, "Transform", "score", "Failed", "ClientError: See job logs for more information")
    found = described(plane, "Transform", "score")
    assert {name: found[name] for name in TRANSFORM} == {**TRANSFORM, "TransformJobName": "score"}
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"] == "ClientError: See job logs for more information"
    assert found["TransformStartTime"] == found["TransformEndTime"] == 1_700_000_000.0


def test_a_processing_job_says_what_it_left(plane: Plane) -> None:
    create(plane, "Processing", "features")
    (run,) = running.to_start(plane)
    assert (run.log_group, run.log_stream) == ("/aws/sagemaker/ProcessingJobs", "features/algo-1-1700000000")
    assert run.limit == 86400
    run_to(plane, "Processing", "features", "Completed", ExitMessage="7 rows")
    found = described(plane, "Processing", "features")
    assert {name: found[name] for name in PROCESSING} == PROCESSING
    assert (found["ProcessingJobStatus"], found["ExitMessage"]) == ("Completed", "7 rows")
    assert found["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


@pytest.mark.parametrize("prefix", KINDS)
def test_a_name_is_taken_until_its_job_is_deleted(plane: Plane, prefix: str) -> None:
    arn = create(plane, prefix, "job")
    with pytest.raises(ServiceError) as raised:
        create(plane, prefix, "Job")
    assert raised.value.code == "ResourceInUse"
    assert raised.value.message == (
        f"{prefix} job names must be unique within an AWS account and region, and a {prefix.lower()} job with this "
        f"name already exists ({arn})"
    )
    if prefix == "Transform":
        return  # SageMaker deletes none
    with pytest.raises(ServiceError, match="in status InProgress") as raised:
        call(plane, "sagemaker", f"Delete{prefix}Job", **{f"{prefix}JobName": "job"})
    assert raised.value.code == "ResourceInUse"
    run_to(plane, prefix, "job", "Completed")
    call(plane, "sagemaker", f"Delete{prefix}Job", **{f"{prefix}JobName": "job"})
    create(plane, prefix, "job")
    assert described(plane, prefix, "job")[f"{prefix}JobStatus"] == "InProgress"


UNKNOWN = {
    "Training": "Requested resource not found.",
    "Processing": "Could not find requested job with name: none",
    "Transform": "Could not find job to update with name none",
}


@pytest.mark.parametrize(("prefix", "said"), UNKNOWN.items())
@pytest.mark.parametrize("verb", ["Describe", "Stop"])
def test_a_job_that_is_not_there(untouched: Plane, prefix: str, said: str, verb: str) -> None:
    with pytest.raises(ServiceError) as raised:
        call(untouched, "sagemaker", f"{verb}{prefix}Job", **{f"{prefix}JobName": "none"})
    assert (raised.value.code, raised.value.message) == ("ValidationException", said)


@pytest.mark.parametrize("prefix", KINDS)
def test_a_job_that_waits_is_stopped_without_a_process(plane: Plane, prefix: str) -> None:
    create(plane, prefix, "job")
    stop(plane, prefix, "job")
    stop(plane, prefix, "job")
    assert described(plane, prefix, "job")[f"{prefix}JobStatus"] == "Stopping"
    assert waiting(plane) == []
    assert not running.began(plane, prefix.lower(), "job")
    assert running.to_stop(plane) == [(prefix.lower(), "job")]
    running.ended(plane, prefix.lower(), "job", "Stopped")
    assert running.to_stop(plane) == []
    assert described(plane, prefix, "job")[f"{prefix}JobStatus"] == "Stopped"
    with pytest.raises(ServiceError) as raised:
        stop(plane, prefix, "job")
    assert raised.value.code == "ValidationException"
    assert raised.value.message == (
        f"The request was rejected because the {prefix.lower()} job is in status Stopped."
    )


def statuses(plane: Plane) -> list[str]:
    return [step["Status"] for step in described(plane, "Training", "job")["SecondaryStatusTransitions"]]


def test_a_stopped_training_still_uploads(plane: Plane) -> None:
    create(plane, "Training", "job")
    running.began(plane, "training", "job")
    running.progress(plane, "training", "job", {"secondary": "Downloading", "message": "-"})
    stop(plane, "Training", "job")
    running.progress(plane, "training", "job", {"secondary": "Training", "message": "it had not heard"})
    running.progress(plane, "training", "job", {"secondary": "Uploading", "message": "-"})
    running.ended(
        plane, "training", "job", "Stopped", None, {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"}}
    )
    assert statuses(plane) == ["Starting", "Downloading", "Stopping", "Uploading", "Stopped"]
    found = described(plane, "Training", "job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/m"}


@pytest.mark.parametrize(
    ("stopping", "secondary"), [(False, "MaxRuntimeExceeded"), (True, "Stopped")], ids=["alone", "stopping"]
)
def test_a_training_that_runs_too_long(plane: Plane, stopping: bool, secondary: str) -> None:
    create(plane, "Training", "job")
    running.began(plane, "training", "job")
    if stopping:
        stop(plane, "Training", "job")
    running.ended(plane, "training", "job", "TimedOut")
    found = described(plane, "Training", "job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", secondary)
    assert "FailureReason" not in found


def test_a_failed_training_says_why(plane: Plane) -> None:
    create(plane, "Training", "job")
    run_to(plane, "Training", "job", "Failed", "ClientError: " + "x" * 2000)
    found = described(plane, "Training", "job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    assert found["FailureReason"] == "ClientError: " + "x" * (1024 - 13)
    assert found["SecondaryStatusTransitions"][-1]["StatusMessage"] == found["FailureReason"]


def test_steps_that_do_not_follow_are_refused(plane: Plane) -> None:
    create(plane, "Training", "job")
    with pytest.raises(IllegalStep, match="never claimed"):
        running.ended(plane, "training", "job", "Completed")
    running.began(plane, "training", "job")
    for line in ("Uploading", "Whatever"):
        with pytest.raises(IllegalStep, match=f"is Starting and cannot become {line}"):
            running.progress(plane, "training", "job", {"secondary": line, "message": "-"})
    running.ended(plane, "training", "job", "Completed")
    for name in ("job", "none"):
        with pytest.raises(IllegalStep, match="cannot go on"):
            running.ended(plane, "training", name, "Failed")
        with pytest.raises(IllegalStep, match="cannot go on"):
            running.progress(plane, "training", name, {"metric": "m", "value": 1.0})
    assert described(plane, "Training", "job")["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize("prefix", KINDS)
def test_what_a_killed_gateway_left(plane: Plane, prefix: str) -> None:
    kind = prefix.lower()
    for name in ("waits", "runs", "stopping", "done"):
        create(plane, prefix, name)
    for name in ("runs", "stopping"):
        running.began(plane, kind, name)
    stop(plane, prefix, "stopping")
    run_to(plane, prefix, "done", "Completed")
    assert sorted(running.orphans(plane)) == [(kind, "runs"), (kind, "stopping")]
    assert running.orphans(plane) == []
    found = {name: described(plane, prefix, name) for name in ("waits", "runs", "stopping", "done")}
    assert {name: one[f"{prefix}JobStatus"] for name, one in found.items()} == {
        "waits": "InProgress",
        "runs": "Failed",
        "stopping": "Stopped",
        "done": "Completed",
    }
    assert found["runs"]["FailureReason"].startswith(
        "InternalServerError: Skewless ended while the job was running"
    )
    assert waiting(plane) == [(kind, "waits")]


@pytest.mark.parametrize(("prefix", "count"), [("Training", 200), ("Processing", 44), ("Transform", 44)])
def test_many_jobs_in_pages(plane: Plane, clock: Clock, prefix: str, count: int) -> None:
    for number in range(count):
        clock.move(1)
        create(plane, prefix, f"j{number:03}")
    assert len(waiting(plane)) == count
    assert waiting(plane)[0] == (prefix.lower(), "j000"), "the longest-waiting first"
    failed = range(0, count, 4)
    for number in failed:
        run_to(plane, prefix, f"j{number:03}", "Failed", "reason")
    asked: Members = {"StatusEquals": "Failed", "SortBy": "Name", "SortOrder": "Descending", "MaxResults": 20}
    found: list[Members] = []
    while "NextToken" not in asked or asked["NextToken"]:
        answer = call(plane, "sagemaker", f"List{prefix}Jobs", **asked)
        found += answer[f"{prefix}JobSummaries"]
        asked["NextToken"] = answer.get("NextToken")
    assert [one[f"{prefix}JobName"] for one in found] == [f"j{number:03}" for number in reversed(failed)]
    assert found[0].get("FailureReason") == (None if prefix == "Training" else "reason")
    assert found[0].get("SecondaryStatus") == ("Failed" if prefix == "Training" else None)
    first = call(plane, "sagemaker", f"List{prefix}Jobs")[f"{prefix}JobSummaries"]
    assert first[0][f"{prefix}JobName"] == (f"j{count - 1:03}" if prefix == "Transform" else "j000"), (
        "SageMaker's defaults"
    )
    assert len(first) == 10


def test_lists_are_of_their_own_kind(plane: Plane) -> None:
    for prefix in KINDS:
        create(plane, prefix, prefix)
    for prefix in KINDS:
        (one,) = call(plane, "sagemaker", f"List{prefix}Jobs")[f"{prefix}JobSummaries"]
        assert one[f"{prefix}JobName"] == prefix


NOBODY = "arn:aws:iam::000000000000:role/nobody"
TRAIN_URI = "InputDataConfig.0.DataSource.S3DataSource.S3Uri"
TRAIN_KIND = "InputDataConfig.0.DataSource.S3DataSource.S3DataType"
BATCH = "TransformInput.DataSource.S3DataSource"


@pytest.mark.parametrize(
    ("prefix", "request_", "said"),
    [
        (
            "Training",
            changed(TRAINING, TRAIN_URI, "s3://data/none"),
            'No S3 objects found under S3 URL "s3://data/none" given in input data source. Please ensure that the '
            "bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the "
            f'role "{ROLE}" has "s3:ListBucket" permissions on bucket "data".',
        ),
        (
            "Training",
            changed(TRAINING, TRAIN_URI, "s3://none/x"),
            "Error message from S3: s3://none: there is no such",
        ),
        (
            "Training",
            changed(TRAINING, TRAIN_URI, "https://h/x"),
            "channel train: 'https://h/x' is no s3:// address",
        ),
        (
            "Training",
            changed(TRAINING, TRAIN_KIND, "AugmentedManifestFile"),
            "AugmentedManifestFile is not supported",
        ),
        ("Training", changed(TRAINING, TRAIN_KIND, "ManifestFile"), 'under S3 URL "s3://data/output/train"'),
        (
            "Training",
            changed(TRAINING, "InputDataConfig.1.ChannelName", "train"),
            "Each ChannelName must be there once; given are train, train.",
        ),
        (
            "Training",
            changed(TRAINING, "RoleArn", NOBODY),
            f"Could not assume role {NOBODY}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role.",
        ),
        ("Training", changed(TRAINING, "AlgorithmSpecification.TrainingImage", None), "has no TrainingImage"),
        (
            "Training",
            changed(TRAINING, "AlgorithmSpecification.TrainingImage", "acme:1"),
            "'acme:1' is not known",
        ),
        (
            "Training",
            changed(TRAINING, "AlgorithmSpecification.TrainingImage", SPARKML),
            "serves and does not train",
        ),
        (
            "Training",
            changed(TRAINING, "AlgorithmSpecification.MetricDefinitions", [{"Name": "a", "Regex": "b"}]),
            "You can't override the metric definitions for Amazon SageMaker algorithms.",
        ),
        (
            "Training",
            changed(TRAINING, "ResourceConfig.InstanceCount", 2),
            "InstanceCount 2 is not supported",
        ),
        (
            "Training",
            changed(TRAINING, "OutputDataConfig.CompressionType", "NONE"),
            "CompressionType NONE is not",
        ),
        (
            "Training",
            changed(TRAINING, "OutputDataConfig.S3OutputPath", "https://h/b"),
            "is at no s3:// address",
        ),
        (
            "Training",
            changed(TRAINING, "CheckpointConfig.S3Uri", "https://h/b"),
            "CheckpointConfig.S3Uri 'https://h/b' is at no s3:// address",
        ),
        (
            "Training",
            changed(TRAINING, "ServerlessJobConfig.JobType", "FineTuning"),
            "ServerlessJobConfig is not",
        ),
        ("Processing", changed(PROCESSING, "RoleArn", NOBODY), "Could not assume role"),
        (
            "Processing",
            changed(PROCESSING, "ProcessingInputs.0.S3Input.S3Uri", "s3://data/none"),
            'No S3 objects found under S3 URL "s3://data/none"',
        ),
        (
            "Processing",
            changed(PROCESSING, "ProcessingInputs.0.S3Input", None),
            "code: there is no S3 data source",
        ),
        (
            "Processing",
            changed(PROCESSING, "ProcessingInputs.0.DatasetDefinition.LocalPath", "/a"),
            "ProcessingInputs.DatasetDefinition is not supported",
        ),
        (
            "Processing",
            changed(PROCESSING, "ProcessingOutputConfig.Outputs.0.S3Output", None),
            "ProcessingOutputConfig.Outputs, train: there is no S3Output.",
        ),
        (
            "Processing",
            changed(PROCESSING, "ProcessingInputs", PROCESSING["ProcessingInputs"] * 2),
            "Each InputName must be there once; given are code, code.",
        ),
        (
            "Transform",
            changed(TRANSFORM, "ModelName", "none"),
            'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/none".',
        ),
        ("Transform", changed(TRANSFORM, f"{BATCH}.S3Uri", "s3://data/none/"), "No S3 objects found"),
        (
            "Transform",
            changed(TRANSFORM, f"{BATCH}.S3DataType", "Converse"),
            "S3DataType Converse is not supported",
        ),
        ("Transform", changed(TRANSFORM, "MaxPayloadInMB", 101), "MaxPayloadInMB 101 times"),
        (
            "Transform",
            {**TRANSFORM, "MaxPayloadInMB": 20, "MaxConcurrentTransforms": 6},
            "MaxPayloadInMB 20 times MaxConcurrentTransforms 6 is above 100",
        ),
        (
            "Transform",
            changed(TRANSFORM, "TransformOutput.S3OutputPath", "https://h/b"),
            "is at no s3:// address",
        ),
        (
            "Transform",
            changed(TRANSFORM, "DataCaptureConfig.DestinationS3Uri", "s3://b/c"),
            "DataCaptureConfig is not supported",
        ),
    ],
)
def test_what_cannot_be_a_job(untouched: Plane, prefix: str, request_: Members, said: str) -> None:
    with pytest.raises(ServiceError) as raised:
        call(untouched, "sagemaker", f"Create{prefix}Job", **request_)
    assert raised.value.code == "ValidationException"
    assert said in raised.value.message
    assert call(untouched, "sagemaker", f"List{prefix}Jobs") == {f"{prefix}JobSummaries": []}


def test_a_transform_cannot_pick_a_container(plane: Plane) -> None:
    direct = changed(MODEL, "InferenceExecutionConfig", {"Mode": "Direct"})
    direct = changed(
        changed(direct, "Containers.0.ContainerHostname", "a"), "Containers.1.ContainerHostname", "b"
    )
    call(plane, "sagemaker", "CreateModel", **{**direct, "ModelName": "direct"})
    with pytest.raises(ServiceError, match="Mode Direct"):
        create(plane, "Transform", "job", ModelName="direct")


def test_storage_that_is_gone_is_said(plane: Plane, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "s3")
    with pytest.raises(ServiceError, match="No S3 objects found"):
        create(plane, "Training", "job")


def test_tags_of_anything_by_arn(plane: Plane) -> None:
    arn = create(plane, "Transform", "score")
    assert call(plane, "sagemaker", "AddTags", ResourceArn=arn, Tags=[{"Key": "b", "Value": "1"}]) == {
        "Tags": [{"Key": "b", "Value": "1"}]
    }
    more = [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    call(plane, "sagemaker", "AddTags", ResourceArn=arn.replace("score", "SCORE"), Tags=more)
    assert call(plane, "sagemaker", "ListTags", ResourceArn=arn) == {"Tags": more}
    call(plane, "sagemaker", "DeleteTags", ResourceArn=arn, TagKeys=["a", "none"])
    assert call(plane, "sagemaker", "ListTags", ResourceArn=arn) == {"Tags": more[1:]}
    full = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with pytest.raises(ServiceError, match="limit of 50"):
        call(plane, "sagemaker", "AddTags", ResourceArn=arn, Tags=full)
    assert call(plane, "sagemaker", "ListTags", ResourceArn=arn) == {"Tags": more[1:]}


@pytest.mark.parametrize("operation", ["AddTags", "ListTags", "DeleteTags"])
@pytest.mark.parametrize("rest", ["transform-job/none", "model/score", "pipeline/score"])
def test_tags_of_what_is_not_there(untouched: Plane, operation: str, rest: str) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:{rest}"
    with pytest.raises(ServiceError) as raised:
        call(untouched, "sagemaker", operation, ResourceArn=arn, Tags=[], TagKeys=["a"])
    assert raised.value.message.startswith(f'Could not find "{arn}"')
