"""Training jobs: what may be asked of them, and what they are described as."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row

from skewless.containers.training import checkpoints_of, way_of
from skewless.control import steps
from skewless.control.errors import invalid
from skewless.control.jobs import Jobs
from skewless.control.objects import require_input
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.refusals import refuse
from skewless.control.roles import SAGEMAKER, require_role
from skewless.control.run import Run
from skewless.errors import SkewlessError

LONGEST: Final = 86400
"""Seconds that a job may run where its request does not say."""

REFUSED: Final = {
    "AlgorithmSpecification.AlgorithmName": "Give TrainingImage.",
    "InputDataConfig.DataSource.FileSystemDataSource": "Put the data into a bucket and give S3DataSource.",
    "InputDataConfig.DataSource.DatasetSource": "Put the data into a bucket and give S3DataSource.",
    "InputDataConfig.DataSource.S3DataSource.AttributeNames": "It belongs to augmented manifests.",
    "InputDataConfig.DataSource.S3DataSource.InstanceGroupNames": "There is one instance.",
    "InputDataConfig.DataSource.S3DataSource.HubAccessConfig": "Put the data into a bucket.",
    "ResourceConfig.InstanceGroups": "Give InstanceType and InstanceCount.",
    "ResourceConfig.InstancePreferences": "Give InstanceType and InstanceCount.",
    "ResourceConfig.InstancePlacementConfig": "There is one instance.",
    "ResourceConfig.TrainingPlanArn": "Give InstanceType and InstanceCount.",
    "ServerlessJobConfig": "Give AlgorithmSpecification and ResourceConfig.",
    "MlflowConfig": "Read the scores from the job's FinalMetricDataList or log.",
    "ModelPackageConfig": "Make a model of the job's artifact with CreateModel.",
}


@operation(
    "sagemaker",
    "CreateTrainingJob",
    ignores=(
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        "AlgorithmSpecification.TrainingImageConfig",
        "InputDataConfig.DataSource.S3DataSource.ModelAccessConfig",
        "InputDataConfig.ShuffleConfig",
        "OutputDataConfig.KmsKeyId",
        "ResourceConfig.KeepAlivePeriodInSeconds",
        "ResourceConfig.SelectedInstanceCount",
        "ResourceConfig.SelectedInstanceType",
        "ResourceConfig.VolumeKmsKeyId",
        "ResourceConfig.VolumeSizeInGB",
        "StoppingCondition.MaxPendingTimeInSeconds",
        "StoppingCondition.MaxWaitTimeInSeconds",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "EnableNetworkIsolation",
        "ExperimentConfig",
        "InfraCheckConfig",
        "ProfilerConfig",
        "ProfilerRuleConfigurations",
        "RemoteDebugConfig",
        "RetryStrategy",
        "SessionChainingConfig",
        "TensorBoardOutputConfig",
        "VpcConfig",
    ),
)
def create_training_job(plane: Plane, request: Members) -> Members:
    """A job that waits for its process as soon as this returns."""
    refuse(request, REFUSED)
    _check_algorithm(plane, request)
    _check_places(request)
    for channel in request.get("InputDataConfig") or ():
        where = f"InputDataConfig, channel {channel['ChannelName']}"
        require_input(plane, where, channel["DataSource"].get("S3DataSource"), request["RoleArn"])
    with plane.store.begin() as connection:
        require_role(plane, connection, request["RoleArn"], SAGEMAKER)
        answer = TRAINING.create(plane, connection, request)
    plane.wake()
    return answer


@operation("sagemaker", "DescribeTrainingJob")
def describe_training_job(plane: Plane, request: Members) -> Members:
    """A training job as it is now."""
    with plane.store.begin() as connection:
        row = TRAINING.existing(connection, request)
        transitions = steps.told(connection, row)
    metrics = (row.result or {}).get("metrics", {})
    ran = max(1, round((row.ended - row.started) / 1000)) if row.ended and row.started else None
    return present(
        {
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
            "EnableNetworkIsolation": False,
            **TRAINING.described(row),
            # SDKs that attach to a job read the key's name even where there is none.
            "OutputDataConfig": {"KmsKeyId": "", **row.request["OutputDataConfig"]},
            "AlgorithmSpecification": _algorithm(row.request["AlgorithmSpecification"], metrics),
            "StoppingCondition": {
                "MaxRuntimeInSeconds": LONGEST,
                **(row.request.get("StoppingCondition") or {}),
            },
            "SecondaryStatus": row.secondary,
            "SecondaryStatusTransitions": transitions,
            "LastModifiedTime": seconds(row.modified),
            "ModelArtifacts": (row.result or {}).get("ModelArtifacts"),
            "FinalMetricDataList": _final(metrics),
            "TrainingTimeInSeconds": ran,
            "BillableTimeInSeconds": ran,
        }
    )


@operation("sagemaker", "ListTrainingJobs")
def list_training_jobs(plane: Plane, request: Members) -> Members:
    """Training jobs, filtered, sorted and in pages."""
    refuse(
        request,
        {
            "WarmPoolStatusEquals": "There are no warm pools.",
            "TrainingPlanArnEquals": "There are no training plans.",
        },
    )
    return TRAINING.page(plane, request, descending=False)


@operation("sagemaker", "StopTrainingJob")
def stop_training_job(plane: Plane, request: Members) -> Members:
    """Ask for a training job's end; what it has learnt until then is kept."""
    return TRAINING.stop(plane, request)


