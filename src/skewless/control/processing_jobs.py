"""Processing jobs: what may be asked of them, and what they are described as."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row

from skewless.control.errors import invalid
from skewless.control.jobs import Jobs
from skewless.control.objects import require_input
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.refusals import refuse
from skewless.control.roles import SAGEMAKER, require_role
from skewless.control.run import Run

LONGEST: Final = 86400
"""Seconds that a job may run where its request does not say."""

REFUSED: Final = {
    "ProcessingInputs.DatasetDefinition": "Put the data into a bucket and give S3Input.",
    "ProcessingOutputConfig.Outputs.FeatureStoreOutput": "Give S3Output.",
    "ProcessingResources.ClusterConfig.InstancePreferences": "Give InstanceType and InstanceCount.",
}


@operation(
    "sagemaker",
    "CreateProcessingJob",
    ignores=(
        "ExperimentConfig",
        "NetworkConfig",
        "ProcessingOutputConfig.KmsKeyId",
        "ProcessingResources.ClusterConfig.InstanceType",
        "ProcessingResources.ClusterConfig.SelectedInstanceCount",
        "ProcessingResources.ClusterConfig.SelectedInstanceType",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "ProcessingResources.ClusterConfig.VolumeSizeInGB",
    ),
)
def create_processing_job(plane: Plane, request: Members) -> Members:
    """A job that waits for its process as soon as this returns."""
    refuse(request, REFUSED)
    inputs = request.get("ProcessingInputs") or []
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    _check_names("InputName", inputs)
    _check_names("OutputName", outputs)
    for output in outputs:
        if not output.get("S3Output"):
            raise invalid(f"ProcessingOutputConfig.Outputs, {output['OutputName']}: there is no S3Output.")
    for given in inputs:
        require_input(
            plane, f"ProcessingInputs, {given['InputName']}", given.get("S3Input"), request["RoleArn"]
        )
    with plane.store.begin() as connection:
        require_role(plane, connection, request["RoleArn"], SAGEMAKER)
        answer = PROCESSING.create(plane, connection, request)
    plane.wake()
    return answer


@operation("sagemaker", "DescribeProcessingJob")
def describe_processing_job(plane: Plane, request: Members) -> Members:
    """A processing job as it is now."""
    with plane.store.begin() as connection:
        row = PROCESSING.existing(connection, request)
    return present(
        {
            **PROCESSING.described(row),
            "StoppingCondition": row.request.get("StoppingCondition") or {"MaxRuntimeInSeconds": LONGEST},
            "LastModifiedTime": seconds(row.modified),
            "ExitMessage": (row.result or {}).get("ExitMessage"),
        }
    )


@operation("sagemaker", "ListProcessingJobs")
def list_processing_jobs(plane: Plane, request: Members) -> Members:
    """Processing jobs, filtered, sorted and in pages."""
    return PROCESSING.page(plane, request, descending=False)


@operation("sagemaker", "StopProcessingJob")
def stop_processing_job(plane: Plane, request: Members) -> Members:
    """Ask for a processing job's end."""
    return PROCESSING.stop(plane, request)


@operation("sagemaker", "DeleteProcessingJob")
def delete_processing_job(plane: Plane, request: Members) -> Members:
    """Forget a processing job that has ended; what it wrote stays."""
    return PROCESSING.delete(plane, request)


def _run(row: Row[Any]) -> Run:
    return Run(
        kind="processing",
        name=row.name,
        arn=row.arn,
        request=row.request,
        log_group="/aws/sagemaker/ProcessingJobs",
        log_stream=f"{row.name}/algo-1-{row.created // 1000}",
        limit=(row.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", LONGEST),
    )


PROCESSING: Final = Jobs("Processing", _run, lambda name: f"Could not find requested job with name: {name}")


def _check_names(member: str, given: list[Members]) -> None:
    names = [one[member] for one in given]
    if len({*names}) != len(names):
        raise invalid(f"Each {member} must be there once; given are {', '.join(names)}.")
