"""Batch transform jobs: what may be asked of them, and what they are described as."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from sqlalchemy import Row

from skewless.control.errors import invalid
from skewless.control.jobs import Jobs
from skewless.control.models import containers_of, existing_model
from skewless.control.objects import require_input
from skewless.control.plane import Members, Plane, operation
from skewless.control.refusals import refuse
from skewless.control.run import Run

MOST_IN_FLIGHT: Final = 100
"""MiB that all concurrent calls may have at once."""

REFUSED: Final = {"DataCaptureConfig": "The input and the output are in your buckets."}


@operation(
    "sagemaker",
    "CreateTransformJob",
    ignores=(
        "ExperimentConfig",
        "TransformOutput.KmsKeyId",
        "TransformResources.InstanceCount",
        "TransformResources.InstanceType",
        "TransformResources.TransformAmiVersion",
        "TransformResources.VolumeKmsKeyId",
    ),
)
def create_transform_job(plane: Plane, request: Members) -> Members:
    """A job that waits for its process as soon as this returns; it runs the model as it is now."""
    refuse(request, REFUSED)
    _check_payload(request)
    output = request["TransformOutput"]["S3OutputPath"]
    if not output.startswith("s3://"):
        raise invalid(
            f"TransformOutput.S3OutputPath {output!r} is at no s3:// address. Write s3://BUCKET/PREFIX."
        )
    with plane.store.begin() as connection:
        model = existing_model(plane, connection, request["ModelName"])
    if (model.request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct":
        raise invalid(
            f"Model {model.name} has InferenceExecutionConfig Mode Direct, in which a caller picks the container; "
            "a transform job cannot. Make a model of one container, or a pipeline."
        )
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    require_input(plane, "TransformInput", source, model.request.get("ExecutionRoleArn"))
    with plane.store.begin() as connection:
        answer = TRANSFORM.create(plane, connection, request, containers_of(model.request))
    plane.wake()
    return answer


@operation("sagemaker", "DescribeTransformJob")
def describe_transform_job(plane: Plane, request: Members) -> Members:
    """A transform job as it is now."""
    with plane.store.begin() as connection:
        row = TRANSFORM.existing(connection, request)
    return TRANSFORM.described(row)


@operation("sagemaker", "ListTransformJobs")
def list_transform_jobs(plane: Plane, request: Members) -> Members:
    """Transform jobs, filtered, sorted and in pages."""
    return TRANSFORM.page(plane, request, descending=True)


@operation("sagemaker", "StopTransformJob")
def stop_transform_job(plane: Plane, request: Members) -> Members:
    """Ask for a transform job's end; it leaves no partial results."""
    return TRANSFORM.stop(plane, request)


def _run(row: Row[Any]) -> Run:
    return Run(
        kind="transform",
        name=row.name,
        arn=row.arn,
        request=row.request,
        containers=row.containers,
        log_group="/aws/sagemaker/TransformJobs",
        log_stream=f"{row.name}/{_instance(row)}-{row.created // 1000}",
    )


def _instance(row: Row[Any]) -> str:
    """The id of the job's instance: the same whenever it is asked for."""
    return f"i-{hashlib.sha256(f'{row.name} {row.created}'.encode()).hexdigest()[:17]}"


TRANSFORM: Final = Jobs("Transform", _run, lambda name: f"Could not find job to update with name {name}")


def _check_payload(request: Members) -> None:
    payload, calls = request.get("MaxPayloadInMB", 6), request.get("MaxConcurrentTransforms", 1)
    if payload * max(calls, 1) > MOST_IN_FLIGHT:
        raise invalid(
            f"MaxPayloadInMB {payload} times MaxConcurrentTransforms {max(calls, 1)} is above {MOST_IN_FLIGHT}: "
            "make one of them smaller."
        )