@operation("sagemaker", "DeleteTrainingJob")
def delete_training_job(plane: Plane, request: Members) -> Members:
    """Forget a training job that has ended; its artifact stays."""
    return TRAINING.delete(plane, request)


def _run(row: Row[Any]) -> Run:
    return Run(
        kind="training",
        name=row.name,
        arn=row.arn,
        request=row.request,
        log_group="/aws/sagemaker/TrainingJobs",
        log_stream=f"{row.name}/algo-1-{row.created // 1000}",
        limit=(row.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", LONGEST),
    )


TRAINING: Final = Jobs("Training", _run, lambda name: "Requested resource not found.", has_steps=True)


def _check_algorithm(plane: Plane, request: Members) -> None:
    try:
        way = way_of(request, plane.images())
        checkpoints_of(request)
    except SkewlessError as error:
        raise invalid(str(error)) from None
    definitions = request["AlgorithmSpecification"].get("MetricDefinitions") or ()
    if way.kind != "algorithm":
        _check_program(request, definitions)
    elif definitions:
        raise invalid(
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )


def _check_program(request: Members, definitions: Sequence[Members]) -> None:
    """What a script or a program of one's own is given."""
    for one in definitions:
        where = f"AlgorithmSpecification.MetricDefinitions, {one['Name']}: the Regex {one['Regex']!r}"
        try:
            groups = re.compile(one["Regex"]).groups
        except (re.error, RecursionError, OverflowError) as error:
            raise invalid(f"{where} is no regular expression: {error}.") from None
        if not groups:
            raise invalid(f"{where} has no group. Put the part that is the number into parentheses.")
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    for channel in request.get("InputDataConfig") or ():
        where = f"InputDataConfig, channel {channel['ChannelName']}"
        if channel["ChannelName"] in (".", ".."):
            raise invalid(f"{where}: the name cannot be that of a folder.")
        if (channel.get("InputMode") or mode) == "Pipe":
            raise invalid(f"{where}: input mode Pipe is not supported by this version. Use File or FastFile.")
        if channel.get("RecordWrapperType") == "RecordIO":
            raise invalid(f"{where}: RecordWrapperType RecordIO belongs to input mode Pipe. Leave it out.")


def _check_places(request: Members) -> None:
    resources = request.get("ResourceConfig") or {}
    if resources.get("InstanceCount", 1) != 1:
        raise invalid(
            f"ResourceConfig.InstanceCount {resources['InstanceCount']} is not supported by this version. "
            "Give 1: a training job is one process."
        )
    checkpoints = request.get("CheckpointConfig")
    if checkpoints and not checkpoints["S3Uri"].startswith("s3://"):
        raise invalid(f"CheckpointConfig.S3Uri {checkpoints['S3Uri']!r} is at no s3:// address.")
    output = request["OutputDataConfig"]
    if not output["S3OutputPath"].startswith("s3://"):
        raise invalid(f"OutputDataConfig.S3OutputPath {output['S3OutputPath']!r} is at no s3:// address.")
    if output.get("CompressionType") == "NONE":
        raise invalid(
            "OutputDataConfig.CompressionType NONE is not supported by this version. "
            "Leave it out: the artifact is a model.tar.gz."
        )
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig") or ()]
    if len({*names}) != len(names):
        raise invalid(f"Each ChannelName must be there once; given are {', '.join(names)}.")


def _algorithm(asked: Members, metrics: Members) -> Members:
    """As AWS describes it; a built-in algorithm has a definition of each metric that it writes to its log."""
    found = [
        {"Name": name, "Regex": rf".*\[[0-9]+\].*#011{name.replace(':', '-', 1)}:(\S+).*"}
        for name in sorted(metrics)
    ]
    return present({"MetricDefinitions": found or None, **asked})


def _final(metrics: Members) -> list[Members] | None:
    """The last value of each metric."""
    return [
        {"MetricName": name, "Value": value, "Timestamp": seconds(told)}
        for name, (value, told) in sorted(metrics.items())
    ] or None
